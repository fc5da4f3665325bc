import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { State } from "../../parts/State";
import { Thing, shortId } from "../../parts/Thing";
import { Facts, Figure, Figures, Moment } from "../../parts/Values";
import { useFormat, useWords } from "../../words";
import { canaryEvents, said } from "./Canaries";

type Canary = Schema<"Canary">;
type Evidence = Schema<"Evidence">;

export default function CanaryPage({ canary: id = "" }: { readonly canary?: string }) {
  const words = useWords().serving;
  const canary = useGet("/v1/canaries/{canary}", { path: { canary: id } }, { live: canaryEvents });
  const endpoint = canary.data?.endpoint;
  return (
    <Page
      title={`${words.canary} ${shortId(id)}`}
      above={{ href: endpoint === undefined ? "/endpoints" : `/endpoints/${endpoint}`, title: endpoint ?? words.name }}
      lead={canary.data?.reason ?? ""}
    >
      <Answered from={canary}>{(found) => <CanaryView canary={found} />}</Answered>
    </Page>
  );
}

function CanaryView({ canary }: { readonly canary: Canary }) {
  const { serving: words, common } = useWords();
  const format = useFormat();
  const last = canary.checks.at(-1);
  const chance = (last?.paired_lead ?? 0) < 0 ? last?.p_worse : last?.p_better;
  return (
    <>
      <Figures>
        <Figure label={common.state} value={<State state={canary.status === "open" ? "canary" : canary.status} />} />
        <Figure label={words.candidate} value={<Thing id={canary.candidate}>{`v${canary.candidate_number}`}</Thing>} />
        <Figure label={words.champion} value={canary.champion === "" ? "–" : <Thing id={canary.champion}>{`v${canary.champion_number}`}</Thing>} />
        <Figure label={common.share} value={format.percent(canary.share)} note={`${words.shareServed} ${said(last?.candidate_share, format.percent)}`} />
        <Figure label={words.pairedLead} value={said(last?.paired_lead, format.metric)} note={typeof chance === "number" ? `p ${format.number(chance, 4)}` : ""} />
        <Figure label={words.labelled} value={said(last?.labelled_rows, format.number)} />
      </Figures>
      <Card title={words.evidence} flush>
        <EvidenceTable rows={canary.checks} />
      </Card>
      <Card title={common.about}>
        <Facts
          facts={[
            [common.endpoint, <Link href={`/endpoints/${canary.endpoint}`}>{canary.endpoint}</Link>],
            [common.started, <Moment at={canary.started_at} />],
            [words.byWhom, canary.started_by],
            ...(canary.ended_at === null ? [] : [[common.ended, <Moment at={canary.ended_at} />] as const]),
            [words.stage, canary.stage + 1],
            [common.reason, canary.reason || "–"],
          ]}
        />
      </Card>
    </>
  );
}

function EvidenceTable({ rows }: { readonly rows: readonly Evidence[] }) {
  const { serving: words, common } = useWords();
  const format = useFormat();
  const columns = useMemo((): Column<Evidence>[] => {
    const number = (id: string, title: string, value: (row: Evidence) => number | null, say: (value: number) => string): Column<Evidence> => ({
      id,
      title,
      number: true,
      value,
      show: (row) => said(value(row), say),
    });
    const metric = (value: number): string => format.metric(value);
    const small = (value: number): string => format.number(value, 4);
    return [
      { id: "at", title: common.at, value: ({ at }) => at, show: ({ at }) => <Moment at={at} /> },
      { id: "verdict", title: words.verdict, value: ({ verdict }) => words.verdicts[verdict] },
      number("requests", words.requests, (row) => row.requests, (value) => format.number(value)),
      number("share", words.shareServed, (row) => row.candidate_share, (value) => format.percent(value)),
      number("labelled", words.labelled, (row) => row.labelled_rows, (value) => format.number(value)),
      number("candidate", words.aucCandidate, (row) => row.auc_candidate, metric),
      number("champion", words.aucChampion, (row) => row.auc_champion, metric),
      number("lead", words.pairedLead, (row) => row.paired_lead, metric),
      number("better", words.pBetter, (row) => row.p_better, small),
      number("worse", words.pWorse, (row) => row.p_worse, small),
      number("p95", "p95", (row) => row.latency_p95_candidate_ms, (value) => format.seconds(value / 1000)),
      { id: "reason", title: common.reason, value: ({ reason }) => reason },
    ];
  }, [words, common, format]);
  return <DataTable name="evidence" label={words.evidence} columns={columns} rows={rows} rowKey={({ at }) => at} order="-at" height={420} />;
}
