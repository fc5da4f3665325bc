import "./charts.css";
import { useState, type PointerEvent } from "react";
import { useFormat } from "../words";
import { toneAt, toneColour, type ChartTone } from "./colour";
import { Legend } from "./Legend";
import { linear } from "./scale";
import { useWidth } from "./size";
import { timeTicks } from "./time";

interface ShareKey {
  readonly key: string;
  readonly label: string;
  readonly tone?: ChartTone;
}

interface StackedShareProperties {
  readonly label: string;
  /** From bottom to top. */
  readonly keys: readonly ShareKey[];
  /** Each set of shares holds from its moment until the next one; a missing key means zero. */
  readonly points: readonly { readonly at: Date; readonly shares: Readonly<Record<string, number>> }[];
  readonly until: Date;
  readonly from?: Date;
  readonly height?: number;
}

const left = 40;
const bottom = 20;
const top = 4;

/** How the traffic was divided over time, in steps: a share changes at a moment, never slowly. */
export function StackedShare({ label, keys, points, until, from, height = 130 }: StackedShareProperties) {
  const format = useFormat();
  const [box, width] = useWidth<HTMLDivElement>();
  const [pointed, setPointed] = useState<number | undefined>();
  const start = (from ?? points[0]?.at ?? until).getTime();
  const end = until.getTime();
  const x = linear([start, end], [left, Math.max(left + 1, width - 6)]);
  const y = linear([0, 1], [height - bottom, top]);
  const shown = points[pointed ?? points.length - 1];
  const point = (event: PointerEvent<SVGSVGElement>): void => {
    const inside = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const found = points.findLastIndex(({ at }) => x(at.getTime()) <= inside);
    setPointed(found < 0 ? undefined : found);
  };
  const toned = keys.map((key, index) => ({ ...key, tone: key.tone ?? toneAt(index) }));
  const edges = points.map(({ at }) => Math.max(left, x(at.getTime())));
  edges.push(x(end));
  return (
    <figure className="chart">
      <Legend
        entries={toned.map(({ key, label: name, tone }) => {
          const share = shown?.shares[key] ?? 0;
          return { label: name, tone, ...(share === 0 ? {} : { value: format.percent(share) }) };
        })}
        {...(shown === undefined ? {} : { note: format.moment(shown.at) })}
      />
      <div ref={box} style={{ height }}>
        {width > 0 && (
          <svg role="img" aria-label={label} width={width} height={height} onPointerMove={point} onPointerLeave={() => setPointed(undefined)}>
            {toned.map(({ key, tone }, layer) =>
              points.map(({ shares }, index) => {
                const below = toned.slice(0, layer).reduce((sum, other) => sum + (shares[other.key] ?? 0), 0);
                const share = shares[key] ?? 0;
                const begin = edges[index] ?? left;
                if (share === 0) return null;
                return (
                  <rect
                    key={`${key} ${index}`}
                    className="share-step"
                    x={begin}
                    y={y(below + share)}
                    width={Math.max(0, (edges[index + 1] ?? begin) - begin)}
                    height={Math.max(0, y(below) - y(below + share))}
                    fill={toneColour(tone)}
                    opacity={pointed === undefined || pointed === index ? 1 : 0.6}
                  />
                );
              }),
            )}
            {[0, 0.5, 1].map((share) => (
              <text key={share} className="axis-text" x={left - 6} y={y(share) + 4} textAnchor="end">
                {format.percent(share, 0)}
              </text>
            ))}
            {timeTicks(start, end, Math.max(2, Math.floor(width / 110)), format).map(({ at, label: words }) => (
              <text key={at} className="axis-text" x={x(at)} y={height - 5} textAnchor="middle">
                {words}
              </text>
            ))}
          </svg>
        )}
      </div>
    </figure>
  );
}
