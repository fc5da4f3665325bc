import { Suspense, useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import type { DagNode } from "../../charts/Dag";
import { Dag } from "../../charts/LazyDag";
import { Answered, Loading } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { entriesOf, sayValue } from "../../parts/Records";
import { State, toneOf, useStateWord } from "../../parts/State";
import { Thing, Told, lineageOf, shortId } from "../../parts/Thing";
import { Facts, Figure, Figures, Moment } from "../../parts/Values";
import { useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";
import { StepDetails } from "./StepDetails";
import { workOf } from "./work";

type PipelineRun = Schema<"PipelineRun">;

export default function PipelineRunPage({ run: id = "" }: { readonly run?: string }) {
  const words = useWords().pipelines;
  const run = useGet(
    "/v1/pipeline-runs/{run}",
    { path: { run: id } },
    { live: ["PipelineRunQueued", "StepBegan", "StepEnded", "PipelineRunEnded"], atMost: 300 },
  );
  return (
    <Page title={`${run.data?.pipeline ?? ""} ${shortId(id)}`.trim()} above={{ href: "/pipelines", title: words.name }} lead={<Told text={run.data?.reason ?? ""} />}>
      <Answered from={run}>{(found) => <RunView run={found} />}</Answered>
    </Page>
  );
}

function RunView({ run }: { readonly run: PipelineRun }) {
  const { pipelines: words } = useWords();
  const [chosen, choose] = useUrlState("step");
  const step = run.steps.find(({ name }) => name === chosen) ?? run.steps.find(({ status }) => status === "failed");
  return (
    <>
      <Summary run={run} />
      <Card title={words.graph}>
        <Graph run={run} selected={step?.name ?? ""} onSelect={choose} />
        {run.error !== "" && <pre className="log log-bad">{run.error}</pre>}
      </Card>
      <Grid>
        <Card title={step?.name ?? words.steps} span={8}>
          {step === undefined ? <p className="soft">{words.choose}</p> : <StepDetails key={step.id} step={step} steps={run.steps} />}
        </Card>
        <About run={run} />
      </Grid>
    </>
  );
}

function Summary({ run }: { readonly run: PipelineRun }) {
  const { pipelines: words, common } = useWords();
  const format = useFormat();
  const done = run.steps.filter(({ status }) => status === "finished" || status === "cached").length;
  return (
    <Figures>
      <Figure label={common.state} value={<State state={run.status} />} />
      <Figure label={words.steps} value={words.stepCount(done, run.steps.length)} />
      <Figure label={words.work} value={format.seconds(workOf(run.steps))} />
      <Figure label={common.started} value={<Moment at={run.started_at} as="dayOfMonth" />} note={<Moment at={run.started_at} as="clock" />} />
      <Figure label={common.code} value={<code className="figure-code">{run.code.slice(0, 12)}</code>} />
    </Figures>
  );
}

interface GraphProperties {
  readonly run: PipelineRun;
  readonly selected: string;
  readonly onSelect: (step: string) => void;
}

function Graph({ run: { steps }, selected, onSelect }: GraphProperties) {
  const words = useWords().pipelines;
  const format = useFormat();
  const say = useStateWord();
  const names = useMemo(() => new Map(steps.map(({ id, name }) => [id, name])), [steps]);
  const nodes = steps.map(
    (step): DagNode => ({
      id: step.name,
      title: step.name,
      state: { says: say(step.status), tone: toneOf(step.status) },
      ...(step.status === "finished" ? { note: format.seconds(step.seconds) } : {}),
    }),
  );
  const edges = steps.flatMap(({ name, inputs }) =>
    inputs.flatMap((input) => {
      const from = names.get(input);
      return from === undefined ? [] : [[from, name] as const];
    }),
  );
  return (
    <Suspense fallback={<Loading />}>
      <Dag label={words.graph} nodes={nodes} edges={edges} selected={selected} onSelect={onSelect} height={220} />
    </Suspense>
  );
}

function About({ run }: { readonly run: PipelineRun }) {
  const { pipelines: words, common } = useWords();
  const format = useFormat();
  return (
    <Card title={common.about} span={4}>
      <Facts
        facts={[
          [words.tracked, <Link href={`/runs/${run.id}`}>{shortId(run.id)}</Link>],
          [common.reason, <Told text={run.reason} />],
          ...entriesOf(run.parameters).map(([name, value]) => [name, sayValue(value, format)] as const),
          ...entriesOf(run.results).map(([name, value]) => [name, <Thing id={String(value)} />] as const),
          ...(run.ended_at === null ? [] : [[common.ended, <Moment at={run.ended_at} />] as const]),
          [common.ancestry, <Link href={lineageOf(run.id)}>{shortId(run.id)}</Link>],
        ]}
      />
    </Card>
  );
}
