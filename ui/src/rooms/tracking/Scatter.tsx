import { useMemo, useState } from "react";
import { useLocation } from "wouter";
import { useWidth } from "../../charts/size";
import { Empty } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { sayValue } from "../../parts/Records";
import { useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";
import { differingColumns, scaleOf } from "./axes";
import { useColumnTitle } from "./ColumnMenu";
import { useRunColours } from "./lines";
import { keysOf, valueOf, type Run } from "./search";

const height = 410;
const left = 62;
const bottom = 30;

/** One dot for each run. */
export function ScatterView({ runs }: { readonly runs: readonly Run[] }) {
  const words = useWords().tracking;
  const titleOf = useColumnTitle();
  const known = useMemo(() => differingColumns(runs, ["took", ...keysOf(runs).filter((key) => !key.startsWith("tags."))]), [runs]);
  const [x, setX] = useUrlState("x", known.find((key) => key.startsWith("params.")) ?? known[0] ?? "");
  const [y, setY] = useUrlState("y", known.find((key) => key.startsWith("metrics.")) ?? known[0] ?? "");
  if (known.length < 2) return <Empty says={words.tooFew} />;
  const choice = (label: string, value: string, change: (value: string) => void) => (
    <label className="control">
      {label}
      <select className="button" value={value} onChange={(event) => change(event.target.value)}>
        {known.map((column) => (
          <option key={column} value={column}>
            {titleOf(column)}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <>
      <div className="controls">
        {choice("X", x, setX)}
        {choice("Y", y, setY)}
      </div>
      <Card>
        <Scatter runs={runs} x={x} y={y} />
      </Card>
    </>
  );
}

function Scatter({ runs, x, y }: { readonly runs: readonly Run[]; readonly x: string; readonly y: string }) {
  const words = useWords().tracking;
  const titleOf = useColumnTitle();
  const format = useFormat();
  const [, visit] = useLocation();
  const [box, width] = useWidth<HTMLDivElement>();
  const [pointed, setPointed] = useState<Run | undefined>();
  const colours = useRunColours(runs);
  const across = useMemo(() => scaleOf(runs, x, [left, Math.max(left + 1, width - 14)], (value) => format.number(value, 4)), [runs, x, width, format]);
  const up = useMemo(() => scaleOf(runs, y, [height - bottom, 12], (value) => format.number(value, 4)), [runs, y, format]);
  const dots = runs.flatMap((run) => {
    const [at, level] = [across.place(run), up.place(run)];
    return at === undefined || level === undefined ? [] : [{ run, at, level }];
  });
  return (
    <>
      <p className="soft small" role="status">
        {pointed === undefined
          ? words.kept(dots.length, runs.length)
          : `${pointed.name}: ${titleOf(x)} ${sayValue(valueOf(pointed, x), format)}, ${titleOf(y)} ${sayValue(valueOf(pointed, y), format)}`}
      </p>
      <div ref={box} className="chart" style={{ height }}>
        {width > 0 && (
          <svg width={width} height={height} role="img" aria-label={`${titleOf(y)} / ${titleOf(x)}`}>
            {up.ticks.map(({ at, label }) => (
              <g key={label}>
                <line className="grid-line" x1={left} x2={width - 14} y1={at} y2={at} />
                <text className="axis-text" x={left - 7} y={at + 4} textAnchor="end">
                  {label}
                </text>
              </g>
            ))}
            {across.ticks.map(({ at, label }) => (
              <text key={label} className="axis-text" x={at} y={height - bottom + 16} textAnchor="middle">
                {label}
              </text>
            ))}
            <line className="axis-line" x1={left} x2={width - 14} y1={height - bottom} y2={height - bottom} />
            {dots.map(({ run, at, level }) => (
              <circle
                key={run.id}
                className="scatter-point"
                cx={at}
                cy={level}
                r={dots.length > 150 ? 3.5 : 5}
                fill={colours.get(run.id)}
                onPointerEnter={() => setPointed(run)}
                onPointerLeave={() => setPointed(undefined)}
                onClick={() => visit(`/runs/${encodeURIComponent(run.id)}`)}
              />
            ))}
          </svg>
        )}
      </div>
    </>
  );
}
