import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { State } from "../../parts/State";
import { Moment } from "../../parts/Values";
import { useFormat, useWords } from "../../words";

type Check = Schema<"Check">;

/** The newest checks of an endpoint, each with the features that moved most. */
export function Checks({ endpoint }: { readonly endpoint: string }) {
  const { monitoring: words, common } = useWords();
  const format = useFormat();
  const checks = useGet(
    "/v1/monitors/{endpoint}/checks",
    { path: { endpoint }, query: { limit: 60 } },
    { live: ["DriftChecked"], atMost: 3000 },
  );
  const columns = useMemo(
    (): Column<Check>[] => [
      { id: "at", title: common.at, value: ({ at }) => at, show: ({ id, at }) => <Link href={`/drift/checks/${id}`}><Moment at={at} /></Link> },
      { id: "verdict", title: words.verdict, value: ({ verdict }) => verdict, show: ({ verdict }) => <State state={verdict} /> },
      { id: "version", title: words.answeredBy, number: true, value: ({ number }) => number, show: ({ number }) => `v${number}` },
      {
        id: "auc",
        title: words.auc,
        number: true,
        value: ({ quality }) => quality.auc,
        show: ({ quality }) => (quality.auc === null ? "–" : format.metric(quality.auc)),
      },
      {
        id: "expected",
        title: words.expected,
        number: true,
        value: ({ quality }) => quality.expected_auc,
        show: ({ quality }) => (quality.expected_auc === null ? "–" : format.metric(quality.expected_auc)),
      },
      { id: "rows", title: words.rows, number: true, value: ({ quality }) => quality.rows, show: ({ quality }) => format.number(quality.rows) },
      { id: "drifted", title: words.drifted, number: true, value: ({ features }) => features.filter(({ drifted }) => drifted).length },
      {
        id: "most",
        title: words.psi,
        value: ({ features }) => features.slice(0, 3).map(({ feature, psi }) => `${feature} ${format.number(psi, 2)}`).join(", "),
      },
      { id: "reasons", title: words.reasons, value: ({ reasons }) => reasons.join("; ") || undefined },
    ],
    [words, common, format],
  );
  return (
    <Card title={words.checks} flush>
      <Answered from={checks}>
        {(rows) => <DataTable name="checks" label={words.checks} columns={columns} rows={rows} rowKey={({ id }) => id} order="-at" height={320} />}
      </Answered>
    </Card>
  );
}
