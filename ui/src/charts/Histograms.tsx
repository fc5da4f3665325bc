import "./charts.css";
import { useState, type PointerEvent } from "react";
import { useFormat, useWords } from "../words";
import { Legend } from "./Legend";
import { linear, textWidth, ticksOf } from "./scale";
import { useWidth } from "./size";

interface HistogramsProperties {
  readonly label: string;
  /** Where the bins begin and end (one more than there are bins), or the names of the categories. */
  readonly bins: { readonly edges: readonly number[] } | { readonly names: readonly string[] };
  /** Counts or shares for each bin; each side is drawn as shares of its own sum. */
  readonly baseline: readonly number[];
  readonly live: readonly number[];
  readonly baselineLabel?: string;
  readonly liveLabel?: string;
  readonly height?: number;
}

const left = 40;
const right = 6;
const bottom = 20;
const top = 6;

function sharesOf(counts: readonly number[]): number[] {
  const sum = counts.reduce((total, count) => total + count, 0);
  return counts.map((count) => (sum === 0 ? 0 : count / sum));
}

/** The distribution the model learned under the one it sees now. Bins are drawn equally wide: edges are often quantiles. */
export function Histograms(properties: HistogramsProperties) {
  const { label, bins, height = 150 } = properties;
  const words = useWords().chart;
  const format = useFormat();
  const [box, width] = useWidth<HTMLDivElement>();
  const [pointed, setPointed] = useState<number | undefined>();
  const baseline = sharesOf(properties.baseline);
  const live = sharesOf(properties.live);
  const count = Math.max(baseline.length, live.length, 1);
  const highest = Math.max(...baseline, ...live, 0.01);
  const x = linear([0, count], [left, Math.max(left + 1, width - right)]);
  const y = linear([0, highest], [height - bottom, top]);
  const slot = x(1) - x(0);
  const gap = Math.min(3, slot * 0.12);
  const percent = (shares: readonly number[]) => (pointed === undefined ? {} : { value: format.percent(shares[pointed] ?? 0) });
  const point = (event: PointerEvent<SVGSVGElement>): void => {
    const inside = event.clientX - event.currentTarget.getBoundingClientRect().left;
    const found = Math.floor((inside - left) / slot);
    setPointed(found >= 0 && found < count ? found : undefined);
  };
  return (
    <figure className="chart">
      <Legend
        entries={[
          { label: properties.baselineLabel ?? words.baseline, tone: "calm", ...percent(baseline) },
          { label: properties.liveLabel ?? words.live, tone: "ember", ...percent(live) },
        ]}
        {...(pointed === undefined ? {} : { note: binName(bins, pointed, (edge) => format.number(edge)) })}
      />
      <div ref={box} style={{ height }}>
        {width > 0 && (
          <svg role="img" aria-label={label} width={width} height={height} onPointerMove={point} onPointerLeave={() => setPointed(undefined)}>
            {ticksOf(0, highest, 3).map((share) => (
              <g key={share}>
                <line className="grid-line" x1={left} x2={width - right} y1={y(share)} y2={y(share)} />
                <text className="axis-text" x={left - 6} y={y(share) + 4} textAnchor="end">
                  {format.percent(share, highest < 0.05 ? 1 : 0)}
                </text>
              </g>
            ))}
            {baseline.map((share, index) => (
              <rect
                key={index}
                className="bar-baseline"
                x={x(index) + gap}
                y={y(share)}
                width={Math.max(1, slot - 2 * gap)}
                height={y(0) - y(share)}
              />
            ))}
            {live.map((share, index) => (
              <rect
                key={index}
                className="bar-live"
                data-pointed={pointed === index}
                x={x(index) + slot * 0.28}
                y={y(share)}
                width={Math.max(1, slot * 0.44)}
                height={y(0) - y(share)}
              />
            ))}
            <line className="axis-line" x1={left} x2={width - right} y1={y(0)} y2={y(0)} />
            {binLabels(bins, slot, (edge) => format.number(edge, 2)).map(({ at, text }) => (
              <text key={at} className="axis-text" x={x(at)} y={height - 5} textAnchor="middle">
                {text}
              </text>
            ))}
          </svg>
        )}
      </div>
    </figure>
  );
}

function binName(bins: HistogramsProperties["bins"], index: number, say: (edge: number) => string): string {
  if ("names" in bins) return bins.names[index] ?? "";
  const [from, until] = bins.edges.slice(index, index + 2);
  return from === undefined || until === undefined ? "" : `${say(from)} – ${say(until)}`;
}

/** As many of the labels as fit without touching. */
function binLabels(
  bins: HistogramsProperties["bins"],
  slot: number,
  say: (edge: number) => string,
): { at: number; text: string }[] {
  const all =
    "names" in bins
      ? bins.names.map((text, index) => ({ at: index + 0.5, text }))
      : bins.edges.map((edge, index) => ({ at: index, text: say(edge) }));
  const widest = Math.max(...all.map(({ text }) => textWidth(text)), 1) + 8;
  const every = Math.max(1, Math.ceil(widest / slot));
  return all.filter((_, index) => index % every === 0);
}
