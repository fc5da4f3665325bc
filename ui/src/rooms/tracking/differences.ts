import type { Run } from "./search";
import { sections, valueOf } from "./search";

export const parts = ["about", "params", "metrics", "code", "environment", "data", "tags"] as const;
export type Part = (typeof parts)[number];

/** A line of a comparison: a column, and what each run has there. */
export interface Difference {
  readonly part: Part;
  readonly column: string;
  readonly values: readonly unknown[];
  readonly differs: boolean;
}

const code = /^(mlflow\.source\.|mlflow\.project\.|git\.|code\b|commit$|command$|entry)/;
const environment = /^(python|platform|os\b|host|packages|environment|mlflow\.(docker|databricks)|system\.)/;
const data = /^(data|dataset|table|training_set|features?\b)/;

/** Where a tag belongs: what code, in which surroundings, on which data; the rest are labels. */
function partOfTag(key: string): Part {
  if (code.test(key)) return "code";
  if (environment.test(key)) return "environment";
  return data.test(key) ? "data" : "tags";
}

export function partOf(column: string): Part {
  if (column.startsWith("params.")) return "params";
  if (column.startsWith("metrics.")) return "metrics";
  return column.startsWith("tags.") ? partOfTag(column.slice("tags.".length)) : "about";
}

/** Every entry that any of the runs has, by part and name. */
export function differencesOf(runs: readonly Run[]): Difference[] {
  const columns = new Set<string>(["experiment", "status", "person"]);
  for (const run of runs) for (const section of sections) for (const key of Object.keys(run[section])) columns.add(`${section}.${key}`);
  const found = [...columns].map((column): Difference => {
    const values = runs.map((run) => valueOf(run, column));
    return { part: partOf(column), column, values, differs: new Set(values.map((value) => JSON.stringify(value))).size > 1 };
  });
  return found.sort((one, other) => parts.indexOf(one.part) - parts.indexOf(other.part) || one.column.localeCompare(other.column));
}
