import type { Schema } from "../../api/client";
import type { Format, Words } from "../../words";

type Source = NonNullable<Schema<"DatasetSpec">["source"]>;
type Rule = Schema<"Rule">;

/** A line of a contract as a sentence. */
export function sayRule(rule: Rule, words: Words["lake"]["rules"], format: Format): string {
  const end = (value: number | null, open: string): string => (value === null ? open : format.number(value));
  if (rule.kind === "unique") return words.unique(rule.columns.join(" + ") || rule.column);
  if (rule.kind === "between") return words.between(rule.column, end(rule.low, "−∞"), end(rule.high, "∞"));
  if (rule.kind === "one_of") return words.one_of(rule.column, rule.values.join(", "));
  if (rule.kind === "fresh") return words.fresh(rule.within);
  if (rule.kind === "not_null") return words.not_null(rule.column || rule.columns.join(", "));
  if (rule.kind === "matches") return words.matches(rule.column, rule.pattern);
  if (rule.kind === "exists_in") return words.exists_in(rule.column, `${rule.dataset}.${rule.other}`);
  if (rule.kind === "rows") return words.rows(end(rule.low, "0"), end(rule.high, "∞"));
  if (rule.kind === "expression") return words.expression(rule.expression);
  if (rule.kind === "distribution") return words.distribution(rule.column, sayLimits(rule, words, format));
  return words[rule.kind]();
}

function sayLimits(rule: Rule, words: Words["lake"]["rules"], format: Format): string {
  const limits = [
    [words.psi, rule.psi],
    [words.nullShare, rule.null_share],
    [words.meanShift, rule.mean_shift],
  ] as const;
  return limits.flatMap(([name, limit]) => (limit === null ? [] : [`${name} ≤ ${format.number(limit)}`])).join(", ");
}

/** Where the rows of a dataset come from. */
export function saySource(source: Source): string {
  if (source.kind === "files") return source.path;
  if (source.kind === "kafka") return `${source.brokers} ${source.topic}`;
  return source.kind === "sql" ? `${source.url} ${source.table}` : source.url;
}
