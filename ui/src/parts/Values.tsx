import "./parts.css";
import type { ReactNode } from "react";
import { useFormat } from "../words";

export type Tone = "good" | "warn" | "bad" | "busy" | "calm" | "ember";

/** A state in one word. The colour only repeats what the word says. */
export function Badge({ tone = "calm", children }: { readonly tone?: Tone; readonly children: ReactNode }) {
  return (
    <span className="badge" data-tone={tone}>
      {children}
    </span>
  );
}

interface FigureProperties {
  readonly label: string;
  readonly value: ReactNode;
  /** A comparison or a unit in small words under the value. */
  readonly note?: ReactNode;
  readonly tone?: Tone;
  /** A `Sparkline`. */
  readonly children?: ReactNode;
}

/** One number worth a look. */
export function Figure({ label, value, note, tone, children }: FigureProperties) {
  return (
    <div className="figure" data-tone={tone ?? "none"}>
      <dt>{label}</dt>
      <dd>
        <span className="figure-value">{value}</span>
        {note !== undefined && <span className="figure-note">{note}</span>}
      </dd>
      {children}
    </div>
  );
}

/** A day worth a look: the year is small, since it seldom surprises. */
export function DayFigure({ label, at, note }: { readonly label: string; readonly at: string | null; readonly note?: ReactNode }) {
  if (at === null) return <Figure label={label} value="–" />;
  return <Figure label={label} value={<Moment at={at} as="dayOfMonth" />} note={note ?? new Date(at).getUTCFullYear()} />;
}

export function Figures({ children }: { readonly children: ReactNode }) {
  return <dl className="figures">{children}</dl>;
}

export function Moment({ at, as = "moment" }: { readonly at: string | Date; readonly as?: "moment" | "day" | "dayOfMonth" | "clock" }) {
  const format = useFormat();
  const date = typeof at === "string" ? new Date(at) : at;
  if (Number.isNaN(date.getTime())) return <>–</>;
  return (
    <time dateTime={date.toISOString()} title={`${format.moment(date)} UTC`}>
      {format[as](date)}
    </time>
  );
}

/** Names and values under each other: parameters, settings, a record's fields. */
export function Facts({ facts }: { readonly facts: readonly (readonly [name: string, value: ReactNode])[] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
