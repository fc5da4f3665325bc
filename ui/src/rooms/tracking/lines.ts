import { useMemo } from "react";
import type { Schema } from "../../api/client";
import { manyColours, smoothed, type CurveAxis, type CurveLine } from "../../charts/curves";
import { useShownTheme } from "../../shell/settings";
import { numberOf, type Run } from "./search";

type Curve = Schema<"Curve">;

export interface CurveSettings {
  readonly axis: CurveAxis;
  /** From 0, as it was measured, to 1. */
  readonly smoothing: number;
  readonly log: boolean;
}

/** A colour for each run, the same in every chart of a page. */
export function useRunColours(runs: readonly Run[]): ReadonlyMap<string, string> {
  const isDark = useShownTheme() === "dark";
  return useMemo(() => new Map(runs.map(({ id }, index) => [id, manyColours(index, isDark)])), [runs, isDark]);
}

/** What was measured as curves, by metric, in the order of the runs. */
export function linesOf(
  curves: readonly Curve[],
  runs: readonly Run[],
  colours: ReadonlyMap<string, string>,
  { axis, smoothing }: Pick<CurveSettings, "axis" | "smoothing">,
): ReadonlyMap<string, CurveLine[]> {
  const known = new Map(runs.map((run) => [run.id, run]));
  const found = new Map<string, CurveLine[]>();
  for (const curve of curves) {
    const run = known.get(curve.run);
    if (run === undefined) continue;
    const raw = curve.values.map((value) => {
      const number = numberOf(value);
      return number === undefined || !Number.isFinite(number) ? null : number;
    });
    const line: CurveLine = {
      id: run.id,
      label: run.name,
      colour: colours.get(run.id) ?? "currentcolor",
      xs: placesOf(curve, run, axis),
      ys: smoothing > 0 ? smoothed(raw, smoothing) : raw,
      ...(smoothing > 0 ? { raw } : {}),
    };
    const lines = found.get(curve.metric);
    if (lines === undefined) found.set(curve.metric, [line]);
    else lines.push(line);
  }
  return found;
}

function placesOf({ steps, at }: Curve, run: Run, axis: CurveAxis): readonly number[] {
  if (axis === "step") return steps;
  // A point may be reported later than the one after it; a curve goes forward.
  let newest = -Infinity;
  const rising = at.map((moment) => (newest = Math.max(newest, moment)));
  if (axis === "time") return rising;
  const start = Math.min(Date.parse(run.started_at), rising[0] ?? Infinity);
  return rising.map((moment) => (moment - start) / 1000);
}
