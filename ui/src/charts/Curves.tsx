import "uplot/dist/uPlot.min.css";
import "./charts.css";
import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import { useShownTheme } from "../shell/settings";
import { useFormat, useWords } from "../words";
import { curveData, curveOptions, sayX, type CurveAxis, type CurveLine, type PointedCurve } from "./curves";
import { useWidth } from "./size";

interface CurvesProperties {
  readonly label: string;
  /** Keep the same array while nothing changed. */
  readonly lines: readonly CurveLine[];
  readonly axis: CurveAxis;
  readonly log?: boolean;
  readonly height?: number;
}

const mostNamed = 8;

/** Curves of many runs over each other. Drag to look closer, double click to see all again. */
export function Curves({ label, lines, axis, log = false, height = 210 }: CurvesProperties) {
  const format = useFormat();
  const words = useWords().chart;
  const theme = useShownTheme();
  const [box, width] = useWidth<HTMLDivElement>();
  const place = useRef<HTMLDivElement>(null);
  const zoom = useRef<{ readonly axis: CurveAxis; readonly range: readonly [number, number] } | undefined>(undefined);
  const [pointed, setPointed] = useState<PointedCurve | undefined>();
  const hasData = lines.some(({ xs }) => xs.length > 0);

  useEffect(() => {
    const element = place.current;
    if (element === null || width === 0 || !hasData) return undefined;
    const kept = zoom.current?.axis === axis ? zoom.current.range : undefined;
    const request = { lines, axis, log, format, zoom: kept };
    const options = curveOptions(element, { width, height }, request, {
      pointed: setPointed,
      zoomed: (range) => {
        zoom.current = range === undefined ? undefined : { axis, range };
      },
    });
    const plot = new uPlot(options, curveData(request), element);
    return () => {
      setPointed(undefined);
      plot.destroy();
    };
  }, [lines, axis, log, format, width, height, hasData, theme]);

  const said = (value: number | null | undefined): string => (value === null || value === undefined ? words.missing : format.number(value, 5));
  const named = pointed === undefined ? (lines.length <= mostNamed ? lines : []) : [pointed.line];
  return (
    <figure className="chart">
      <div className="legend curves-legend">
        <ul>
          {named.map((line) => (
            <li key={line.id}>
              <span className="legend-mark" style={{ color: line.colour }} aria-hidden="true" />
              {line.label}
              <b>{said(pointed === undefined ? line.ys.findLast((value) => value !== null) : line.ys[pointed.index])}</b>
            </li>
          ))}
        </ul>
        {pointed !== undefined && <span className="soft">{sayX(pointed.line.xs[pointed.index] ?? 0, axis, format)}</span>}
      </div>
      <div ref={box} className="chart-box">
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
