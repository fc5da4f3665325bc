import "./charts.css";
import { toneColour, type ChartTone } from "./colour";
import { linear } from "./scale";

interface SparklineProperties {
  /** Says in words what the line shows: a screen reader has nothing else. */
  readonly label: string;
  readonly values: readonly (number | null)[];
  readonly tone?: ChartTone;
  readonly width?: number;
  readonly height?: number;
  /** Fixed ends of the scale, to compare sparklines with each other. */
  readonly range?: readonly [number, number];
}

/** A line the size of a word, for tables and figures. */
export function Sparkline({ label, values, tone = "ember", width = 96, height = 22, range }: SparklineProperties) {
  const known = values.filter((value) => value !== null);
  const low = range?.[0] ?? Math.min(...known);
  const high = range?.[1] ?? Math.max(...known);
  const x = linear([0, Math.max(1, values.length - 1)], [2, width - 3]);
  const y = low === high ? () => height / 2 : linear([low, high], [height - 3, 3]);
  let path = "";
  let drawing = false;
  values.forEach((value, index) => {
    if (value !== null) path += `${drawing ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    drawing = value !== null;
  });
  const last = values.findLastIndex((value) => value !== null);
  const lastValue = values[last] ?? null;
  return (
    <svg className="sparkline" role="img" aria-label={label} width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
      <path d={path} stroke={toneColour(tone)} />
      {lastValue !== null && <circle cx={x(last)} cy={y(lastValue)} r="2" fill={toneColour(tone)} />}
    </svg>
  );
}
