import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered, Empty } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { entriesOf, sayValue } from "../../parts/Records";
import { State } from "../../parts/State";
import { Told, shortId } from "../../parts/Thing";
import { Moment } from "../../parts/Values";
import { VersionName } from "../../parts/VersionName";
import { useFormat, useWords } from "../../words";
import { workOf } from "./work";

type Pipeline = Schema<"Pipeline">;
type PipelineRun = Schema<"PipelineRun">;

const running = { live: ["PipelineRunQueued", "PipelineRunEnded", "StepBegan", "StepEnded"], atMost: 800 } as const;

export default function PipelinesPage() {
  const words = useWords().pipelines;
  const pipelines = useGet("/v1/pipelines", {}, { live: ["ProjectApplied"] });
  const runs = useGet("/v1/pipeline-runs", { query: { limit: 200 } }, running);
  return (
    <Page title={words.name} lead={words.lead}>
      <Answered from={pipelines}>
        {(found) =>
          found.length === 0 ? <Empty says={words.empty} hint={words.emptyHint} /> : <Pipelines rows={found} runs={runs.data ?? []} />
        }
      </Answered>
      <Answered from={runs}>{(found) => <Runs rows={found} />}</Answered>
    </Page>
  );
}

function Pipelines({ rows, runs }: { readonly rows: readonly Pipeline[]; readonly runs: readonly PipelineRun[] }) {
  const { pipelines: words, common } = useWords();
  const format = useFormat();
  const columns = useMemo((): Column<Pipeline>[] => {
    const last = (name: string): PipelineRun | undefined => runs.find(({ pipeline }) => pipeline === name);
    return [
      {
        id: "name",
        title: common.name,
        value: ({ name }) => name,
        show: ({ name }) => <Link href={`/pipelines?runs.filter=${encodeURIComponent(name)}`}>{name}</Link>,
      },
      {
        id: "state",
        title: common.state,
        value: ({ name }) => last(name)?.status,
        show: ({ name }) => <State state={last(name)?.status ?? "waiting"} />,
      },
      { id: "runs", title: words.runs, number: true, value: ({ name }) => runs.filter(({ pipeline }) => pipeline === name).length },
      { id: "schedule", title: words.schedule, value: ({ spec }) => spec.schedule || words.byHand },
      {
        id: "parameters",
        title: common.parameters,
        value: ({ spec }) => entriesOf(spec.parameters).map(([name, value]) => `${name} = ${sayValue(value, format)}`).join(", ") || undefined,
      },
      { id: "code", title: common.code, value: ({ spec }) => spec.code, show: ({ spec }) => <code>{spec.code.slice(0, 12)}</code> },
      { id: "about", title: common.about, value: ({ spec }) => spec.description || undefined },
    ];
  }, [words, common, runs, format]);
  return (
    <Card title={words.name} flush>
      <DataTable name="pipelines" label={words.name} columns={columns} rows={rows} rowKey={({ name }) => name} order="name" />
    </Card>
  );
}

function Runs({ rows }: { readonly rows: readonly PipelineRun[] }) {
  const { pipelines: words, common } = useWords();
  const format = useFormat();
  const columns = useMemo(
    (): Column<PipelineRun>[] => [
      { id: "started", title: common.started, value: (run) => run.started_at, show: (run) => <Moment at={run.started_at} /> },
      {
        id: "run",
        title: common.run,
        value: ({ pipeline, id }) => `${pipeline} ${id}`,
        show: ({ pipeline, id }) => (
          <Link href={`/pipelines/runs/${id}`}>
            {pipeline} <code>{shortId(id)}</code>
          </Link>
        ),
      },
      { id: "status", title: common.state, value: ({ status }) => status, show: ({ status }) => <State state={status} /> },
      {
        id: "steps",
        title: words.steps,
        value: ({ steps }) => steps.length,
        show: ({ steps }) => words.stepCount(steps.filter(({ status }) => status === "finished" || status === "cached").length, steps.length),
      },
      { id: "work", title: words.work, number: true, value: ({ steps }) => workOf(steps), show: ({ steps }) => format.seconds(workOf(steps)) },
      { id: "reason", title: common.reason, value: ({ reason }) => reason, show: ({ reason }) => <Told text={reason} /> },
      {
        id: "version",
        title: common.version,
        value: ({ results }) => String((results as Record<string, unknown>)["version"] ?? ""),
        show: ({ results }) => <VersionName id={String((results as Record<string, unknown>)["version"] ?? "")} />,
      },
      { id: "error", title: words.error, value: ({ error }) => error.trim().split("\n").at(-1) || undefined },
    ],
    [words, common, format],
  );
  return (
    <Card title={words.runs} flush>
      <DataTable name="runs" label={words.runs} columns={columns} rows={rows} rowKey={({ id }) => id} order="-started" filterable height={430} />
    </Card>
  );
}
