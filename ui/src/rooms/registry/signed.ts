import type { Format } from "../../words";

/** A difference with its sign: +0.021. */
export function signed(value: number, format: Format): string {
  return `${value < 0 ? "−" : "+"}${format.metric(Math.abs(value))}`;
}
