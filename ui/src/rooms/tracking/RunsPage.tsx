import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Choices } from "../../parts/Choices";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered, Empty } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { sayValue } from "../../parts/Records";
import { State } from "../../parts/State";
import { Told, shortId } from "../../parts/Thing";
import { Moment } from "../../parts/Values";
import { useUrlChoice } from "../../shell/url";
import { useFormat, useWords } from "../../words";

type Run = Schema<"Run">;

const mostMetrics = 6;
const statuses = ["all", "running", "finished", "failed"] as const;

export default function RunsPage() {
  const { tracking: words, common, state } = useWords();
  const [status, setStatus] = useUrlChoice("status", statuses);
  const runs = useGet(
    "/v1/runs",
    { query: { limit: 500, status: status === "all" ? undefined : status } },
    { live: ["RunStarted", "RunEnded"], atMost: 1000 },
  );
  const choices = statuses.map((choice) => [choice, choice === "all" ? common.all : state[choice]] as const);
  return (
    <Page
      title={words.name}
      lead={words.lead}
      actions={<Choices label={words.status} choices={choices} chosen={status} onChoose={setStatus} />}
    >
      <Answered from={runs}>
        {({ items }) =>
          items.length === 0 && status === "all" ? <Empty says={words.empty} hint={words.emptyHint} /> : <Runs rows={items} />
        }
      </Answered>
    </Page>
  );
}

/** The metrics that most runs have, so that the table compares what can be compared. */
function commonMetrics(runs: readonly Run[]): string[] {
  const counts = new Map<string, number>();
  for (const run of runs) for (const name of Object.keys(run.metrics)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1]).slice(0, mostMetrics).map(([name]) => name);
}

function numberOf(value: number | string | undefined): number | undefined {
  const number = Number(value);
  return value === undefined || Number.isNaN(number) ? undefined : number;
}

function Runs({ rows }: { readonly rows: readonly Run[] }) {
  const { tracking: words, common } = useWords();
  const format = useFormat();
  const columns = useMemo(
    (): Column<Run>[] => [
      {
        id: "name",
        title: common.name,
        value: ({ name, id }) => `${name} ${id}`,
        show: ({ name, id }) => (
          <Link href={`/runs/${id}`}>
            {name || words.name} <code>{shortId(id)}</code>
          </Link>
        ),
      },
      { id: "experiment", title: words.experiment, value: ({ experiment }) => experiment },
      { id: "status", title: common.state, value: ({ status }) => status, show: ({ status }) => <State state={status} /> },
      { id: "started", title: common.started, value: (run) => run.started_at, show: (run) => <Moment at={run.started_at} /> },
      ...commonMetrics(rows).map(
        (metric): Column<Run> => ({
          id: `metric ${metric}`,
          title: metric,
          number: true,
          value: ({ metrics }) => numberOf(metrics[metric]),
          show: ({ metrics }) => sayValue(metrics[metric], format),
        }),
      ),
      { id: "reason", title: common.reason, value: ({ tags }) => tags["reason"], show: ({ tags }) => <Told text={tags["reason"] ?? "–"} /> },
    ],
    [rows, words, common, format],
  );
  return (
    <Card flush>
      <DataTable name="runs" label={words.name} columns={columns} rows={rows} rowKey={({ id }) => id} order="-started" filterable height={560} />
    </Card>
  );
}
