import "./story.css";
import { useMemo } from "react";
import { Link } from "wouter";
import { useGet } from "../../api/hooks";
import { Choices } from "../../parts/Choices";
import { Answered, Empty, Loading } from "../../parts/Notes";
import { Card, Grid, Page } from "../../parts/Page";
import { State } from "../../parts/State";
import { lineageOf } from "../../parts/Thing";
import { Figure, Figures, Moment } from "../../parts/Values";
import { useHouseTime } from "../../shell/house";
import { useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";
import { QualityChart } from "../serving/QualityChart";
import { TrafficChart } from "../serving/TrafficChart";
import { sum } from "../serving/usage";
import { useHouse, type HouseNow } from "./house";
import { NewsFeed } from "./NewsFeed";
import { stepsOf, type Step } from "./steps";

export default function StoryPage() {
  const { loop: words, common } = useWords();
  const endpoints = useGet("/v1/endpoints", {}, { live: ["ProjectApplied", "TrafficSet"] });
  const names = endpoints.data?.map(({ name }) => name) ?? [];
  const [wanted, setWanted] = useUrlState("endpoint", names[0] ?? "");
  const endpoint = names.includes(wanted) ? wanted : (names[0] ?? "");
  const chooser = names.length > 1 && (
    <Choices label={common.endpoint} choices={names.map((name) => [name, name] as const)} chosen={endpoint} onChoose={setWanted} />
  );
  return (
    <Page title={words.name} actions={chooser}>
      <Answered from={endpoints}>
        {(found) => (found.length === 0 ? <Beginning /> : <Story key={endpoint} endpoint={endpoint} />)}
      </Answered>
    </Page>
  );
}

/** Before the first endpoint there is no loop to tell of, only what happens. */
function Beginning() {
  const words = useWords().loop;
  return (
    <>
      <Empty says={words.empty} hint={words.emptyHint} />
      <NewsFeed />
    </>
  );
}

function Story({ endpoint }: { readonly endpoint: string }) {
  const words = useWords().loop;
  const house = useHouse(endpoint);
  if (!house.ready) return <Loading />;
  return (
    <>
      <Headline house={house} />
      <Grid>
        <Timeline house={house} endpoint={endpoint} />
        <div className="story-charts">
          <Card title={words.quality}>
            <QualityChart endpoint={endpoint} height={196} />
          </Card>
          <Card title={words.traffic}>
            <TrafficChart usage={house.usage} height={96} />
          </Card>
        </div>
        <NewsFeed />
      </Grid>
    </>
  );
}

function Headline({ house }: { readonly house: HouseNow }) {
  const words = useWords().loop;
  const format = useFormat();
  const { now } = useHouseTime();
  const champion = house.endpoint?.traffic.find(({ role }) => role === "champion");
  const canary = house.endpoint?.traffic.find(({ role }) => role === "canary");
  const total = house.worth?.total;
  const open = house.loops.find(({ ended_at: ended }) => ended === null);
  const promoted = house.loops.filter(({ status }) => status === "promoted").length;
  const rows = sum(house.usage, (one) => one.rows);
  const requests = sum(house.usage, (one) => one.requests);
  return (
    <Figures>
      <Figure label={useWords().shell.clock} value={<Moment at={now} as="dayOfMonth" />} note={<Moment at={now} as="clock" />} />
      <Figure label={words.rowsServed} value={format.compact(rows)} note={words.inRequests(format.compact(requests))} />
      <Figure
        label={words.champion}
        value={champion === undefined ? "–" : <Link href={`/models/versions/${champion.version}`}>{`v${champion.number}`}</Link>}
        note={canary === undefined ? "" : `v${canary.number}: ${format.percent(canary.share)}`}
      />
      <Figure
        label={words.auc}
        value={total ? format.metric(total.auc_served) : "–"}
        note={total ? words.againstFrozen(format.metric(total.auc_frozen), house.worth?.frozen ?? 1) : ""}
        {...(total && total.auc_served > total.auc_frozen ? { tone: "good" as const } : {})}
      />
      <Figure
        label={words.openLoop}
        value={open === undefined ? <span className="story-calm">{words.noLoop}</span> : <State state={open.status} />}
        note={words.loopsDone(promoted, house.loops.length)}
      />
      <Figure label={words.drift} value={words.alarms(house.alarms.length)} note={words.checks(house.checks.length)} />
    </Figures>
  );
}

function Timeline({ house, endpoint }: { readonly house: HouseNow; readonly endpoint: string }) {
  const words = useWords();
  const format = useFormat();
  const time = useHouseTime();
  const ancestry = useAncestry(endpoint, house.usage.length > 0);
  const steps = useMemo(() => stepsOf({ house, time, words, format }, ancestry), [house, time, words, format, ancestry]);
  return (
    <Card span={4}>
      <ol className="story" aria-label={words.loop.steps}>
        {steps.map((step, index) => (
          <StepLine key={step.name} step={step} number={index + 1} />
        ))}
      </ol>
    </Card>
  );
}

function StepLine({ step, number }: { readonly step: Step; readonly number: number }) {
  const { loop: words, state } = useWords();
  return (
    <li data-state={step.state}>
      <span className="story-number" aria-hidden="true">
        {step.state === "done" ? "✓" : number}
      </span>
      <div>
        <Link href={step.href} className="story-title">
          {words.titles[step.name]}
        </Link>
        <span className={step.state === "active" ? "story-now" : "hidden-text"}>{state[step.state]}</span>
        {step.facts.length === 0 && <p className="story-waits">{words.waits[step.name]}</p>}
        {step.facts.map(({ says, href }, index) => (
          <p key={index} title={says}>
            {href === undefined ? says : <Link href={href}>{says}</Link>}
          </p>
        ))}
      </div>
    </li>
  );
}

/** The chain behind the newest answer, which proves that every answer can be traced. */
function useAncestry(endpoint: string, served: boolean): Omit<Step, "name"> {
  const words = useWords();
  const { data: requests } = useGet("/v1/requests", { query: { endpoint, limit: 1 } }, { every: 15_000, enabled: served });
  const request = requests?.[0]?.id ?? "";
  const { data: graph } = useGet("/v1/lineage/{id}", { path: { id: request } }, { enabled: request !== "" });
  return useMemo(() => {
    if (graph === undefined) return { state: "waiting", href: "/endpoints", facts: [] };
    const kinds = [...new Set(graph.nodes.map(({ kind }) => words.lineage.kinds[kind] ?? kind))];
    const href = lineageOf(request);
    return { state: "done", href, facts: [{ says: words.loop.facts.chain(graph.nodes.length, kinds.join(" → ")), href }] };
  }, [graph, request, words]);
}
