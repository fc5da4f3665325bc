import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered, Empty } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { Badge, Moment } from "../../parts/Values";
import { useWords } from "../../words";
import { Comparisons } from "./Comparisons";

type Model = Schema<"Model">;

export default function ModelsPage() {
  const words = useWords().registry;
  const models = useGet("/v1/models", {}, { live: ["VersionRegistered", "AliasPointed", "ProjectApplied"] });
  return (
    <Page title={words.name} lead={words.lead}>
      <Answered from={models}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty says={words.empty} hint={words.emptyHint} />
          ) : (
            <>
              <Models rows={rows} />
              <Comparisons />
            </>
          )
        }
      </Answered>
    </Page>
  );
}

function Models({ rows }: { readonly rows: readonly Model[] }) {
  const { registry: words, common } = useWords();
  const columns = useMemo(
    (): Column<Model>[] => [
      { id: "name", title: common.name, value: ({ name }) => name, show: ({ name }) => <Link href={`/models/${name}`}>{name}</Link> },
      { id: "versions", title: words.versions, number: true, value: ({ versions }) => versions },
      {
        id: "champion",
        title: words.champion,
        value: ({ aliases }) => aliases["champion"],
        show: ({ aliases }) => (aliases["champion"] === undefined ? "–" : <Badge tone="good">{`v${aliases["champion"]}`}</Badge>),
      },
      { id: "pipeline", title: words.pipeline, value: ({ spec }) => spec.pipeline || undefined },
      { id: "gate", title: words.gate, number: true, value: ({ spec }) => spec.gate.length },
      { id: "owner", title: common.owner, value: ({ spec }) => spec.owner || undefined },
      { id: "updated", title: common.updated, value: (row) => row.updated_at, show: (row) => <Moment at={row.updated_at} /> },
      { id: "about", title: common.about, value: ({ spec }) => spec.description || undefined },
    ],
    [words, common],
  );
  return (
    <Card flush>
      <DataTable name="models" label={words.name} columns={columns} rows={rows} rowKey={({ name }) => name} order="name" />
    </Card>
  );
}
