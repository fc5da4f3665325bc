import uPlot from "uplot";
import type { Format } from "../words";
import { readColour, withAlpha } from "./colour";
import { ticksOf } from "./scale";
import { timeTicks } from "./time";

/** A curve with its own places on the x axis, in rising order. */
export interface CurveLine {
  readonly id: string;
  readonly label: string;
  /** A colour as CSS knows it, without variables. */
  readonly colour: string;
  readonly xs: readonly number[];
  /** What is drawn; null where there is nothing to draw. */
  readonly ys: readonly (number | null)[];
  /** The same before it was smoothed, drawn faintly. */
  readonly raw?: readonly (number | null)[];
}

export type CurveAxis = "step" | "time" | "relative";

export interface CurveRequest {
  readonly lines: readonly CurveLine[];
  readonly axis: CurveAxis;
  readonly log: boolean;
  readonly format: Format;
  readonly zoom: readonly [number, number] | undefined;
}

export interface PointedCurve {
  readonly line: CurveLine;
  readonly index: number;
}

interface CurveReports {
  readonly pointed: (found: PointedCurve | undefined) => void;
  readonly zoomed: (range: readonly [number, number] | undefined) => void;
}

const reach = 40;

/**
 * A moving average that gives the past the weight `weight`, without the pull towards zero at its start
 * (Kingma & Ba 2014, section 3, correct their moments in this way).
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  let sum = 0;
  let seen = 0;
  return values.map((value) => {
    if (value === null) return null;
    seen += 1;
    sum = sum * weight + (1 - weight) * value;
    return sum / (1 - weight ** seen);
  });
}

/** A colour for each of many curves: neighbours differ most when hues go round by the golden angle. */
export function manyColours(index: number, isDark: boolean): string {
  const hue = (18 + index * 137.508) % 360;
  return `hsl(${hue.toFixed(0)} ${isDark ? 58 : 62}% ${isDark ? 66 : 40}%)`;
}

function limitsOf(lines: readonly CurveLine[], log: boolean, from: number, until: number): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const { xs, ys } of lines) {
    for (const [index, y] of ys.entries()) {
      const x = xs[index] ?? 0;
      if (y === null || (log && y <= 0) || x < from || x > until) continue;
      if (y < low) low = y;
      if (y > high) high = y;
    }
  }
  if (low > high) return log ? [0.1, 1] : [0, 1];
  if (log) return [roundDown(low), roundUp(high * 1.0001)];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - room, high + room];
}

/** The next 1, 2 or 5 of a power of ten. */
function roundDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([5, 2].find((factor) => factor * power <= value) ?? 1);
}

function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((factor) => factor * power >= value) ?? 10);
}

function widthOf(lines: readonly CurveLine[]): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const { xs } of lines) {
    low = Math.min(low, xs[0] ?? low);
    high = Math.max(high, xs.at(-1) ?? high);
  }
  return low < high ? [low, high] : low === high ? [low - 1, high + 1] : [0, 1];
}

/** uPlot wants one x axis for all series, which curves of many runs do not have: it draws the axes, we the curves. */
export function curveOptions(element: HTMLElement, size: { width: number; height: number }, request: CurveRequest, reports: CurveReports): uPlot.Options {
  const { lines, axis, log, format } = request;
  const text = { stroke: readColour(element, "ink-soft"), font: `11px ${getComputedStyle(element).fontFamily}` };
  const whole = widthOf(lines);
  const overlay = document.createElement("canvas");
  return {
    ...size,
    legend: { show: false },
    padding: [8, 18, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false } },
    scales: {
      x: { time: false, range: (_, low, high) => (low === null || high === null || low >= high ? whole : [low, high]) },
      y: {
        distr: log ? 3 : 1,
        range: (plot) => limitsOf(lines, log, plot.scales["x"]?.min ?? whole[0], plot.scales["x"]?.max ?? whole[1]),
      },
    },
    axes: [
      {
        ...text,
        size: 20,
        gap: 4,
        grid: { show: false },
        ticks: { show: false },
        splits: (plot, _, low, high) => (axis === "time" ? timeTicks(low, high, plot.width / 90, format).map(({ at }) => at) : ticksOf(low, high, plot.width / 80)),
        values: (_, splits) => splits.map((at) => sayX(at, axis, format)),
      },
      {
        ...text,
        size: 52,
        gap: 6,
        grid: { stroke: readColour(element, "grid"), width: 1 },
        ticks: { show: false },
        ...(log ? {} : { splits: (plot: uPlot, _: number, low: number, high: number) => ticksOf(low, high, plot.height / 42) }),
        values: (_, splits) => splits.map((value) => (value === null ? "" : Math.abs(value) >= 1e4 ? format.compact(value) : format.number(value, log ? 8 : 4))),
      },
    ],
    series: [{}, { show: true, paths: () => null, points: { show: false } }],
    hooks: {
      init: [
        (plot) => {
          overlay.style.cssText = "position:absolute;inset:0;width:100%;height:100%;pointer-events:none";
          plot.over.append(overlay);
          if (request.zoom !== undefined) plot.setScale("x", { min: request.zoom[0], max: request.zoom[1] });
        },
      ],
      setScale: [
        (plot, key) => {
          if (key !== "x") return;
          const { min = whole[0], max = whole[1] } = plot.scales["x"] ?? {};
          const isWhole = min === whole[0] && max === whole[1];
          reports.zoomed(isWhole || min === null || max === null ? undefined : [min, max]);
        },
      ],
      draw: [(plot) => drawCurves(plot, lines, log)],
      setCursor: [
        (plot) => {
          const found = nearest(plot, lines, log);
          emphasise(plot, overlay, found, log);
          reports.pointed(found);
        },
      ],
    },
  };
}

