import type { Schema } from "../../api/client";

export type Run = Schema<"Run">;

/** A question to `runs.search`. */
export interface Search {
  readonly experiments: readonly string[];
  readonly filter: string;
  readonly order: readonly string[];
}

const attributes: Readonly<Record<string, string>> = {
  name: "run_name",
  status: "status",
  started: "start_time",
  person: "user_id",
};
export const sections = ["metrics", "params", "tags"] as const;
type Section = (typeof sections)[number];

/** What a column shows: an attribute (`started`), or an entry of a section (`metrics.auc`). */
export function placeOfColumn(column: string): readonly [section: Section, key: string] | undefined {
  const dot = column.indexOf(".");
  const section = sections.find((name) => name === column.slice(0, dot));
  return section === undefined ? undefined : [section, column.slice(dot + 1)];
}

/** A name in the grammar of the search, or undefined for what it cannot sort by. */
function fieldOf(column: string): string | undefined {
  const place = placeOfColumn(column);
  if (place !== undefined) return `${place[0]}.${place[1].includes("`") ? `"${place[1]}"` : `\`${place[1]}\``}`;
  const attribute = attributes[column];
  return attribute === undefined ? undefined : `attributes.${attribute}`;
}

export function isSortable(column: string): boolean {
  return fieldOf(column) !== undefined;
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

const grammar = /[=<>]|\b(?:like|ilike|in|is)\b/i;

/** Bare words look for a name, an id for its run; the rest is the search's own grammar. */
export function filterOf(text: string, status: string): string {
  const typed = text.trim();
  const clauses: string[] = [];
  if (/^run_[0-9a-z]{20,}$/.test(typed)) clauses.push(`attributes.run_id = ${quoted(typed)}`);
  else if (typed !== "") clauses.push(grammar.test(typed) ? typed : `attributes.run_name ILIKE ${quoted(`%${typed}%`)}`);
  if (status !== "" && status !== "all") clauses.push(`attributes.status = ${quoted(status.toUpperCase())}`);
  return clauses.join(" AND ");
}

/** `-metrics.auc` as the search says it: `metrics.auc DESC`. */
export function orderOf(order: string): string[] {
  const falls = order.startsWith("-");
  const field = fieldOf(falls ? order.slice(1) : order);
  return field === undefined ? [] : [`${field} ${falls ? "DESC" : "ASC"}`];
}

/** The value of a column: what cells show and groups are made by. */
export function valueOf(run: Run, column: string): string | number | boolean | null | undefined {
  const place = placeOfColumn(column);
  if (place !== undefined) {
    const [section, key] = place;
    return section === "metrics" ? run.metrics[key] : section === "params" ? run.params[key] : run.tags[key];
  }
  if (column === "name") return run.name;
  if (column === "experiment") return run.experiment;
  if (column === "status") return run.status;
  if (column === "started") return run.started_at;
  if (column === "person") return run.person;
  return column === "took" ? secondsOf(run) : undefined;
}

export function secondsOf(run: Run): number | undefined {
  return run.ended_at === null ? undefined : (Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1000;
}

/** A metric as a number; the words of JSON for what it has no number for become that number. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isNaN(number) ? undefined : number;
}

/** Names of metrics, params and tags that the runs have, the most common first. */
export function keysOf(runs: readonly Run[]): string[] {
  const counts = new Map<string, number>();
  for (const run of runs) {
    for (const section of sections) {
      for (const key of Object.keys(run[section])) counts.set(`${section}.${key}`, (counts.get(`${section}.${key}`) ?? 0) + 1);
    }
  }
  return [...counts].sort((one, other) => other[1] - one[1]).map(([name]) => name);
}

/** Ids of ours without their prefix, so that five hundred of them fit into an address. */
export function idsToText(ids: Iterable<string>): string {
  return [...ids].map((id) => (id.startsWith("run_") ? id.slice(4) : `~${id}`)).join(",");
}

export function idsFromText(text: string): string[] {
  return text === "" ? [] : text.split(",").map((piece) => (piece.startsWith("~") ? piece.slice(1) : `run_${piece}`));
}

export interface Group {
  readonly key: string;
  readonly runs: Run[];
}

/** Runs by their value in a column, groups in the order of their first run. */
export function groupsOf(runs: readonly Run[], column: string): Group[] {
  const groups = new Map<string, Group>();
  for (const run of runs) {
    const key = String(valueOf(run, column) ?? "–");
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { key, runs: [] }));
    group.runs.push(run);
  }
  return [...groups.values()];
}

export function meanOf(runs: readonly Run[], column: string): number | undefined {
  let sum = 0;
  let count = 0;
  for (const run of runs) {
    const number = numberOf(valueOf(run, column));
    if (number === undefined || !Number.isFinite(number)) continue;
    sum += number;
    count += 1;
  }
  return count === 0 ? undefined : sum / count;
}
