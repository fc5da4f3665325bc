import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Sparkline } from "../../charts/Sparkline";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { entriesOf, sayValue } from "../../parts/Records";
import { State } from "../../parts/State";
import { Told, lineageOf, shortId } from "../../parts/Thing";
import { Facts, Figure, Figures, Moment } from "../../parts/Values";
import { useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";

type Run = Schema<"Run">;
type Artifact = Schema<"Artifact">;

const mostFigures = 6;

export default function RunPage({ run: id = "" }: { readonly run?: string }) {
  const words = useWords().tracking;
  const run = useGet("/v1/runs/{run}", { path: { run: id } }, { live: ["RunEnded", "StepEnded"] });
  return (
    <Page title={`${run.data?.name ?? ""} ${shortId(id)}`.trim()} above={{ href: "/runs", title: words.name }}>
      <Answered from={run}>
        {(found) => (
          <>
            <Summary run={found} />
            <Grid>
              <Parameters run={found} />
              <Tags run={found} />
              {Object.keys(found.metrics).length > 0 && <History run={found} />}
              <Artifacts run={id} />
            </Grid>
          </>
        )}
      </Answered>
    </Page>
  );
}

function Summary({ run }: { readonly run: Run }) {
  const { common } = useWords();
  const format = useFormat();
  return (
    <Figures>
      <Figure label={common.state} value={<State state={run.status} />} />
      <Figure label={common.started} value={<Moment at={run.started_at} as="dayOfMonth" />} note={<Moment at={run.started_at} as="clock" />} />
      {Object.entries(run.metrics)
        .slice(0, mostFigures)
        .map(([name, value]) => (
          <Figure key={name} label={name} value={sayValue(value, format)} />
        ))}
    </Figures>
  );
}

function Parameters({ run }: { readonly run: Run }) {
  const { tracking: words, common } = useWords();
  const format = useFormat();
  const facts = entriesOf(run.params).map(([name, value]) => [name, sayValue(value, format)] as const);
  return (
    <Card title={common.parameters} aside={facts.length} span={6}>
      {facts.length === 0 ? <p className="soft">{words.noParameters}</p> : <Facts facts={facts} />}
    </Card>
  );
}

function Tags({ run }: { readonly run: Run }) {
  const { tracking: words, common } = useWords();
  const isPipeline = "pipeline" in run.tags;
  return (
    <Card title={common.about} span={6}>
      <Facts
        facts={[
          [words.experiment, run.experiment],
          [common.id, <code>{run.id}</code>],
          ...(run.ended_at === null ? [] : [[common.ended, <Moment at={run.ended_at} />] as const]),
          ...Object.entries(run.tags)
            .filter(([name]) => name !== "pipeline")
            .map(([name, value]) => [name, <Told text={value} />] as const),
          ...(isPipeline ? [[words.pipelineRun, <Link href={`/pipelines/runs/${run.id}`}>{run.tags["pipeline"]}</Link>] as const] : []),
          [common.ancestry, <Link href={lineageOf(run.id)}>{shortId(run.id)}</Link>],
        ]}
      />
    </Card>
  );
}

function History({ run }: { readonly run: Run }) {
  const words = useWords().tracking;
  const format = useFormat();
  const names = Object.keys(run.metrics);
  const [chosen, setChosen] = useUrlState("metric", names[0] ?? "");
  const history = useGet("/v1/runs/{run}/metrics/{metric}", { path: { run: run.id, metric: chosen } });
  return (
    <Card
      title={words.history}
      span={6}
      aside={
        <select className="button" aria-label={words.metric} value={chosen} onChange={(event) => setChosen(event.target.value)}>
          {names.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      }
    >
      <Answered from={history}>
        {(points) => {
          const values = points.map(({ value }) => Number(value)).map((value) => (Number.isFinite(value) ? value : null));
          const last = points.at(-1);
          return (
            <>
              {points.length > 1 && <Sparkline label={chosen} values={values} width={420} height={90} />}
              <Facts
                facts={[
                  [words.points, points.length],
                  ...(last === undefined ? [] : [[`${words.steps} ${last.step}`, sayValue(last.value, format)] as const]),
                ]}
              />
            </>
          );
        }}
      </Answered>
    </Card>
  );
}

function Artifacts({ run }: { readonly run: string }) {
  const words = useWords().tracking;
  const format = useFormat();
  const artifacts = useGet("/v1/runs/{run}/artifacts", { path: { run } }, { live: ["RunEnded"] });
  const columns = useMemo(
    (): Column<Artifact>[] => [
      { id: "path", title: words.path, value: ({ path }) => path, show: ({ path }) => <code>{path}</code> },
      { id: "size", title: words.size, number: true, value: ({ size }) => size, show: ({ size }) => format.bytes(size) },
      { id: "changed", title: words.changed, value: (row) => row.modified_at, show: (row) => <Moment at={row.modified_at} /> },
    ],
    [words, format],
  );
  return (
    <Card title={words.artifacts} span={6} flush>
      <Answered from={artifacts}>
        {(rows) => <DataTable name="artifacts" label={words.artifacts} columns={columns} rows={rows} rowKey={({ path }) => path} height={260} />}
      </Answered>
    </Card>
  );
}
