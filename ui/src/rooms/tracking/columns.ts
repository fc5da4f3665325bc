import { useCallback, useMemo } from "react";
import { useUrlState } from "../../shell/url";
import { keysOf, type Run } from "./search";

export const fixedColumns = ["experiment", "status", "started", "took", "person"] as const;
export type FixedColumn = (typeof fixedColumns)[number];

const storageKey = "ondol.runs.columns";
const usual = ["experiment", "status", "started", "took"];
const usualMetrics = 4;
const usualParams = 4;

function remembered(): string {
  try {
    return localStorage.getItem(storageKey) ?? "";
  } catch {
    return "";
  }
}

function remember(columns: string): void {
  try {
    localStorage.setItem(storageKey, columns);
  } catch {
    // Without storage the choice lasts as long as the address.
  }
}

/** What most of these runs have, when nobody has chosen yet. */
function usualColumns(runs: readonly Run[]): string[] {
  const keys = keysOf(runs.slice(0, 200));
  const first = (section: string, most: number): string[] => keys.filter((key) => key.startsWith(section)).slice(0, most);
  return [...usual, ...first("metrics.", usualMetrics), ...first("params.", usualParams), ...(keys.includes("tags.reason") ? ["tags.reason"] : [])];
}

function split(text: string): string[] {
  return text.split(",").filter((piece) => piece !== "").map(decodeURIComponent);
}

/** The columns after the name: those in the address, else those chosen last, else what is usual for these runs. */
export function useColumns(runs: readonly Run[]): [columns: readonly string[], choose: (columns: readonly string[] | undefined) => void] {
  const [chosen, setChosen] = useUrlState("columns");
  const text = chosen === "" ? remembered() : chosen;
  const choose = useCallback(
    (columns: readonly string[] | undefined) => {
      const next = (columns ?? []).map(encodeURIComponent).join(",");
      remember(next);
      setChosen(next);
    },
    [setChosen],
  );
  const columns = useMemo(() => (text === "" ? usualColumns(runs) : split(text)), [text, runs]);
  return [columns, choose];
}
