import type { HouseTime } from "../../shell/house";
import type { Format, Words } from "../../words";
import { workOf } from "../pipelines/work";
import { signed } from "../registry/signed";
import { bucketsOf, sum } from "../serving/usage";
import type { HouseNow } from "./house";
import { shortened } from "./news";

export type StepName = keyof Words["loop"]["titles"];
export type StepState = "waiting" | "active" | "done";

export interface Fact {
  readonly says: string;
  readonly href?: string;
}

export interface Step {
  readonly name: StepName;
  readonly state: StepState;
  readonly href: string;
  readonly facts: readonly Fact[];
}

interface Telling {
  readonly house: HouseNow;
  readonly time: HouseTime;
  readonly words: Words;
  readonly format: Format;
}

type Teller = (telling: Telling) => Omit<Step, "name">;

const day = 86_400_000;

const tellers: { readonly [Name in StepName]: Teller } = {
  lake: ({ house, words, format }) => {
    const rows = sum(house.datasets, (dataset) => dataset.rows);
    const refusals = house.refusals.toReversed().slice(0, 1).map((event): Fact => {
      const { batch, reasons } = event.payload as { batch?: string; reasons?: string[] };
      return { says: words.loop.facts.refused(event.subject, shortened(reasons ?? [], words, 3)), href: `/data/batches/${batch ?? ""}` };
    });
    const landed = { says: words.loop.facts.landed(house.datasets.length, format.number(rows)), href: "/data" };
    return { state: rows > 0 ? "done" : "waiting", href: "/data", facts: rows > 0 ? [landed, ...refusals] : refusals };
  },
  features: ({ house, words, format }) => {
    const keys = sum(house.views, (view) => view.online_keys);
    const set = house.trainingSet;
    const says = [
      ...(house.views.length === 0 ? [] : [words.loop.facts.views(house.views.length, format.number(keys))]),
      ...(set === undefined ? [] : [words.loop.facts.trainingSet(format.number(set.rows), set.features.length)]),
    ].join(", ");
    const href = set === undefined ? "/features" : `/features/training-sets/${set.id}`;
    return { state: keys > 0 || set !== undefined ? "done" : "waiting", href: "/features", facts: says === "" ? [] : [{ says, href }] };
  },
  pipeline: ({ house, words, format }) => {
    const [run] = house.runs;
    if (run === undefined) return { state: "waiting", href: "/pipelines", facts: [] };
    const href = `/pipelines/runs/${run.id}`;
    const running = run.status === "queued" || run.status === "running";
    const step = run.steps.findLast(({ status }) => status === "running")?.name ?? words.state[run.status];
    const error = run.error.trim().split("\n").at(-1) ?? "";
    const { ran, running: now, failed, runs } = words.loop.facts;
    const says = running
      ? now(run.pipeline, step)
      : run.status === "failed"
        ? failed(run.pipeline, error)
        : ran(run.pipeline, run.steps.length, format.seconds(workOf(run.steps)));
    const cached = sum(house.runs, ({ steps }) => steps.filter(({ status }) => status === "cached").length);
    const all = house.runs.length > 1 ? [runs(house.runs.length, cached)] : [];
    const facts = [{ says: [says, ...all].join("; "), href }];
    const finished = house.runs.some(({ status }) => status === "finished");
    return { state: running ? "active" : finished ? "done" : "waiting", href: "/pipelines", facts };
  },
  registry: ({ house, words }) => {
    const facts = house.models
      .filter(({ versions }) => versions > 0)
      .map(({ name, versions, aliases }) => {
        const champion = aliases["champion"];
        const says = words.loop.facts.versions(name, versions);
        return { says: champion === undefined ? says : `${says}, ${words.loop.champion} v${champion}`, href: `/models/${name}` };
      });
    const named = house.models.some(({ aliases }) => "champion" in aliases);
    return { state: named ? "done" : facts.length > 0 ? "active" : "waiting", href: "/models", facts };
  },
  serving: ({ house, words, format }) => {
    const buckets = bucketsOf(house.usage);
    const requests = sum(buckets, (bucket) => bucket.requests);
    const last = buckets.at(-1);
    if (last === undefined) return { state: "waiting", href: "/endpoints", facts: [] };
    const href = `/endpoints/${house.endpoint?.name ?? ""}`;
    const rows = sum(buckets, (bucket) => bucket.rows);
    const says = [
      words.loop.facts.answered(format.compact(requests), format.compact(rows)),
      words.loop.facts.latency(format.seconds(last.p95 / 1000)),
    ];
    return {
      state: "done",
      href,
      facts: [{ says: says.join(", "), href }],
    };
  },
  replay: ({ house, time, words, format }) => {
    const buckets = bucketsOf(house.usage);
    const first = buckets[0]?.at;
    if (!time.replaying || first === undefined) return { state: "waiting", href: "/endpoints", facts: [] };
    const days = Math.max(1, Math.round((time.now.getTime() - first.getTime()) / day));
    const rows = sum(buckets, (bucket) => bucket.rows) / days;
    const says = [words.loop.facts.replayed(format.day(first), format.day(time.now)), words.loop.facts.perDay(format.number(rows, 0))];
    return { state: time.moving ? "active" : "done", href: "/endpoints", facts: [{ says: says.join(", ") }] };
  },
  drift: ({ house, words, format }) => {
    const checked = house.checks.length;
    if (checked === 0) return { state: "waiting", href: "/drift", facts: [] };
    const alarms = house.alarms
      .toSorted((one, other) => one.at.localeCompare(other.at))
      .slice(0, 1)
      .map((alarm): Fact => {
        const says = words.loop.facts.alarm(format.dayOfMonth(new Date(alarm.at)), shortened(alarm.features, words, 3));
        return { says, href: `/drift/alarms/${alarm.id}` };
      });
    const says = words.loop.facts.checked(checked, house.alarms.length);
    return { state: house.alarms.length > 0 ? "done" : "active", href: "/drift", facts: [{ says, href: "/drift" }, ...alarms] };
  },
  retrain: (telling) => {
    const loops = telling.house.loops.toSorted((one, other) => one.started_at.localeCompare(other.started_at));
    const open = loops.some(({ ended_at: ended }) => ended === null);
    const promoted = loops.some(({ status }) => status === "promoted");
    const shown = loops.slice(-3);
    return {
      state: open ? "active" : promoted ? "done" : "waiting",
      href: "/drift",
      facts: shown.map((loop) => loopFact(loop, telling)),
    };
  },
  bad: ({ house, words, format }) => {
    const back = house.canaries.filter(({ status }) => status === "rolled_back");
    const facts = back.slice(0, 2).map((canary): Fact => {
      const share = format.percent(canary.checks.at(-1)?.candidate_share ?? canary.share);
      return { says: words.loop.facts.badBack(canary.candidate_number, canary.checks.length, share), href: `/endpoints/canaries/${canary.id}` };
    });
    return { state: facts.length > 0 ? "done" : "waiting", href: "/endpoints", facts };
  },
  ancestry: () => ({ state: "waiting", href: "/endpoints", facts: [] }),
};

