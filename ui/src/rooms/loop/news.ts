import type { Tone } from "../../parts/Values";
import type { Format, Words } from "../../words";

/** An event of the house as a line of news. */
export interface News {
  readonly says: string;
  readonly tone: Tone;
  readonly href?: string;
}

export interface HouseEvent {
  readonly id: number;
  readonly name: string;
  readonly subject: string;
  readonly at: string;
  readonly payload: object;
}

/** Everything but the daily chores. */
export const mainEvents = [
  "ProjectApplied",
  "BatchQuarantined",
  "TrainingSetBuilt",
  "PipelineRunQueued",
  "PipelineRunEnded",
  "VersionRegistered",
  "AliasPointed",
  "GateDecided",
  "CanaryStarted",
  "CanaryWon",
  "CanaryRolledBack",
  "DriftAlarm",
  "LoopStarted",
  "LoopClosed",
] as const;

export const allEvents = [
  ...mainEvents,
  "BatchLanded",
  "ViewMaterialized",
  "StepBegan",
  "StepEnded",
  "TrafficSet",
  "CanaryChecked",
  "DriftChecked",
  "AlarmClosed",
  "JobQueued",
  "JobEnded",
  "RunStarted",
  "RunEnded",
] as const;

interface Teller {
  readonly subject: string;
  readonly words: Words;
  readonly format: Format;
  readonly text: (field: string) => string;
  readonly number: (field: string) => string;
  readonly list: (field: string) => string;
  readonly state: (field: string) => string;
}

type Tell = (teller: Teller, payload: Readonly<Record<string, unknown>>) => News;

const link = (place: string, id: string): { href?: string } => (id === "" ? {} : { href: place + encodeURIComponent(id) });

