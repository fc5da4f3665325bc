import { useEffect, useMemo, useRef, useState, type PointerEvent } from "react";
import { toneNow } from "../../charts/curves";
import { useWidth } from "../../charts/size";
import { Card } from "../../parts/Page";
import { Empty } from "../../parts/Notes";
import { useShownTheme } from "../../shell/settings";
import { useUrlList, useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";
import { differingColumns, scaleOf, type AxisScale } from "./axes";
import { useColumnTitle } from "./ColumnMenu";
import { KeyMenu } from "./KeyMenu";
import { keysOf, type Run } from "./search";

const height = 400;
const top = 30;
const bottom = 14;
const side = 60;
const brushWidth = 26;
const usualParams = 6;

type Brushes = Readonly<Record<string, readonly [number, number]>>;

/** One line for each run, through its value on each axis. */
export function ParallelView({ runs }: { readonly runs: readonly Run[] }) {
  const { tracking: words } = useWords();
  const titleOf = useColumnTitle();
  const known = useMemo(() => differingColumns(runs, keysOf(runs).filter((key) => !key.startsWith("tags."))), [runs]);
  const metrics = known.filter((key) => key.startsWith("metrics."));
  const usual = useMemo(
    () => [...known.filter((key) => key.startsWith("params.")).slice(0, usualParams), ...known.filter((key) => key.startsWith("metrics.")).slice(0, 1)],
    [known],
  );
  const [axes, chooseAxes] = useUrlList("axes", usual);
  const [colourBy, setColourBy] = useUrlState("colour", metrics[0] ?? "");
  const [brushes, setBrushes] = useState<Brushes>({});
  const shown = axes.filter((column) => known.includes(column));
  if (shown.length < 2) return <Empty says={words.tooFew} />;
  return (
    <>
      <div className="controls">
        <label className="control">
          {words.colourBy}
          <select className="button" value={colourBy} onChange={(event) => setColourBy(event.target.value)}>
            {known.map((column) => (
              <option key={column} value={column}>
                {titleOf(column)}
              </option>
            ))}
          </select>
        </label>
        <KeyMenu label={words.axesShown} known={known} chosen={shown} onChoose={chooseAxes} say={titleOf} />
      </div>
      <Card>
        <Parallel runs={runs} axes={shown} colourBy={colourBy} brushes={brushes} onBrush={setBrushes} />
        <p className="soft small">{words.parallelHint}</p>
      </Card>
    </>
  );
}

interface ParallelProperties {
  readonly runs: readonly Run[];
  readonly axes: readonly string[];
  readonly colourBy: string;
  readonly brushes: Brushes;
  readonly onBrush: (brushes: Brushes) => void;
}

function Parallel({ runs, axes, colourBy, brushes, onBrush }: ParallelProperties) {
  const { tracking: words } = useWords();
  const titleOf = useColumnTitle();
  const format = useFormat();
  const theme = useShownTheme();
  const [box, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scales = useMemo(() => axes.map((column) => scaleOf(runs, column, [height - bottom, top], (value) => format.number(value, 4))), [runs, axes, format]);
  const colour = useMemo(() => scaleOf(runs, colourBy, [0, 1], String), [runs, colourBy]);
  const gap = (width - 2 * side) / Math.max(1, axes.length - 1);
  const kept = useMemo(() => runs.filter((run) => passes(run, scales, brushes)), [runs, scales, brushes]);

  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (element === null || context === null || context === undefined || width === 0) return;
    element.width = width * devicePixelRatio;
    element.height = height * devicePixelRatio;
    context.scale(devicePixelRatio, devicePixelRatio);
    context.lineJoin = "round";
    const keptIds = new Set(kept.map(({ id }) => id));
    context.strokeStyle = toneNow(element.parentElement ?? element, "calm", 0.14);
    for (const run of runs) if (!keptIds.has(run.id)) drawRun(context, run, scales, gap);
    context.lineWidth = kept.length > 100 ? 1 : 1.5;
    context.globalAlpha = kept.length > 100 ? 0.55 : 0.85;
    for (const run of kept) {
      const share = colour.place(run);
      context.strokeStyle = share === undefined ? toneNow(element.parentElement ?? element, "calm") : shade(share, theme === "dark");
      drawRun(context, run, scales, gap);
    }
  }, [runs, kept, scales, colour, gap, width, theme]);

  return (
    <>
      <p className="soft small" role="status">
        {words.kept(kept.length, runs.length)}
      </p>
      <div ref={box} className="parallel" style={{ height }}>
        <canvas ref={canvas} style={{ width, height }} role="img" aria-label={words.views.parallel} />
        {width > 0 && (
          <svg width={width} height={height}>
            {scales.map((scale, index) => (
              <Axis
                key={scale.column}
                scale={scale}
                title={titleOf(scale.column)}
                x={side + index * gap}
                gap={gap}
                brush={brushes[scale.column]}
                onBrush={(range) => {
                  const { [scale.column]: _, ...rest } = brushes;
                  onBrush(range === undefined ? rest : { ...rest, [scale.column]: range });
                }}
              />
            ))}
          </svg>
        )}
      </div>
    </>
  );
}

