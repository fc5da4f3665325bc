import "./registry.css";
import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { toneAt } from "../../charts/colour";
import { StackedShare } from "../../charts/StackedShare";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { Thing, Told } from "../../parts/Thing";
import { Moment } from "../../parts/Values";
import { useHouseTime } from "../../shell/house";
import { useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";

type Span = Schema<"Answered">;

const changes = { live: ["TrafficSet", "AliasPointed", "CanaryStarted", "CanaryWon", "CanaryRolledBack"], atMost: 2000 } as const;

/** Which versions answered requests over time, at which endpoint, put there by whom and on what evidence. */
export function ProductionHistory({ model }: { readonly model: string }) {
  const words = useWords().registry;
  const { now } = useHouseTime();
  const production = useGet("/v1/models/{model}/production", { path: { model } }, changes);
  return (
    <Answered from={production}>
      {({ spans }) => (
        <>
          <Card title={words.production}>
            {spans.length === 0 ? (
              <p className="soft">{words.productionEmpty}</p>
            ) : (
              <>
                {byEndpoint(spans).map(([endpoint, own]) => (
                  <div key={endpoint}>
                    <Link href={`/endpoints/${encodeURIComponent(endpoint)}`}>{endpoint}</Link>
                    <Bar endpoint={endpoint} spans={own} now={now} />
                  </div>
                ))}
                <AnsweredAt model={model} />
              </>
            )}
          </Card>
          {spans.length > 0 && (
            <Card title={words.productionTable} flush>
              <Spans spans={spans} />
            </Card>
          )}
        </>
      )}
    </Answered>
  );
}

function byEndpoint(spans: readonly Span[]): [endpoint: string, spans: Span[]][] {
  const found = new Map<string, Span[]>();
  for (const span of spans) found.set(span.endpoint, [...(found.get(span.endpoint) ?? []), span]);
  return [...found];
}

/** The shares after each change: what holds from then until the next one. */
export function sharesOf(spans: readonly Span[]): { at: Date; shares: Record<string, number> }[] {
  const moments = [...new Set(spans.flatMap(({ since, until }) => (until === null ? [since] : [since, until])))].sort();
  return moments.map((moment) => {
    const shares: Record<string, number> = {};
    for (const { since, until, number, share } of spans) {
      if (since <= moment && (until === null || until > moment)) shares[`v${number}`] = (shares[`v${number}`] ?? 0) + share;
    }
    return { at: new Date(moment), shares };
  });
}

function Bar({ endpoint, spans, now }: { readonly endpoint: string; readonly spans: readonly Span[]; readonly now: Date }) {
  const points = useMemo(() => sharesOf(spans), [spans]);
  const numbers = [...new Set(spans.map(({ number }) => number))].sort((one, other) => one - other);
  const keys = numbers.map((number) => ({ key: `v${number}`, label: `v${number}`, tone: toneAt(number - 1) }));
  return <StackedShare label={endpoint} keys={keys} points={points} until={now} height={96} />;
}

/** One moment: the answer to "which version was it on 12 March at 10:00?" */
function AnsweredAt({ model }: { readonly model: string }) {
  const words = useWords().registry;
  const format = useFormat();
  const { now } = useHouseTime();
  const [chosen, choose] = useUrlState("at");
  const moment = chosen === "" ? undefined : `${chosen}:00Z`;
  const found = useGet("/v1/models/{model}/production", { path: { model }, query: { at: moment } }, changes);
  return (
    <div className="answered-at">
      <label>
        {words.answeredAt}{" "}
        <input type="datetime-local" value={chosen === "" ? now.toISOString().slice(0, 16) : chosen} onChange={(event) => choose(event.target.value)} /> UTC
      </label>
      <Answered from={found}>
        {({ answering }) =>
          answering.length === 0 ? (
            <span className="soft">{words.nobodyAnswered}</span>
          ) : (
            answering.map((span) => (
              <span key={`${span.endpoint} ${span.version} ${span.since}`}>
                <Thing id={span.version}>{`v${span.number}`}</Thing> {format.percent(span.share, 0)} <span className="soft">{words.byWhom(span.by)}</span>{" "}
                {span.evidence !== "" && <Thing id={span.evidence} />}
              </span>
            ))
          )
        }
      </Answered>
    </div>
  );
}

function Spans({ spans }: { readonly spans: readonly Span[] }) {
  const { registry: words, common } = useWords();
  const format = useFormat();
  const columns = useMemo(
    (): Column<Span>[] => [
      { id: "since", title: words.since, value: ({ since }) => since, show: ({ since }) => <Moment at={since} /> },
      { id: "until", title: words.until, value: ({ until }) => until, show: ({ until }) => (until === null ? "–" : <Moment at={until} />) },
      { id: "endpoint", title: common.endpoint, value: ({ endpoint }) => endpoint },
      { id: "version", title: common.version, number: true, value: ({ number }) => number, show: (row) => <Thing id={row.version}>{`v${row.number}`}</Thing> },
      { id: "share", title: common.share, number: true, value: ({ share }) => share, show: ({ share }) => format.percent(share, 0) },
      { id: "role", title: words.role, value: ({ role }) => role },
      { id: "by", title: words.by, value: ({ by }) => by },
      { id: "evidence", title: words.evidence, value: ({ evidence }) => evidence, show: ({ evidence }) => <Thing id={evidence} /> },
      { id: "reason", title: common.reason, value: ({ reason }) => reason, show: ({ reason }) => <Told text={reason} /> },
    ],
    [words, common, format],
  );
  return (
    <DataTable
      name="production"
      label={words.productionTable}
      columns={columns}
      rows={spans}
      rowKey={(row) => `${row.endpoint} ${row.version} ${row.since} ${row.role}`}
      order="-since"
      height={280}
    />
  );
}