export function curveData({ lines, log }: CurveRequest): uPlot.AlignedData {
  const [low, high] = widthOf(lines);
  const limits = limitsOf(lines, log, low, high);
  return [
    [low, high],
    [limits[0], limits[1]],
  ];
}

export function sayX(at: number, axis: CurveAxis, format: Format): string {
  if (axis === "relative") return at === 0 ? "0" : format.seconds(at);
  if (axis === "step") return Math.abs(at) >= 1e5 ? format.compact(at) : format.number(at, 2);
  const date = new Date(at);
  return at % 86_400_000 === 0 ? format.dayOfMonth(date) : format.clock(date);
}

function trace(canvas: CanvasRenderingContext2D, plot: uPlot, xs: readonly number[], ys: readonly (number | null)[], log: boolean, inside: boolean): void {
  canvas.beginPath();
  let drawing = false;
  for (const [index, y] of ys.entries()) {
    // One value that is missing interrupts a curve; the points beside it stay.
    if (y === null || (log && y <= 0)) {
      drawing = false;
      continue;
    }
    const px = plot.valToPos(xs[index] ?? 0, "x", !inside);
    const py = plot.valToPos(y, "y", !inside);
    if (drawing) canvas.lineTo(px, py);
    else {
      canvas.moveTo(px, py);
      // A point without a neighbour is drawn as a dot by its round ends.
      canvas.lineTo(px + 0.01, py);
    }
    drawing = true;
  }
  canvas.stroke();
}

function drawCurves(plot: uPlot, lines: readonly CurveLine[], log: boolean): void {
  const { ctx: canvas, bbox } = plot;
  canvas.save();
  canvas.beginPath();
  canvas.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  canvas.clip();
  canvas.lineCap = canvas.lineJoin = "round";
  const opacity = lines.length > 60 ? 0.4 : lines.length > 12 ? 0.7 : 1;
  for (const { xs, ys, raw, colour } of lines) {
    const isPoint = ys.length < 2;
    canvas.strokeStyle = colour;
    if (raw !== undefined && lines.length <= 12) {
      canvas.globalAlpha = 0.25;
      canvas.lineWidth = devicePixelRatio;
      trace(canvas, plot, xs, raw, log, false);
    }
    canvas.globalAlpha = opacity;
    canvas.lineWidth = (isPoint ? 6 : lines.length > 60 ? 1 : 1.6) * devicePixelRatio;
    trace(canvas, plot, xs, ys, log, false);
  }
  canvas.restore();
}

function indexNear(xs: readonly number[], x: number): number {
  let low = 0;
  let high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((xs[middle] ?? 0) <= x) low = middle;
    else high = middle;
  }
  return Math.abs((xs[low] ?? 0) - x) <= Math.abs((xs[high] ?? 0) - x) ? low : high;
}

function nearest(plot: uPlot, lines: readonly CurveLine[], log: boolean): PointedCurve | undefined {
  const { left = -1, top = -1 } = plot.cursor;
  if (left < 0 || top < 0) return undefined;
  const x = plot.posToVal(left, "x");
  let best: PointedCurve | undefined;
  let least = lines.length === 1 ? Infinity : reach ** 2;
  for (const line of lines) {
    const index = indexNear(line.xs, x);
    const y = line.ys[index] ?? null;
    if (y === null || (log && y <= 0)) continue;
    const distance = (plot.valToPos(y, "y") - top) ** 2 + (plot.valToPos(line.xs[index] ?? 0, "x") - left) ** 2 / 9;
    if (distance >= least) continue;
    least = distance;
    best = { line, index };
  }
  return best;
}

function emphasise(plot: uPlot, overlay: HTMLCanvasElement, found: PointedCurve | undefined, log: boolean): void {
  const canvas = overlay.getContext("2d");
  if (canvas === null) return;
  const { clientWidth: width, clientHeight: height } = plot.over;
  overlay.width = width * devicePixelRatio;
  overlay.height = height * devicePixelRatio;
  if (found === undefined) return;
  canvas.scale(devicePixelRatio, devicePixelRatio);
  const { line, index } = found;
  canvas.strokeStyle = canvas.fillStyle = line.colour;
  canvas.lineCap = canvas.lineJoin = "round";
  canvas.lineWidth = 2.6;
  trace(canvas, plot, line.xs, line.ys, log, true);
  canvas.beginPath();
  canvas.arc(plot.valToPos(line.xs[index] ?? 0, "x"), plot.valToPos(line.ys[index] ?? 0, "y"), 4, 0, 7);
  canvas.fill();
}

/** The colour of a variable, for canvases; half of it for what should stand back. */
export function toneNow(element: HTMLElement, variable: string, alpha = 1): string {
  const colour = readColour(element, variable);
  return alpha === 1 ? colour : withAlpha(colour, alpha);
}