function passes(run: Run, scales: readonly AxisScale[], brushes: Brushes): boolean {
  return scales.every(({ column, place }) => {
    const range = brushes[column];
    if (range === undefined) return true;
    const at = place(run);
    return at !== undefined && at >= range[0] && at <= range[1];
  });
}

/** From cool to warm; a scale that keeps its order for eyes that see red and green alike. */
function shade(share: number, isDark: boolean): string {
  const hue = 215 - share * 195;
  return `hsl(${hue.toFixed(0)} ${isDark ? 62 : 66}% ${isDark ? 48 + share * 22 : 62 - share * 22}%)`;
}

function drawRun(context: CanvasRenderingContext2D, run: Run, scales: readonly AxisScale[], gap: number): void {
  context.beginPath();
  let drawing = false;
  for (const [index, { place }] of scales.entries()) {
    const y = place(run);
    if (y === undefined) {
      drawing = false;
      continue;
    }
    const x = side + index * gap;
    if (drawing) context.lineTo(x, y);
    else context.moveTo(x, y);
    drawing = true;
  }
  context.stroke();
}

interface AxisProperties {
  readonly scale: AxisScale;
  readonly title: string;
  readonly x: number;
  readonly gap: number;
  readonly brush: readonly [number, number] | undefined;
  readonly onBrush: (range: readonly [number, number] | undefined) => void;
}

function Axis({ scale, title, x, gap, brush, onBrush }: AxisProperties) {
  const start = useRef<number | undefined>(undefined);
  const at = (event: PointerEvent<SVGRectElement>): number => event.clientY - (event.currentTarget.ownerSVGElement?.getBoundingClientRect().top ?? 0);
  const letters = Math.max(6, Math.floor(gap / 7));
  const short = (text: string): string => (text.length > letters ? `${text.slice(0, letters - 1)}…` : text);
  return (
    <g>
      <line className="axis-line" x1={x} x2={x} y1={top} y2={height - bottom} />
      <text className="axis-title" x={x} y={14} textAnchor="middle">
        <title>{title}</title>
        {short(title)}
      </text>
      {scale.ticks.map((tick) => (
        <text key={tick.label} className="axis-text" x={x - 6} y={tick.at + 4} textAnchor="end">
          {short(tick.label)}
        </text>
      ))}
      {brush !== undefined && <rect className="brush" x={x - brushWidth / 4} width={brushWidth / 2} y={brush[0]} height={Math.max(1, brush[1] - brush[0])} />}
      <rect
        className="brush-place"
        x={x - brushWidth / 2}
        y={top - 8}
        width={brushWidth}
        height={height - bottom - top + 16}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          start.current = at(event);
          onBrush(undefined);
        }}
        onPointerMove={(event) => {
          if (start.current === undefined) return;
          const now = at(event);
          if (Math.abs(now - start.current) > 3) onBrush([Math.min(start.current, now), Math.max(start.current, now)]);
        }}
        onPointerUp={() => {
          start.current = undefined;
        }}
      />
    </g>
  );
}
