import "./pipelines.css";
import type { Schema } from "../../api/client";
import { Thing } from "../../parts/Thing";
import { entriesOf, sayValue } from "../../parts/Records";
import { State } from "../../parts/State";
import { Facts } from "../../parts/Values";
import { useFormat, useWords } from "../../words";

type StepRun = Schema<"StepRun">;

/** What went into a step and what came out of it. */
export function StepDetails({ step, steps }: { readonly step: StepRun; readonly steps: readonly StepRun[] }) {
  const { pipelines: words, common } = useWords();
  const format = useFormat();
  const inputs = steps.filter(({ id }) => step.inputs.includes(id)).map(({ name }) => name);
  const params = entriesOf(step.params).map(([name, value]) => [name, sayValue(value, format)] as const);
  const metrics = Object.entries(step.metrics).map(([name, value]) => [name, format.number(value, 4)] as const);
  return (
    <div className="step-details">
      <Facts
        facts={[
          [common.state, <State state={step.status} />],
          [common.took, format.seconds(step.seconds)],
          [words.inputs, inputs.join(", ") || common.none],
          ...(step.output === null ? [] : [[words.output, step.output.summary || step.output.format] as const]),
          ...(step.output === null ? [] : entriesOf(step.output.facts).map(([name, value]) => [name, sayValue(value, format)] as const)),
          ...(step.output === null ? [] : [[words.outputFile, <code>{step.output.path}</code>] as const]),
          ...(step.cached_from === "" ? [] : [[words.cachedFrom, <Thing id={step.cached_from} />] as const]),
          ...(step.log === "" ? [] : [[words.log, <a href={logAddress(step)}>{step.log}</a>] as const]),
          ...(step.cache_key === "" ? [] : [[words.cacheKey, <code>{step.cache_key.slice(0, 16)}</code>] as const]),
        ]}
      />
      {metrics.length > 0 && <Group title={common.metrics} facts={metrics} />}
      {params.length > 0 && <Group title={common.parameters} facts={params} />}
      {step.error !== "" && <pre className="log log-bad">{step.error}</pre>}
    </div>
  );
}

/** Segments are escaped one by one: the path of an artifact keeps its slashes. */
function logAddress({ run, log }: StepRun): string {
  return `/v1/runs/${encodeURIComponent(run)}/artifacts/${log.split("/").map(encodeURIComponent).join("/")}`;
}

function Group({ title, facts }: { readonly title: string; readonly facts: readonly (readonly [string, string])[] }) {
  return (
    <section>
      <h3>{title}</h3>
      <Facts facts={facts} />
    </section>
  );
}
