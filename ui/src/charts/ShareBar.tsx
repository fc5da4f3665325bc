import "./charts.css";
import { useFormat } from "../words";
import { toneAt, toneColour, type ChartTone } from "./colour";
import { Legend } from "./Legend";

export interface Share {
  readonly key: string;
  readonly label: string;
  /** Between 0 and 1. */
  readonly share: number;
  readonly tone?: ChartTone;
}

interface ShareBarProperties {
  readonly label: string;
  readonly shares: readonly Share[];
  /** Only the bar, for a table cell. */
  readonly bare?: boolean;
}

/** Who gets how much, now. */
export function ShareBar({ label, shares, bare = false }: ShareBarProperties) {
  const format = useFormat();
  const toned = shares.map((share, index) => ({ ...share, tone: share.tone ?? toneAt(index) }));
  const said = toned.map((share) => `${share.label} ${format.percent(share.share)}`).join(", ");
  return (
    <figure className="share-bar">
      <div className="share-bar-bar" role="img" aria-label={`${label}: ${said}`}>
        {toned.map(({ key, share, tone, label: name }) => (
          <span
            key={key}
            title={`${name} ${format.percent(share)}`}
            style={{ flexGrow: share, background: toneColour(tone) }}
          />
        ))}
      </div>
      {!bare && <Legend entries={toned.map((one) => ({ label: one.label, tone: one.tone, value: format.percent(one.share) }))} />}
    </figure>
  );
}
