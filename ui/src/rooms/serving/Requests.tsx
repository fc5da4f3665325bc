import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { Thing, lineageOf, shortId } from "../../parts/Thing";
import { Moment } from "../../parts/Values";
import { useFormat, useWords } from "../../words";

type Request = Schema<"Request">;

/** The newest answers of an endpoint, each with a way to its ancestry. */
export function Requests({ endpoint }: { readonly endpoint: string }) {
  const { serving: words, common, lineage } = useWords();
  const format = useFormat();
  const requests = useGet("/v1/requests", { query: { endpoint, limit: 100 } }, { every: 4000 });
  const columns = useMemo(
    (): Column<Request>[] => [
      { id: "at", title: common.at, value: ({ at }) => at, show: ({ at }) => <Moment at={at} /> },
      { id: "id", title: words.request, value: ({ id }) => id, show: ({ id }) => <Link href={lineageOf(id)}>{shortId(id)}</Link> },
      { id: "version", title: words.answeredBy, number: true, value: ({ number }) => number, show: (row) => <Thing id={row.version}>{`v${row.number}`}</Thing> },
      { id: "role", title: words.role, value: ({ role }) => words.roles[role] },
      { id: "rows", title: words.rows, number: true, value: ({ rows }) => rows },
      { id: "latency", title: words.latency, number: true, value: (row) => row.latency_ms, show: (row) => format.seconds(row.latency_ms / 1000) },
      { id: "status", title: words.status, number: true, value: ({ status }) => status },
      { id: "error", title: words.errors, value: ({ error }) => error || undefined },
      { id: "ancestry", title: lineage.name, value: () => undefined, show: ({ id }) => <Link href={lineageOf(id)}>{lineage.ancestors}</Link> },
    ],
    [words, common, lineage, format],
  );
  return (
    <Card title={words.lastRequests} flush>
      <Answered from={requests}>
        {(rows) => (
          <DataTable name="requests" label={words.lastRequests} columns={columns} rows={rows} rowKey={({ id }) => id} order="-at" filterable height={320} />
        )}
      </Answered>
    </Card>
  );
}
