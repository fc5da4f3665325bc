import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { toneAt } from "../../charts/colour";
import { ShareBar } from "../../charts/ShareBar";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered, Empty } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { Moment } from "../../parts/Values";
import { useFormat, useWords } from "../../words";
import { Canaries } from "./Canaries";

type Endpoint = Schema<"Endpoint">;

export default function EndpointsPage() {
  const words = useWords().serving;
  const endpoints = useGet("/v1/endpoints", {}, { live: ["TrafficSet", "ProjectApplied"] });
  return (
    <Page title={words.name} lead={words.lead}>
      <Answered from={endpoints}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty says={words.empty} hint={words.emptyHint} />
          ) : (
            <>
              <Endpoints rows={rows} />
              <Canaries />
            </>
          )
        }
      </Answered>
    </Page>
  );
}

function Endpoints({ rows }: { readonly rows: readonly Endpoint[] }) {
  const { serving: words, common } = useWords();
  const format = useFormat();
  const columns = useMemo(
    (): Column<Endpoint>[] => [
      { id: "name", title: common.name, value: ({ name }) => name, show: ({ name }) => <Link href={`/endpoints/${name}`}>{name}</Link> },
      {
        id: "model",
        title: common.model,
        value: ({ spec }) => spec.model,
        show: ({ spec }) => <Link href={`/models/${spec.model}`}>{spec.model}</Link>,
      },
      {
        id: "service",
        title: words.service,
        value: ({ spec }) => spec.service,
        show: ({ spec }) => <Link href={`/features/services/${spec.service}`}>{spec.service}</Link>,
      },
      {
        id: "traffic",
        title: words.traffic,
        value: ({ traffic }) => traffic.map(({ number, share }) => `v${number} ${format.percent(share)}`).join(", ") || undefined,
      },
      {
        id: "bar",
        title: words.trafficNow,
        value: ({ traffic }) => traffic.length,
        show: ({ traffic }) => (
          <ShareBar
            bare
            label={words.trafficNow}
            shares={traffic.map(({ version, number, share }) => ({ key: version, label: `v${number}`, share, tone: toneAt(number - 1) }))}
          />
        ),
      },
      { id: "revision", title: words.revision, number: true, value: ({ revision }) => revision },
      { id: "updated", title: common.updated, value: (row) => row.updated_at, show: (row) => <Moment at={row.updated_at} /> },
    ],
    [words, common, format],
  );
  return (
    <Card flush>
      <DataTable name="endpoints" label={words.name} columns={columns} rows={rows} rowKey={({ name }) => name} order="name" />
    </Card>
  );
}
