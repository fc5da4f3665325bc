import "./traces.css";
import { useState } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { Answered } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { shortId } from "../../parts/Thing";
import { Badge, Facts, Figure, Figures, Moment } from "../../parts/Values";
import { useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";
import { labelsOf } from "./ExperimentsPage";
import { TraceState, type Trace } from "./TracesPage";

type Span = Schema<"TraceSpan">;

const whileRunning = 3_000;

/** One trace: its spans along time, and what went into one of them and came out. */
export default function TracePage({ trace: id = "" }: { readonly trace?: string }) {
  const { tracking: words } = useWords();
  const [isRunning, setRunning] = useState(false);
  const trace = useGet("/v1/traces/{trace}", { path: { trace: id } }, isRunning ? { every: whileRunning } : {});
  const nowRunning = trace.data?.state === "IN_PROGRESS";
  if (nowRunning !== isRunning) setRunning(nowRunning);
  return (
    <Page title={trace.data?.name || words.traces.one} above={{ href: "/traces", title: words.traces.name }}>
      <Answered from={trace}>
        {(found) => (
          <>
            <Summary trace={found} />
            <Spans trace={found} />
            <Grid>
              <About trace={found} />
              <Assessments trace={found} />
            </Grid>
          </>
        )}
      </Answered>
    </Page>
  );
}

function Summary({ trace }: { readonly trace: Trace }) {
  const { tracking: words, common } = useWords();
  const format = useFormat();
  return (
    <Figures>
      <Figure label={common.state} value={<TraceState state={trace.state} />} />
      <Figure label={common.started} value={<Moment at={trace.started_at} as="dayOfMonth" />} note={<Moment at={trace.started_at} as="clock" />} />
      {trace.milliseconds !== null && <Figure label={common.took} value={format.seconds(trace.milliseconds / 1000)} />}
      <Figure label={words.traces.spans} value={trace.spans?.length ?? 0} />
    </Figures>
  );
}

function Spans({ trace }: { readonly trace: Trace }) {
  const words = useWords().tracking.traces;
  const [chosen, choose] = useUrlState("span");
  const spans = trace.spans ?? [];
  const shown = spans.find(({ id }) => id === chosen) ?? spans[0];
  if (shown === undefined) {
    return (
      <Card title={words.spans}>
        <p className="soft">{words.noSpans}</p>
        <Said title={words.request} text={trace.request} />
        <Said title={words.response} text={trace.response} />
      </Card>
    );
  }
  return (
    <Card title={words.spans} aside={spans.length} flush>
      <div className="trace">
        <Waterfall spans={spans} chosen={shown.id} onChoose={choose} />
        <Details span={shown} />
      </div>
    </Card>
  );
}

interface WaterfallProperties {
  readonly spans: readonly Span[];
  readonly chosen: string;
  readonly onChoose: (span: string) => void;
}

/** A row for each span, in the order of the tree, with a bar from its beginning to its end. */
function Waterfall({ spans, chosen, onChoose }: WaterfallProperties) {
  const words = useWords().tracking.traces;
  const format = useFormat();
  const depths = depthsOf(spans);
  const end = Math.max(...spans.map(({ offset = 0, milliseconds }) => offset + (milliseconds ?? 0)), 0.001);
  return (
    <ol className="waterfall" aria-label={words.spans}>
      {spans.map((span) => {
        const offset = span.offset ?? 0;
        return (
          <li key={span.id}>
            <button type="button" aria-current={span.id === chosen} data-status={span.status} onClick={() => onChoose(span.id)}>
              <span className="waterfall-name" style={{ paddingInlineStart: `${(depths.get(span.id) ?? 0) * 14}px` }}>
                {span.name} {span.kind !== undefined && span.kind !== "" && <small>{span.kind}</small>}
              </span>
              <svg className="waterfall-time" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect x={(100 * offset) / end} width={Math.max((100 * (span.milliseconds ?? 0)) / end, 0.4)} y="2" height="6" />
              </svg>
              <span className="waterfall-took">{span.milliseconds === null ? "–" : format.seconds(span.milliseconds / 1000)}</span>
            </button>
          </li>
        );
      })}
    </ol>
  );
}

function depthsOf(spans: readonly Span[]): ReadonlyMap<string, number> {
  const depths = new Map<string, number>();
  // A parent stands before its children; one that never came counts as the beginning.
  for (const { id, parent } of spans) depths.set(id, parent === id ? 0 : (depths.get(parent) ?? -1) + 1);
  return depths;
}

function Details({ span }: { readonly span: Span }) {
  const words = useWords().tracking.traces;
  const attributes = Object.entries(span.attributes);
  return (
    <section className="trace-span" aria-label={`${words.span} ${span.name}`}>
      <h3>
        {span.name} {span.status === "ERROR" && <Badge tone="bad">{words.states.ERROR}</Badge>}
      </h3>
      <Said title={words.inputs} text={span.inputs ?? ""} />
      <Said title={words.outputs} text={span.outputs ?? ""} />
      {(span.events ?? []).map((event, index) => (
        <Said key={index} title={`${words.events}: ${plain(event["name"])}`} text={JSON.stringify(event)} />
      ))}
      {attributes.length > 0 && (
        <>
          <h4>{words.attributes}</h4>
          <Facts facts={attributes.map(([name, value]) => [name, <code>{plain(value)}</code>] as const)} />
        </>
      )}
    </section>
  );
}

/** A text as it was said; JSON with its lines. */
function Said({ title, text }: { readonly title: string; readonly text: string }) {
  if (text === "") return null;
  return (
    <>
      <h4>{title}</h4>
      <pre className="trace-text" tabIndex={0}>
        {pretty(text)}
      </pre>
    </>
  );
}

function pretty(text: string): string {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === "string" ? found : JSON.stringify(found, null, 2);
  } catch {
    return text;
  }
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function About({ trace }: { readonly trace: Trace }) {
  const { tracking: words, common } = useWords();
  const runs = trace.runs ?? [];
  const prompts = trace.prompts ?? [];
  return (
    <Card title={common.about} span={6}>
      <Facts
        facts={[
          [common.id, <code>{trace.id}</code>],
          ...(runs.length === 0 ? [] : [[words.traces.runs, <List of={runs.map((run) => <RunLink key={run} run={run} />)} />] as const]),
          ...(prompts.length === 0 ? [] : [[words.traces.prompts, <List of={prompts.map((prompt) => <Link href={`/models/${encodeURIComponent(prompt.split("/")[0] ?? "")}`}>{prompt}</Link>)} />] as const]),
          ...(trace.metadata["mlflow.modelId"] === undefined ? [] : [[words.traces.loggedModel, <code>{trace.metadata["mlflow.modelId"]}</code>] as const]),
          ...labelsOf(trace.tags),
          ...labelsOf(trace.metadata),
        ]}
      />
    </Card>
  );
}

/** Ids of runs that came from elsewhere do not look like ours. */
function RunLink({ run }: { readonly run: string }) {
  return (
    <Link href={`/runs/${encodeURIComponent(run)}`}>
      <code>{shortId(run)}</code>
    </Link>
  );
}

function List({ of }: { readonly of: readonly React.ReactNode[] }) {
  return (
    <ul className="chips">
      {of.map((one, index) => (
        <li key={index}>{one}</li>
      ))}
    </ul>
  );
}

function Assessments({ trace }: { readonly trace: Trace }) {
  const { tracking: words, common } = useWords();
  const said = trace.assessments ?? [];
  if (said.length === 0) return null;
  return (
    <Card title={words.traces.assessments} aside={said.length} span={6}>
      {said.map((one) => (
        <Facts
          key={one["id"]}
          facts={[
            [one["name"] ?? common.name, <b>{one["value"]}</b>],
            [words.traces.saidBy, `${one["source"] || "–"} (${words.traces.kinds[(one["kind"] ?? "feedback") as keyof typeof words.traces.kinds]})`],
            ...(one["rationale"] === "" ? [] : [[words.traces.why, one["rationale"]] as const]),
          ]}
        />
      ))}
    </Card>
  );
}
