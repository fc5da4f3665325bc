import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered, Empty } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { Moment } from "../../parts/Values";
import { useWords } from "../../words";

type Experiment = Schema<"Experiment">;

const mostExperiments = 5000;

export default function ExperimentsPage() {
  const words = useWords().tracking;
  const experiments = useGet("/v1/experiments", { query: { limit: mostExperiments } }, { live: ["RunStarted"], atMost: 5000 });
  return (
    <Page title={words.experiments} lead={words.experimentsLead} above={{ href: "/runs", title: words.name }}>
      <Answered from={experiments}>
        {({ items }) => (items.length === 0 ? <Empty says={words.empty} hint={words.emptyHint} /> : <Experiments rows={items} />)}
      </Answered>
    </Page>
  );
}

function Experiments({ rows }: { readonly rows: readonly Experiment[] }) {
  const { tracking: words, common } = useWords();
  const columns = useMemo(
    (): Column<Experiment>[] => [
      { id: "name", title: common.name, value: ({ name }) => name, show: ({ name }) => <Link href={`/experiments/${encodeURIComponent(name)}`}>{name}</Link> },
      { id: "created", title: words.created, value: (row) => row.created_at, show: (row) => <Moment at={row.created_at} /> },
      { id: "updated", title: words.updatedAt, value: (row) => row.updated_at, show: (row) => <Moment at={row.updated_at} /> },
      {
        id: "tags",
        title: common.tags,
        value: ({ tags }) => labelsOf(tags).map(([key, value]) => `${key} ${value}`).join(", ") || undefined,
        show: ({ tags }) => (
          <ul className="chips">
            {labelsOf(tags).map(([key, value]) => (
              <li key={key}>{`${key}: ${value}`}</li>
            ))}
          </ul>
        ),
      },
      { id: "id", title: common.id, value: ({ id }) => id, show: ({ id }) => <code>{id}</code> },
    ],
    [words, common],
  );
  return (
    <Card flush>
      <DataTable name="experiments" label={words.experiments} columns={columns} rows={rows} rowKey={({ id }) => id} order="-updated" filterable height={540} />
    </Card>
  );
}

/** Tags that people gave; what clients keep for themselves stays out of sight. */
export function labelsOf(tags: Readonly<Record<string, string>>): [key: string, value: string][] {
  return Object.entries(tags).filter(([key]) => !key.startsWith("mlflow."));
}
