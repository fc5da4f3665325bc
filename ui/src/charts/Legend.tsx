import { toneColour, type ChartTone } from "./colour";

export interface LegendEntry {
  readonly label: string;
  readonly tone: ChartTone;
  readonly dashed?: boolean;
  readonly value?: string;
}

export function Legend({ entries, note }: { readonly entries: readonly LegendEntry[]; readonly note?: string }) {
  return (
    <div className="legend">
      <ul>
        {entries.map(({ label, tone, dashed = false, value }) => (
          <li key={label}>
            <span className="legend-mark" data-dashed={dashed} style={{ color: toneColour(tone) }} aria-hidden="true" />
            {label}
            {value !== undefined && <b>{value}</b>}
          </li>
        ))}
      </ul>
      {note !== undefined && <span className="soft">{note}</span>}
    </div>
  );
}
