import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { State } from "../../parts/State";
import { Thing } from "../../parts/Thing";
import { Moment } from "../../parts/Values";
import { useFormat, useWords } from "../../words";

type Canary = Schema<"Canary">;

export const canaryEvents = ["CanaryStarted", "CanaryChecked", "CanaryWon", "CanaryRolledBack"] as const;

/** Canaries with the newest of their evidence, of one endpoint or of all. */
export function Canaries({ endpoint = "" }: { readonly endpoint?: string }) {
  const { serving: words, common } = useWords();
  const format = useFormat();
  const canaries = useGet("/v1/canaries", { query: { endpoint, limit: 100 } }, { live: canaryEvents });
  const columns = useMemo(
    (): Column<Canary>[] => [
      {
        id: "started",
        title: common.started,
        value: (row) => row.started_at,
        show: ({ id, started_at }) => (
          <Link href={`/endpoints/canaries/${id}`}>
            <Moment at={started_at} />
          </Link>
        ),
      },
      { id: "status", title: common.state, value: ({ status }) => status, show: ({ status }) => <State state={status === "open" ? "canary" : status} /> },
      {
        id: "candidate",
        title: words.candidate,
        number: true,
        value: (row) => row.candidate_number,
        show: (row) => <Thing id={row.candidate}>{`v${row.candidate_number}`}</Thing>,
      },
      {
        id: "champion",
        title: words.champion,
        number: true,
        value: (row) => row.champion_number,
        show: (row) => (row.champion === "" ? "–" : <Thing id={row.champion}>{`v${row.champion_number}`}</Thing>),
      },
      { id: "checks", title: words.checks, number: true, value: ({ checks }) => checks.length },
      {
        id: "served",
        title: words.shareServed,
        number: true,
        value: ({ checks }) => checks.at(-1)?.candidate_share,
        show: ({ checks }) => said(checks.at(-1)?.candidate_share, format.percent),
      },
      {
        id: "lead",
        title: words.pairedLead,
        number: true,
        value: ({ checks }) => checks.at(-1)?.paired_lead,
        show: ({ checks }) => said(checks.at(-1)?.paired_lead, format.metric),
      },
      { id: "ended", title: common.ended, value: (row) => row.ended_at, show: (row) => (row.ended_at === null ? "–" : <Moment at={row.ended_at} />) },
      { id: "reason", title: common.reason, value: ({ reason }) => reason },
    ],
    [words, common, format],
  );
  return (
    <Card title={words.canaries} flush>
      <Answered from={canaries}>
        {(rows) => (
          <DataTable name="canaries" label={words.canaries} columns={columns} rows={rows} rowKey={({ id }) => id} order="-started" height={280} />
        )}
      </Answered>
    </Card>
  );
}

export function said(value: number | null | undefined, say: (value: number) => string): string {
  return value === null || value === undefined ? "–" : say(value);
}
