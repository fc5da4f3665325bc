import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { State } from "../../parts/State";
import { Moment } from "../../parts/Values";
import { VersionName } from "../../parts/VersionName";
import { useWords } from "../../words";

type Alarm = Schema<"Alarm">;

/** The alarms of an endpoint, and what came of each. */
export function Alarms({ endpoint }: { readonly endpoint: string }) {
  const { monitoring: words, common } = useWords();
  const alarms = useGet("/v1/alarms", { query: { endpoint, limit: 100 } }, { live: ["DriftAlarm", "AlarmClosed"] });
  const columns = useMemo(
    (): Column<Alarm>[] => [
      { id: "at", title: common.at, value: ({ at }) => at, show: ({ id, at }) => <Link href={`/drift/alarms/${id}`}><Moment at={at} /></Link> },
      { id: "status", title: common.state, value: ({ status }) => status, show: ({ status }) => <State state={status} /> },
      { id: "features", title: words.named, value: ({ features }) => features.slice(0, 5).join(", ") },
      { id: "reasons", title: words.reasons, value: ({ reasons }) => reasons.join("; ") },
      { id: "version", title: words.answeredBy, value: ({ version }) => version, show: ({ version }) => <VersionName id={version} /> },
      { id: "outcome", title: words.outcome, value: ({ outcome }) => outcome || undefined },
      { id: "closed", title: words.closedAt, value: (row) => row.closed_at, show: (row) => (row.closed_at === null ? "–" : <Moment at={row.closed_at} />) },
    ],
    [words, common],
  );
  return (
    <Card title={words.alarms} flush>
      <Answered from={alarms}>
        {(rows) =>
          rows.length === 0 ? (
            <p className="card-words soft">{words.noAlarms}</p>
          ) : (
            <DataTable name="alarms" label={words.alarms} columns={columns} rows={rows} rowKey={({ id }) => id} order="-at" height={230} />
          )
        }
      </Answered>
    </Card>
  );
}
