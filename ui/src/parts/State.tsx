import { useWords, type Words } from "../words";
import { Badge, type Tone } from "./Values";

export type StateName = keyof Words["state"];

const tones: Record<StateName, Tone> = {
  waiting: "calm",
  queued: "calm",
  scheduled: "calm",
  active: "busy",
  running: "busy",
  retraining: "busy",
  canary: "busy",
  open: "warn",
  done: "good",
  finished: "good",
  landed: "good",
  passed: "good",
  promoted: "good",
  fine: "good",
  closed: "calm",
  cached: "calm",
  cancelled: "calm",
  killed: "calm",
  too_few_rows: "calm",
  failed: "bad",
  quarantined: "bad",
  replaced: "calm",
  discarded: "calm",
  refused: "warn",
  rolled_back: "bad",
  drift: "warn",
};

function known(state: string): state is StateName {
  return state in tones;
}

export function toneOf(state: string): Tone {
  return known(state) ? tones[state] : "calm";
}

export function useStateWord(): (state: string) => string {
  const words = useWords().state;
  return (state) => (known(state) ? words[state] : state);
}

/** A state of the house in the words of the reader. */
export function State({ state }: { readonly state: string }) {
  const say = useStateWord();
  return <Badge tone={toneOf(state)}>{say(state)}</Badge>;
}
