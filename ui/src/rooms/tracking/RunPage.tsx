import { useState } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { entriesOf, sayValue } from "../../parts/Records";
import { State } from "../../parts/State";
import { Told, lineageOf, shortId } from "../../parts/Thing";
import { Facts, Figure, Figures, Moment } from "../../parts/Values";
import { useFormat, useWords } from "../../words";
import { Artifacts } from "./Artifacts";
import { RunCurves } from "./RunCurves";
import { secondsOf } from "./search";

type Run = Schema<"Run">;

const mostFigures = 5;

const whileRunning = 2_000;

export default function RunPage({ run: id = "" }: { readonly run?: string }) {
  const words = useWords().tracking;
  const [isRunning, setRunning] = useState(false);
  const run = useGet("/v1/runs/{run}", { path: { run: id } }, { live: ["RunEnded", "StepEnded"], ...(isRunning ? { every: whileRunning } : {}) });
  const nowRunning = run.data?.status === "running";
  if (nowRunning !== isRunning) setRunning(nowRunning);
  return (
    <Page title={`${run.data?.name ?? ""} ${shortId(id)}`.trim()} above={{ href: "/runs", title: words.name }}>
      <Answered from={run}>
        {(found) => (
          <>
            <Summary run={found} />
            <RunCurves run={found} />
            <Grid>
              <Parameters run={found} />
              <Tags run={found} />
              <Metrics run={found} />
            </Grid>
            <Artifacts run={id} isRunning={isRunning} />
          </>
        )}
      </Answered>
    </Page>
  );
}

function Summary({ run }: { readonly run: Run }) {
  const { common } = useWords();
  const format = useFormat();
  const seconds = secondsOf(run);
  return (
    <Figures>
      <Figure label={common.state} value={<State state={run.status} />} />
      <Figure label={common.started} value={<Moment at={run.started_at} as="dayOfMonth" />} note={<Moment at={run.started_at} as="clock" />} />
      {seconds !== undefined && <Figure label={common.took} value={format.seconds(seconds)} />}
      {Object.entries(run.metrics)
        .filter(([name]) => !name.startsWith("system/"))
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
          [words.experiment, <Link href={`/experiments/${encodeURIComponent(run.experiment)}`}>{run.experiment}</Link>],
          ...(run.person === "" ? [] : [[words.person, run.person] as const]),
          [common.id, <code>{run.id}</code>],
          ...(run.ended_at === null ? [] : [[common.ended, <Moment at={run.ended_at} />] as const]),
          ...Object.entries(run.tags)
            .filter(([name]) => name !== "pipeline")
            .map(([name, value]) => [name, <Told text={value} />] as const),
          ...(isPipeline ? [[words.pipelineRun, <Link href={`/pipelines/runs/${run.id}`}>{run.tags["pipeline"]}</Link>] as const] : []),
          [common.ancestry, <Link href={lineageOf(run.id)}>{shortId(run.id)}</Link>],
          [words.traces.name, <Link href={`/traces?filter=${encodeURIComponent(`run_id = '${run.id}'`)}`}>{words.traces.search}</Link>],
        ]}
      />
    </Card>
  );
}

/** The newest value of each metric. */
function Metrics({ run }: { readonly run: Run }) {
  const { common } = useWords();
  const format = useFormat();
  const facts = Object.entries(run.metrics).map(([name, value]) => [name, sayValue(value, format)] as const);
  if (facts.length === 0) return null;
  return (
    <Card title={common.metrics} aside={facts.length} span={6}>
      <Facts facts={facts} />
    </Card>
  );
}
