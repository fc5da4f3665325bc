import type { Schema } from "../../api/client";

/** Seconds of work in steps, by the wall clock: the house's time may be a replay's. */
export function workOf(steps: readonly Schema<"StepRun">[]): number {
  return steps.reduce((sum, { seconds }) => sum + seconds, 0);
}
