import uPlot from "uplot";
import type { Format } from "../words";
import { readColour, withAlpha, type ChartTone } from "./colour";
import { ticksOf } from "./scale";
import { timeTicks } from "./time";

export interface PlotSeries {
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly tone?: ChartTone;
  readonly dashed?: boolean;
  /** A light wash down to the axis, for the one series a chart is about. */
  readonly filled?: boolean;
  /** Each value holds until the next one, such as a month's. */
  readonly stepped?: boolean;
  /** Dots without a line between them: single checks. */
  readonly dots?: boolean;
  /** Draws over moments without a value, where other series have theirs. */
  readonly bridged?: boolean;
}

/** A level worth comparing with: a limit, an expected quality. */
export interface PlotLimit {
  readonly value: number;
  readonly label: string;
  readonly tone?: ChartTone;
}

/** A stretch of time in which something was going on, such as a canary. */
export interface PlotSpan {
  readonly from: Date;
  readonly until: Date;
  readonly tone?: ChartTone;
}

export interface PlotRequest {
  readonly times: readonly Date[];
  readonly series: readonly (PlotSeries & { readonly tone: ChartTone })[];
  readonly limits: readonly PlotLimit[];
  readonly spans: readonly PlotSpan[];
  readonly marks: readonly { readonly at: Date; readonly tone: ChartTone }[];
  readonly from: Date | undefined;
  readonly until: Date | undefined;
  readonly range: readonly [number | null, number | null];
  readonly format: Format;
  readonly say: (value: number) => string;
  readonly sync: string | undefined;
}

export interface PlotReports {
  /** The index under the pointer, or undefined when it left. */
  readonly pointed: (index: number | undefined) => void;
  /** Called after each drawing, to put other elements at the same places. */
  readonly drawn: (plot: uPlot) => void;
}

const halfDay = 43_200;

export function plotData({ times, series }: Pick<PlotRequest, "times" | "series">): uPlot.AlignedData {
  return [times.map((at) => at.getTime() / 1000), ...series.map(({ values }) => [...values])];
}

export function plotOptions(
  element: HTMLElement,
  size: { width: number; height: number },
  request: PlotRequest,
  reports: PlotReports,
): uPlot.Options {
  const colour = (name: string): string => readColour(element, name);
  const text = { stroke: colour("ink-soft"), font: `11px ${getComputedStyle(element).fontFamily}` };
  const grid = { stroke: colour("grid"), width: 1 };
  const { format } = request;
  return {
    ...size,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
    legend: { show: false },
    padding: [8, 26, 0, 0],
    cursor: {
      y: false,
      points: { size: 6 },
      drag: { x: false, y: false },
      ...(request.sync === undefined ? {} : { sync: { key: request.sync, setSeries: false } }),
    },
    scales: {
      x: { time: true, range: () => timeRange(request) },
      y: { range: (_, low, high) => valueRange(request, low, high) },
    },
    axes: [
      {
        ...text,
        size: 20,
        gap: 4,
        grid: { show: false },
        ticks: { show: false },
        splits: (plot, _, low, high) => timeTicks(low * 1000, high * 1000, plot.width / 90, format).map(({ at }) => at / 1000),
        values: (plot) => {
          const { min = 0, max = 0 } = plot.scales["x"] ?? {};
          return timeTicks((min ?? 0) * 1000, (max ?? 0) * 1000, plot.width / 90, format).map(({ label }) => label);
        },
      },
      {
        ...text,
        size: 46,
        gap: 6,
        grid,
        ticks: { show: false },
        splits: (plot, _, low, high) => ticksOf(low, high, plot.height / 42),
        values: (_, splits) => splits.map(request.say),
      },
    ],
    series: [
      {},
      ...request.series.map((one) => seriesOptions(one, colour(one.tone), request.times.length)),
    ],
    hooks: {
      setCursor: [(plot) => reports.pointed(plot.cursor.idx ?? undefined)],
      drawAxes: [(plot) => drawSpans(plot, request.spans, colour)],
      draw: [
        (plot) => {
          drawLimits(plot, request.limits, colour);
          drawMarks(plot, request.marks, colour);
          reports.drawn(plot);
        },
      ],
    },
  };
}

function seriesOptions(
  { label, dashed = false, filled = false, stepped = false, dots = false, bridged = false }: PlotSeries,
  stroke: string,
  count: number,
): uPlot.Series {
  const steps = stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  return {
    label,
    stroke,
    width: 1.6,
    spanGaps: bridged,
    points: dots ? { show: true, size: 4.5, fill: stroke } : { show: count < 2 },
    ...(dots ? { paths: () => null } : {}),
    ...(steps === undefined ? {} : { paths: steps }),
    ...(dashed ? { dash: [5, 4] } : {}),
    ...(filled ? { fill: withAlpha(stroke, 0.1) } : {}),
  };
}

function timeRange({ from, until, times }: PlotRequest): [number, number] {
  const start = (from ?? times[0] ?? new Date()).getTime() / 1000;
  const end = (until ?? times.at(-1) ?? new Date()).getTime() / 1000;
  return end > start ? [start, end] : [start - halfDay, start + halfDay];
}

function valueRange({ limits, range }: PlotRequest, low: number | null, high: number | null): [number, number] {
  const levels = limits.map(({ value }) => value);
  const lowest = Math.min(...levels, ...(low === null ? [] : [low]));
  const highest = Math.max(...levels, ...(high === null ? [] : [high]));
  if (!Number.isFinite(lowest) || !Number.isFinite(highest)) return [range[0] ?? 0, range[1] ?? 1];
  const room = (highest - lowest || Math.abs(highest) || 1) * 0.08;
  return [range[0] ?? lowest - room, range[1] ?? highest + room];
}

function drawSpans(plot: uPlot, spans: readonly PlotSpan[], colour: (name: string) => string): void {
  const { ctx: canvas, bbox } = plot;
  for (const { from, until, tone = "ember" } of spans) {
    const start = Math.max(bbox.left, plot.valToPos(from.getTime() / 1000, "x", true));
    const end = Math.min(bbox.left + bbox.width, plot.valToPos(until.getTime() / 1000, "x", true));
    if (end <= start) continue;
    canvas.fillStyle = withAlpha(colour(tone), 0.09);
    canvas.fillRect(start, bbox.top, end - start, bbox.height);
  }
}

function drawLimits(plot: uPlot, limits: readonly PlotLimit[], colour: (name: string) => string): void {
  const { ctx: canvas, bbox } = plot;
  for (const { value, tone = "bad" } of limits) {
    const y = Math.round(plot.valToPos(value, "y", true));
    line(canvas, colour(tone), [6, 4], [bbox.left, y], [bbox.left + bbox.width, y]);
  }
}

function drawMarks(plot: uPlot, marks: PlotRequest["marks"], colour: (name: string) => string): void {
  const { ctx: canvas, bbox } = plot;
  for (const { at, tone } of marks) {
    const x = Math.round(plot.valToPos(at.getTime() / 1000, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    line(canvas, colour(tone), [2, 3], [x, 0], [x, bbox.top + bbox.height]);
  }
}

function line(
  canvas: CanvasRenderingContext2D,
  colour: string,
  dash: number[],
  from: readonly [number, number],
  to: readonly [number, number],
): void {
  canvas.save();
  canvas.strokeStyle = colour;
  canvas.lineWidth = devicePixelRatio;
  canvas.setLineDash(dash.map((length) => length * devicePixelRatio));
  canvas.beginPath();
  canvas.moveTo(...from);
  canvas.lineTo(...to);
  canvas.stroke();
  canvas.restore();
}
