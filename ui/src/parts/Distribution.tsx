import "./distribution.css";
import type { Schema } from "../api/client";
import { useFormat, useWords, type Format } from "../words";

type ColumnProfile = Schema<"ColumnProfile">;

interface DistributionProperties {
  readonly profile: ColumnProfile;
  readonly width?: number;
  readonly height?: number;
}

/** What the values of a column are like, as small bars: bins of numbers and moments, or the most frequent values. */
export function Distribution({ profile, width = 92, height = 22 }: DistributionProperties) {
  const format = useFormat();
  const words = useWords().discovery;
  const bars = barsOf(profile, format);
  if (bars.length === 0) return <span className="soft">–</span>;
  const highest = Math.max(...bars.map(({ count }) => count), 1);
  const slot = width / Math.max(bars.length, 6);
  return (
    <svg className="distribution" role="img" aria-label={words.distributionOf(profile.name)} width={width} height={height}>
      {bars.map(({ says, count }, index) => {
        const tall = count === 0 ? 0 : Math.max(1.5, (height - 1) * (count / highest));
        return (
          <rect key={index} x={index * slot + 0.5} y={height - tall} width={Math.max(1, slot - 1)} height={tall} rx={0.8}>
            <title>{`${says}: ${format.number(count)}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}

function barsOf({ histogram, frequent, type }: ColumnProfile, format: Format): { says: string; count: number }[] {
  if (histogram !== null && histogram.counts.length > 0) {
    const isMoment = type === "timestamp" || type === "date";
    const say = (edge: number) => (isMoment ? format.day(new Date(edge * 1000)) : format.number(edge, 2));
    return histogram.counts.map((count, index) => ({
      says: `${say(histogram.edges[index] ?? 0)} – ${say(histogram.edges[index + 1] ?? histogram.edges[index] ?? 0)}`,
      count,
    }));
  }
  // Where every value is another one, there is nothing to see.
  if ((frequent[0]?.count ?? 0) <= 1) return [];
  return frequent.map(({ value, count }) => ({ says: String(value), count }));
}

/** Where the values lie, in a few words: `12 – 340, ⌀ 57`; or how many different ones there are. */
export function useRange(): (profile: ColumnProfile) => string {
  const format = useFormat();
  const words = useWords().discovery;
  return ({ low, high, mean, distinct, type }) => {
    const say = (value: unknown): string => {
      if (typeof value === "number") return format.number(value, 2);
      return type === "timestamp" || type === "date" ? format.day(new Date(String(value))) : String(value);
    };
    if (typeof mean === "number") return `${say(low)} – ${say(high)}, ⌀ ${format.number(mean, 3)}`;
    if (type === "timestamp" || type === "date") return low === null ? "–" : `${say(low)} – ${say(high)}`;
    return distinct < 0 ? "–" : words.different(format.number(distinct));
  };
}
