import type { Schema } from "../../api/client";
import type { Format, Words } from "../../words";

type Rule = Schema<"Rule">;

/** A line of a contract as a sentence. */
export function sayRule(rule: Rule, words: Words["lake"]["rules"], format: Format): string {
  const end = (value: number | null, open: string): string => (value === null ? open : format.number(value));
  if (rule.kind === "unique") return words.unique(rule.columns.join(" + ") || rule.column);
  if (rule.kind === "between") return words.between(rule.column, end(rule.low, "−∞"), end(rule.high, "∞"));
  if (rule.kind === "one_of") return words.one_of(rule.column, rule.values.join(", "));
  if (rule.kind === "fresh") return words.fresh(rule.within);
  if (rule.kind === "not_null") return words.not_null(rule.column || rule.columns.join(", "));
  return words[rule.kind]();
}
