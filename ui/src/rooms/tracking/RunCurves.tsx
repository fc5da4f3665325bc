import "./compare.css";
import { useMemo } from "react";
import { useAsk } from "../../api/hooks";
import { Curves } from "../../charts/Curves";
import type { CurveLine } from "../../charts/curves";
import { Card } from "../../parts/Page";
import { useWords } from "../../words";
import { useCurveSettings } from "./CurveControls";
import { linesOf, useRunColours } from "./lines";
import type { Run } from "./search";

const mostCharts = 60;
const whileRunning = 2_000;

/** The metrics of a run over time, growing while it runs; those of the machine stand apart. */
export function RunCurves({ run }: { readonly run: Run }) {
  const words = useWords().tracking;
  const [settings, controls] = useCurveSettings();
  const names = useMemo(() => Object.keys(run.metrics).sort().slice(0, mostCharts), [run.metrics]);
  const isRunning = run.status === "running";
  const curves = useAsk(
    "/v1/runs/curves",
    { body: { runs: [run.id], metrics: names, points: 1000 } },
    { enabled: names.length > 0, live: ["RunEnded"], ...(isRunning ? { every: whileRunning } : {}) },
  );
  const runs = useMemo(() => [run], [run]);
  const colours = useRunColours(runs);
  const { axis, smoothing, log } = settings;
  const lines = useMemo(() => linesOf(curves.data ?? [], runs, colours, { axis, smoothing }), [curves.data, runs, colours, axis, smoothing]);
  const drawn = [...lines].filter(([, [line]]) => (line?.xs.length ?? 0) > 1);
  if (drawn.length === 0) return null;
  const charts = (shown: readonly (readonly [string, readonly CurveLine[]])[], height: number) => (
    <div className="curve-grid">
      {shown.map(([metric, line]) => (
        <Card key={metric} title={metric}>
          <Curves label={metric} lines={line} axis={axis} log={log} height={height} />
        </Card>
      ))}
    </div>
  );
  const ofMachine = drawn.filter(([metric]) => metric.startsWith("system/"));
  return (
    <>
      <div className="controls">{controls}</div>
      {charts(drawn.filter(([metric]) => !metric.startsWith("system/")), 190)}
      {ofMachine.length > 0 && (
        <details className="fold" open={ofMachine.length === drawn.length}>
          <summary>
            {words.systemMetrics} <span className="soft">{ofMachine.length}</span>
          </summary>
          {charts(ofMachine, 120)}
        </details>
      )}
    </>
  );
}
