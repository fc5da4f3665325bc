import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered, Empty } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { Moment } from "../../parts/Values";
import { useFormat, useWords } from "../../words";
import { TrainingSets } from "./TrainingSets";

type View = Schema<"View">;
type Service = Schema<"Service">;

export default function FeaturesPage() {
  const words = useWords().features;
  const views = useGet("/v1/feature-views", {}, { live: ["ViewMaterialized", "ProjectApplied"], atMost: 2000 });
  const services = useGet("/v1/feature-services", {}, { live: ["ProjectApplied"] });
  return (
    <Page title={words.name} lead={words.lead}>
      <Answered from={views}>
        {(found) => (found.length === 0 ? <Empty says={words.empty} hint={words.emptyHint} /> : <Views rows={found} />)}
      </Answered>
      <Answered from={services}>{(found) => (found.length === 0 ? null : <Services rows={found} />)}</Answered>
      <TrainingSets />
    </Page>
  );
}

function Views({ rows }: { readonly rows: readonly View[] }) {
  const { features: words, common } = useWords();
  const format = useFormat();
  const columns = useMemo(
    (): Column<View>[] => [
      { id: "name", title: common.name, value: ({ name }) => name, show: ({ name }) => <Link href={`/features/views/${name}`}>{name}</Link> },
      { id: "entity", title: words.entity, value: ({ spec }) => spec.entity.join(", ") },
      {
        id: "dataset",
        title: common.dataset,
        value: ({ spec }) => spec.dataset,
        show: ({ spec }) => <Link href={`/data/${spec.dataset}`}>{spec.dataset}</Link>,
      },
      { id: "features", title: common.features, value: ({ spec }) => spec.features.map(({ name }) => name).join(", ") },
      { id: "keys", title: words.onlineKeys, number: true, value: (row) => row.online_keys, show: (row) => format.number(row.online_keys) },
      { id: "online", title: words.onlineVersion, number: true, value: (row) => (row.online_version < 0 ? undefined : row.online_version) },
      { id: "used", title: words.usedBy, value: ({ used_by }) => used_by.join(", ") || undefined },
      { id: "updated", title: common.updated, value: (row) => row.updated_at, show: (row) => <Moment at={row.updated_at} /> },
    ],
    [words, common, format],
  );
  return (
    <Card title={words.views} flush>
      <DataTable name="views" label={words.views} columns={columns} rows={rows} rowKey={({ name }) => name} order="name" />
    </Card>
  );
}

function Services({ rows }: { readonly rows: readonly Service[] }) {
  const { features: words, common } = useWords();
  const columns = useMemo(
    (): Column<Service>[] => [
      { id: "name", title: common.name, value: ({ name }) => name, show: ({ name }) => <Link href={`/features/services/${name}`}>{name}</Link> },
      {
        id: "dataset",
        title: common.dataset,
        value: ({ spec }) => spec.dataset,
        show: ({ spec }) => <Link href={`/data/${spec.dataset}`}>{spec.dataset}</Link>,
      },
      { id: "label", title: common.label, value: ({ spec }) => spec.label, show: ({ spec }) => <code>{spec.label}</code> },
      { id: "features", title: common.features, number: true, value: ({ features }) => features.length },
      { id: "inputs", title: words.inputs, value: ({ inputs }) => Object.keys(inputs).join(", ") },
      { id: "hash", title: words.hash, value: ({ hash }) => hash, show: ({ hash }) => <code title={hash}>{hash.slice(0, 8)}</code> },
    ],
    [words, common],
  );
  return (
    <Card title={words.services} flush>
      <DataTable name="services" label={words.services} columns={columns} rows={rows} rowKey={({ name }) => name} order="name" />
    </Card>
  );
}