function loopFact(loop: HouseNow["loops"][number], { house, words, format }: Telling): Fact {
  const { facts } = words.loop;
  const parts: string[] = [];
  const comparison = house.comparisons.find(({ id }) => id === loop.comparison);
  const canary = house.canaries.find(({ id }) => id === loop.canary);
  if (comparison !== undefined) parts.push(sayGate(comparison, words, format));
  if (canary !== undefined) {
    if (canary.status === "open") parts.push(facts.canary(format.percent(canary.share)));
    else parts.push(canary.status === "promoted" ? facts.promoted(canary.candidate_number) : facts.rolledBack(canary.candidate_number));
  }
  if (loop.status === "retraining") parts.push(facts.retraining);
  if (loop.status === "failed") parts.push(facts.loopFailed(loop.reason));
  const place = canary !== undefined ? `/endpoints/canaries/${canary.id}` : comparison !== undefined ? `/models/comparisons/${comparison.id}` : "";
  const href = place !== "" ? place : loop.run === "" ? "/drift" : `/pipelines/runs/${loop.run}`;
  return { says: `${format.dayOfMonth(new Date(loop.started_at))}: ${parts.join(" → ") || words.state[loop.status]}`, href };
}

function sayGate(comparison: HouseNow["comparisons"][number], words: Words, format: Format): string {
  const { facts } = words.loop;
  if (!comparison.passed) return facts.gateRefused(comparison.reason);
  if (comparison.p_value === null) return facts.gateFirst;
  return facts.gatePassed(signed(comparison.lead, format), format.number(comparison.p_value, 3));
}

/** The ten steps of the story, and the facts that made each of them done. */
export function stepsOf(telling: Telling, ancestry: Omit<Step, "name">): Step[] {
  return (Object.keys(tellers) as StepName[]).map((name) => ({
    name,
    ...(name === "ancestry" ? ancestry : tellers[name](telling)),
  }));
}
