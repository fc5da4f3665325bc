import "./compare.css";
import { useMemo } from "react";
import { Link, useSearchParams } from "wouter";
import { useAsk } from "../../api/hooks";
import { Curves } from "../../charts/Curves";
import { Choices } from "../../parts/Choices";
import { Answered, Empty, Loading } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { useUrlChoice, useUrlList } from "../../shell/url";
import { useWords } from "../../words";
import { useCurveSettings } from "./CurveControls";
import { Differences } from "./Differences";
import { KeyMenu } from "./KeyMenu";
import { linesOf, useRunColours } from "./lines";
import { ParallelView } from "./Parallel";
import { ScatterView } from "./Scatter";
import { idsFromText, keysOf, quoted, type Run } from "./search";

const views = ["curves", "parallel", "scatter", "differences"] as const;
const mostRuns = 500;
const usualCharts = 4;
const manyRuns = 100;
const mostCharts = 12;
const mostCurves = 2000;
const liveEvery = 3000;
const none: readonly never[] = [];

/** Which runs: ids in the address, or a search. */
function useQuestion() {
  const [parameters] = useSearchParams();
  return useMemo(() => {
    const ids = idsFromText(parameters.get("runs") ?? "").slice(0, mostRuns);
    const chosen = ids.length === 0 ? undefined : `attributes.run_id IN (${ids.map(quoted).join(", ")})`;
    const body = {
      experiments: parameters.getAll("experiment"),
      filter: chosen ?? parameters.get("runs.filter") ?? "",
      order_by: parameters.getAll("order"),
      limit: mostRuns,
    };
    return { ids, body };
  }, [parameters]);
}

/** As they were chosen: the first is what the others are compared with. */
function inOrder(runs: readonly Run[], ids: readonly string[]): readonly Run[] {
  if (ids.length === 0) return runs;
  const places = new Map(ids.map((id, index) => [id, index]));
  return runs.toSorted((one, other) => (places.get(one.id) ?? 0) - (places.get(other.id) ?? 0));
}

export default function ComparePage() {
  const words = useWords().tracking;
  const [view, setView] = useUrlChoice("view", views);
  const { ids, body } = useQuestion();
  const found = useAsk("/v1/runs/search", { body }, { live: ["RunEnded"], atMost: 2000 });
  const runs = useMemo(() => inOrder(found.data?.items ?? none, ids), [found.data, ids]);
  const count = found.data?.items.length;
  return (
    <Page
      title={words.compare}
      above={{ href: "/runs", title: words.name }}
      {...(count === undefined ? {} : { lead: words.runsCount(count) })}
      actions={<Choices label={words.view} choices={views.map((choice) => [choice, words.views[choice]] as const)} chosen={view} onChoose={setView} />}
    >
      <Answered from={found}>
        {() => {
          if (runs.length === 0) return <Empty says={words.nothingFound} />;
          if (view === "parallel") return <ParallelView runs={runs} />;
          if (view === "scatter") return <ScatterView runs={runs} />;
          return view === "curves" ? <CurvesView runs={runs} /> : <Differences runs={runs} />;
        }}
      </Answered>
    </Page>
  );
}

function CurvesView({ runs }: { readonly runs: readonly Run[] }) {
  const words = useWords().tracking;
  const [settings, controls] = useCurveSettings();
  const known = useMemo(() => keysOf(runs).filter((key) => key.startsWith("metrics.")).map((key) => key.slice("metrics.".length)), [runs]);
  const usual = useMemo(() => known.filter((key) => !key.startsWith("system/")).slice(0, runs.length > manyRuns ? 2 : usualCharts), [known, runs]);
  const [chosen, choose] = useUrlList("metrics", usual);
  const most = Math.max(1, Math.min(mostCharts, Math.floor(mostCurves / runs.length)));
  const metrics = chosen.slice(0, most);
  const isRunning = runs.some(({ status }) => status === "running");
  const curves = useAsk(
    "/v1/runs/curves",
    { body: { runs: runs.map(({ id }) => id), metrics: [...metrics], points: runs.length > 50 ? 120 : 500 } },
    { enabled: metrics.length > 0, ...(isRunning ? { every: liveEvery } : {}) },
  );
  const colours = useRunColours(runs);
  const { axis, smoothing, log } = settings;
  const lines = useMemo(() => linesOf(curves.data ?? [], runs, colours, { axis, smoothing }), [curves.data, runs, colours, axis, smoothing]);
  if (known.length === 0) return <Empty says={words.noCurves} />;
  return (
    <>
      <div className="controls">
        {controls}
        <KeyMenu label={words.metricsShown} known={known} chosen={metrics} onChoose={choose} />
      </div>
      {curves.data === undefined && metrics.length > 0 ? (
        <Answered from={curves}>{() => <Loading />}</Answered>
      ) : (
        <div className="curve-grid" data-busy={curves.isPlaceholderData}>
          {metrics.map((metric) => (
            <Card key={metric} title={metric}>
              <Curves label={metric} lines={lines.get(metric) ?? none} axis={axis} log={log} />
            </Card>
          ))}
        </div>
      )}
      {runs.length <= mostNamed && <RunLegend runs={runs} colours={colours} />}
    </>
  );
}

const mostNamed = 40;

export function RunLegend({ runs, colours }: { readonly runs: readonly Run[]; readonly colours: ReadonlyMap<string, string> }) {
  return (
    <ul className="run-legend">
      {runs.map((run) => (
        <li key={run.id}>
          <span className="legend-mark" style={{ color: colours.get(run.id) }} aria-hidden="true" />
          <Link href={`/runs/${encodeURIComponent(run.id)}`}>{run.name}</Link>
        </li>
      ))}
    </ul>
  );
}
