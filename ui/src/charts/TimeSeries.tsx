import "uplot/dist/uPlot.min.css";
import "./charts.css";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Link } from "wouter";
import uPlot from "uplot";
import { useShownTheme } from "../shell/settings";
import { useFormat, useWords } from "../words";
import { toneAt, toneColour, type ChartTone } from "./colour";
import { Legend } from "./Legend";
import { plotData, plotOptions, type PlotLimit, type PlotSeries, type PlotSpan } from "./plot";
import { textWidth } from "./scale";
import { useWidth } from "./size";

/** Something that happened: a drift alarm, a new champion. */
export interface Mark {
  readonly at: Date;
  readonly label: string;
  readonly tone?: ChartTone;
  readonly href?: string;
}

interface TimeSeriesProperties {
  /** Says in words what the chart shows. */
  readonly label: string;
  readonly times: readonly Date[];
  readonly series: readonly PlotSeries[];
  readonly marks?: readonly Mark[];
  readonly limits?: readonly PlotLimit[];
  readonly spans?: readonly PlotSpan[];
  /** Fixed ends of the time axis, to line charts up under each other. */
  readonly from?: Date;
  readonly until?: Date;
  /** Fixed ends of the value axis; null leaves an end to the data. */
  readonly range?: readonly [number | null, number | null];
  /** How a value is written: on the axis, and in the legend. */
  readonly say?: (value: number) => string;
  readonly height?: number;
  /** Charts with the same name move their pointers together. */
  readonly sync?: string;
}

const openRange = [null, null] as const;
const none: readonly never[] = [];
const laneHeight = 18;
const mostLanes = 3;

/**
 * Lines over time with what happened marked on them. Draws anew only when its properties are other objects
 * than before, so give it arrays that stay the same while nothing changed (`useMemo`).
 */
export function TimeSeries(properties: TimeSeriesProperties) {
  const { label, times, series, marks = none, limits = none, spans = none, height = 190 } = properties;
  const { from, until, range = openRange, say, sync } = properties;
  const format = useFormat();
  const words = useWords().chart;
  const theme = useShownTheme();
  const [box, width] = useWidth<HTMLDivElement>();
  const place = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<number | undefined>();
  const [positions, setPositions] = useState<readonly number[]>([]);
  const sayValue = useCallback((value: number) => (say === undefined ? format.number(value) : say(value)), [say, format]);
  const toned = useMemo(() => series.map((one, index) => ({ ...one, tone: one.tone ?? toneAt(index) })), [series]);
  const hasData = times.length > 0;

  useEffect(() => {
    const element = place.current;
    if (element === null || width === 0 || !hasData) return undefined;
    const toneOf = (mark: Mark): ChartTone => mark.tone ?? "ember";
    const tonedMarks = marks.map((mark) => ({ at: mark.at, tone: toneOf(mark) }));
    const request = { times, series: toned, limits, spans, marks: tonedMarks, from, until, range, format, say: sayValue, sync };
    const options = plotOptions(element, { width, height }, request, {
      pointed: setPointed,
      drawn: (plot) => setPositions(marks.map(({ at }) => Math.round(plot.valToPos(at.getTime() / 1000, "x") + plot.over.offsetLeft))),
    });
    const plot = new uPlot(options, plotData(request), element);
    return () => plot.destroy();
  }, [times, toned, limits, spans, marks, from, until, range, format, sayValue, sync, width, height, hasData, theme]);

  const at = pointed === undefined ? undefined : times[pointed];
  const valueAt = (values: readonly (number | null)[]): string => {
    const value = values[pointed ?? values.findLastIndex((one) => one !== null)];
    return value === null || value === undefined ? words.missing : sayValue(value);
  };
  return (
    <figure className="chart">
      <Legend
        entries={[
          ...toned.map((one) => ({ label: one.label, tone: one.tone, dashed: one.dashed ?? false, value: valueAt(one.values) })),
          ...limits.map((limit) => ({ label: limit.label, tone: limit.tone ?? ("bad" as const), dashed: true, value: sayValue(limit.value) })),
        ]}
        {...(at === undefined ? {} : { note: format.moment(at) })}
      />
      <div ref={box} className="chart-box">
        {hasData && marks.length > 0 && <Marks marks={marks} positions={positions} width={width} />}
        {hasData ? (
          <div ref={place} role="img" aria-label={label} style={{ height }} />
        ) : (
          <p className="chart-empty" style={{ height }}>
            {words.noData}
          </p>
        )}
      </div>
    </figure>
  );
}

interface MarksProperties {
  readonly marks: readonly Mark[];
  readonly positions: readonly number[];
  readonly width: number;
}

/** Flags above the plot, in as many lanes as their words need; one that fits nowhere keeps only its pole. */
function Marks({ marks, positions, width }: MarksProperties) {
  const format = useFormat();
  const lanes: number[] = [];
  const flags = marks.map((mark, index) => {
    const pole = positions[index] ?? -1;
    const room = textWidth(mark.label) + 14;
    const start = Math.max(0, Math.min(pole, width - room));
    let lane = lanes.findIndex((taken) => taken <= start);
    if (lane < 0 && lanes.length < mostLanes) lane = lanes.length;
    const visible = lane >= 0 && pole >= 0 && pole <= width;
    if (visible) lanes[lane] = start + room + 4;
    return { mark, start, lane, visible, upright: start === pole };
  });
  return (
    <ul className="marks" style={{ height: Math.max(1, lanes.length) * laneHeight }}>
      {flags.map(({ mark, start, lane, visible, upright }) => {
        const said = `${mark.label}, ${format.moment(mark.at)}`;
        const borderColor = toneColour(mark.tone ?? "ember");
        if (!visible) return null;
        const place = { left: start, top: lane * laneHeight, height: (lanes.length - lane) * laneHeight };
        return (
          <li key={`${mark.at.getTime()} ${mark.label}`} title={said} data-upright={upright} style={{ ...place, borderColor }}>
            <span style={{ borderColor }}>
              {mark.href === undefined ? mark.label : <Link href={mark.href}>{mark.label}</Link>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}
