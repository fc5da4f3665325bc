import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { Badge, Moment } from "../../parts/Values";
import { VersionName } from "../../parts/VersionName";
import { useFormat, useWords } from "../../words";
import { signed } from "./signed";

type Comparison = Schema<"Comparison">;

/** Candidates at the gate, of one model or of all. */
export function Comparisons({ model = "" }: { readonly model?: string }) {
  const { registry: words, common } = useWords();
  const format = useFormat();
  const comparisons = useGet("/v1/comparisons", { query: { model, limit: 100 } }, { live: ["GateDecided"] });
  const columns = useMemo(
    (): Column<Comparison>[] => [
      { id: "at", title: common.at, value: ({ at }) => at, show: ({ id, at }) => <Link href={`/models/comparisons/${id}`}><Moment at={at} /></Link> },
      {
        id: "passed",
        title: words.verdict,
        value: ({ passed }) => String(passed),
        show: ({ passed }) => <Badge tone={passed ? "good" : "warn"}>{passed ? words.passed : words.refusedAt}</Badge>,
      },
      { id: "candidate", title: words.candidate, value: ({ candidate }) => candidate, show: ({ candidate }) => <VersionName id={candidate} /> },
      {
        id: "champion",
        title: words.champion,
        value: ({ champion }) => champion,
        show: ({ champion }) => (champion === "" ? words.noChampion : <VersionName id={champion} />),
      },
      {
        id: "auc",
        title: words.auc,
        number: true,
        value: (row) => row.candidate_scores.auc,
        show: (row) => format.metric(row.candidate_scores.auc),
      },
      { id: "lead", title: words.lead_, number: true, value: ({ lead }) => lead, show: (row) => (row.champion === "" ? "–" : signed(row.lead, format)) },
      { id: "p", title: words.pValue, number: true, value: (row) => row.p_value, show: (row) => (row.p_value === null ? "–" : format.number(row.p_value, 4)) },
      { id: "rows", title: words.rows, number: true, value: (row) => row.candidate_scores.rows, show: (row) => format.number(row.candidate_scores.rows) },
      { id: "reason", title: common.reason, value: ({ reason }) => reason },
    ],
    [words, common, format],
  );
  return (
    <Card title={words.comparisons} flush>
      <Answered from={comparisons}>
        {(rows) => <DataTable name="gate" label={words.comparisons} columns={columns} rows={rows} rowKey={({ id }) => id} order="-at" height={290} />}
      </Answered>
    </Card>
  );
}
