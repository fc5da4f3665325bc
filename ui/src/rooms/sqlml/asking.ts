import { refusal } from "../../api/client";

const key = "ondol.sql.history";
const kept = 30;

/** What was asked in this browser before, the newest first. */
export function readHistory(): readonly string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

/** Keeps a statement, or forgets all of them. */
export function writeHistory(statement?: string): readonly string[] {
  const next = statement === undefined ? [] : [statement, ...readHistory().filter((one) => one !== statement)].slice(0, kept);
  localStorage.setItem(key, JSON.stringify(next));
  return next;
}

/** The place that a refusal names. */
export function placeIn(message: string): [line: number, column: number] | undefined {
  const found = /line (\d+), column (\d+)/.exec(message);
  return found === null ? undefined : [Number(found[1]), Number(found[2])];
}

/** All rows of a statement as a file. */
export async function downloadCsv(statement: string): Promise<void> {
  const response = await fetch("/v1/sql/csv", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sql: statement }),
  });
  if (!response.ok) throw await refusal(response);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = "result.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}