const tellers: { readonly [Name in keyof Words["loop"]["events"]]: Tell } = {
  BatchLanded: (t) => ({ says: t.words.loop.events.BatchLanded(t.subject, t.number("rows")), tone: "calm", ...link("/data/batches/", t.text("batch")) }),
  BatchQuarantined: (t) => ({
    says: t.words.loop.events.BatchQuarantined(t.subject, t.list("reasons")),
    tone: "bad",
    ...link("/data/batches/", t.text("batch")),
  }),
  TrainingSetBuilt: (t) => ({ says: t.words.loop.events.TrainingSetBuilt(t.number("rows")), tone: "calm", ...link("/features/training-sets/", t.subject) }),
  ViewMaterialized: (t) => ({ says: t.words.loop.events.ViewMaterialized(t.subject, t.number("keys")), tone: "calm", ...link("/features/views/", t.subject) }),
  PipelineRunQueued: (t) => ({ says: t.words.loop.events.PipelineRunQueued(t.text("pipeline")), tone: "busy", ...link("/pipelines/runs/", t.subject) }),
  StepBegan: (t) => ({ says: t.words.loop.events.StepBegan(t.text("name")), tone: "calm", ...link("/pipelines/runs/", t.subject) }),
  StepEnded: (t, { seconds }) => ({
    says: t.words.loop.events.StepEnded(t.text("name"), t.state("status"), t.format.seconds(Number(seconds))),
    tone: t.text("status") === "failed" ? "bad" : "calm",
    ...link("/pipelines/runs/", t.subject),
  }),
  PipelineRunEnded: (t) => ({
    says: t.words.loop.events.PipelineRunEnded(t.text("pipeline"), t.state("status")),
    tone: t.text("status") === "finished" ? "good" : "bad",
    ...link("/pipelines/runs/", t.subject),
  }),
  VersionRegistered: (t) => ({
    says: t.words.loop.events.VersionRegistered(t.subject, t.number("number")),
    tone: "busy",
    ...link("/models/versions/", t.text("version")),
  }),
  AliasPointed: (t) => ({
    says: t.words.loop.events.AliasPointed(t.subject, t.text("alias"), t.number("number")),
    tone: "good",
    ...link("/models/", t.subject),
  }),
  GateDecided: (t, { passed }) => ({
    says: t.words.loop.events.GateDecided(passed === true, t.text("reason")),
    tone: passed === true ? "good" : "warn",
    ...link("/models/comparisons/", t.text("comparison")),
  }),
  TrafficSet: (t, { traffic }) => ({
    says: t.words.loop.events.TrafficSet(t.subject, sharesOf(traffic, t.format)),
    tone: "calm",
    ...link("/endpoints/", t.subject),
  }),
  CanaryStarted: (t, { share }) => ({
    says: t.words.loop.events.CanaryStarted(t.number("number"), t.format.percent(Number(share))),
    tone: "ember",
    ...link("/endpoints/canaries/", t.text("canary")),
  }),
  CanaryChecked: (t) => ({
    says: t.words.loop.events.CanaryChecked(t.text("verdict"), t.text("reason")),
    tone: "calm",
    ...link("/endpoints/canaries/", t.text("canary")),
  }),
  CanaryWon: (t) => ({
    says: t.words.loop.events.CanaryWon(t.number("number"), t.text("reason")),
    tone: "good",
    ...link("/endpoints/canaries/", t.text("canary")),
  }),
  CanaryRolledBack: (t) => ({
    says: t.words.loop.events.CanaryRolledBack(t.number("number"), t.text("reason")),
    tone: "bad",
    ...link("/endpoints/canaries/", t.text("canary")),
  }),
  DriftChecked: (t, { auc }) => ({
    says: t.words.loop.events.DriftChecked(t.state("verdict"), typeof auc === "number" ? t.format.metric(auc) : "–"),
    tone: "calm",
    ...link("/drift/checks/", t.text("check")),
  }),
  DriftAlarm: (t) => ({ says: t.words.loop.events.DriftAlarm(t.list("features")), tone: "warn", ...link("/drift/alarms/", t.text("alarm")) }),
  AlarmClosed: (t) => ({ says: t.words.loop.events.AlarmClosed(t.text("outcome")), tone: "calm", ...link("/drift/alarms/", t.text("alarm")) }),
  LoopStarted: (t) => ({ says: t.words.loop.events.LoopStarted(t.subject), tone: "ember", ...link("/pipelines/runs/", t.text("run")) }),
  LoopClosed: (t) => ({
    says: t.words.loop.events.LoopClosed(t.state("status"), t.text("reason")),
    tone: t.text("status") === "promoted" ? "good" : "warn",
    ...link("/models/versions/", t.text("version")),
  }),
  ProjectApplied: (t) => ({ says: t.words.loop.events.ProjectApplied(t.subject, t.number("changes")), tone: "calm" }),
  JobQueued: (t) => ({ says: t.words.loop.events.JobQueued(t.text("kind")), tone: "calm" }),
  JobEnded: (t) => ({ says: t.words.loop.events.JobEnded(t.text("kind"), t.state("status")), tone: "calm" }),
  RunStarted: (t) => ({ says: t.words.loop.events.RunStarted(t.text("name")), tone: "calm", ...link("/runs/", t.subject) }),
  RunEnded: (t) => ({ says: t.words.loop.events.RunEnded(t.state("status")), tone: "calm", ...link("/runs/", t.subject) }),
};

function sharesOf(traffic: unknown, format: Format): string {
  const routes = Array.isArray(traffic) ? (traffic as { number: number; share: number }[]) : [];
  return routes.map(({ number, share }) => `v${number} ${format.percent(share)}`).join(", ");
}

export function tell(event: HouseEvent, words: Words, format: Format): News {
  const payload = event.payload as Readonly<Record<string, unknown>>;
  const text = (field: string): string => String(payload[field] ?? "");
  const states: Readonly<Record<string, string>> = words.state;
  const teller: Teller = {
    subject: event.subject,
    words,
    format,
    text,
    number: (field) => format.number(Number(payload[field] ?? 0)),
    list: (field) => (Array.isArray(payload[field]) ? shortened(payload[field].map(String), words) : text(field)),
    state: (field) => states[text(field)] ?? text(field),
  };
  const known = tellers[event.name as keyof typeof tellers] as Tell | undefined;
  return known === undefined ? { says: `${event.name} ${event.subject}`, tone: "calm" } : known(teller, payload);
}

/** The first few of a list, and how many there are besides. */
export function shortened(items: readonly string[], words: Words, most = 4): string {
  const shown = items.slice(0, most).join(", ");
  return items.length > most ? `${shown} ${words.common.more(items.length - most)}` : shown;
}
