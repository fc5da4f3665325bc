import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered, Empty } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { Badge, Moment } from "../../parts/Values";
import { useFormat, useWords } from "../../words";

type Dataset = Schema<"Dataset">;

export default function DataPage() {
  const words = useWords().lake;
  const datasets = useGet("/v1/datasets", {}, { live: ["BatchLanded", "BatchQuarantined", "ProjectApplied"], atMost: 2000 });
  return (
    <Page title={words.name} lead={words.lead}>
      <Answered from={datasets}>
        {(rows) => (rows.length === 0 ? <Empty says={words.empty} hint={words.emptyHint} /> : <Datasets rows={rows} />)}
      </Answered>
    </Page>
  );
}

function Datasets({ rows }: { readonly rows: readonly Dataset[] }) {
  const { lake: words, common } = useWords();
  const format = useFormat();
  const columns = useMemo(
    (): Column<Dataset>[] => [
      { id: "name", title: common.name, value: ({ name }) => name, show: ({ name }) => <Link href={`/data/${name}`}>{name}</Link> },
      { id: "rows", title: common.rows, number: true, value: (row) => row.rows, show: (row) => format.number(row.rows) },
      { id: "version", title: common.version, number: true, value: ({ version }) => version, show: ({ version }) => (version < 0 ? "–" : version) },
      { id: "batches", title: words.batches, number: true, value: ({ batches }) => batches },
      {
        id: "quarantined",
        title: words.refused,
        number: true,
        value: ({ quarantined }) => quarantined,
        show: ({ quarantined }) => (quarantined === 0 ? 0 : <Badge tone="bad">{quarantined}</Badge>),
      },
      { id: "newest", title: words.newest, value: ({ newest }) => newest, show: ({ newest }) => (newest === null ? "–" : <Moment at={newest} />) },
      { id: "key", title: words.key, value: ({ spec }) => spec.key.join(", ") },
      { id: "contract", title: words.contract, number: true, value: ({ spec }) => spec.contract.length },
      { id: "owner", title: common.owner, value: ({ spec }) => spec.owner || undefined },
      { id: "about", title: common.about, value: ({ spec }) => spec.description || undefined },
    ],
    [words, common, format],
  );
  return (
    <Card title={words.datasets} flush>
      <DataTable name="datasets" label={words.datasets} columns={columns} rows={rows} rowKey={({ name }) => name} order="name" />
    </Card>
  );
}
