import { useEffect, useMemo, useState } from "react";
import { useGet } from "../api/hooks";

const oftenMilliseconds = 1_500;
const seldomMilliseconds = 15_000;
const stillAfterMilliseconds = 6_000;

export interface HouseTime {
  readonly now: Date;
  /** True while the house replays the past, whose time runs faster than ours. */
  readonly replaying: boolean;
  /** True while something that this time brought is still being done. */
  readonly busy: boolean;
  /** True while a replay goes on: its time has changed since it was last read. */
  readonly moving: boolean;
}

/** The house's own time, or the wall clock's while the house does not answer. */
export function useHouseTime(): HouseTime {
  const [every, setEvery] = useState(oftenMilliseconds);
  const { data: clock } = useGet("/v1/clock", {}, { every });
  const replaying = clock?.replayed ?? false;
  useEffect(() => {
    setEvery(replaying ? oftenMilliseconds : seldomMilliseconds);
  }, [replaying]);
  const said = clock?.now;
  const [before, setBefore] = useState({ said, at: 0 });
  if (said !== before.said) setBefore({ said, at: before.said === undefined ? 0 : Date.now() });
  const busy = clock?.quiet === false;
  const moving = replaying && (busy || Date.now() - before.at < stillAfterMilliseconds);
  return useMemo(
    () => ({ now: said === undefined ? new Date() : new Date(said), replaying, busy, moving }),
    [said, replaying, busy, moving],
  );
}

/** The project that was applied last; empty before the first one. Its event is asked for: a house without one has no answer. */
export function useProjectName(): string {
  const applied = useGet("/v1/events", { query: { name: "ProjectApplied", newest: true, limit: 1 } }, { live: ["ProjectApplied"] });
  return applied.data?.[0]?.subject ?? "";
}
