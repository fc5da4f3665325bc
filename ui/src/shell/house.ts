import { useEffect, useState } from "react";
import { useGet } from "../api/hooks";

const oftenMilliseconds = 1_500;
const seldomMilliseconds = 15_000;

export interface HouseTime {
  readonly now: Date;
  /** True while the house replays the past, whose time runs faster than ours. */
  readonly replaying: boolean;
  /** True while something that this time brought is still being done. */
  readonly busy: boolean;
}

/** The house's own time, or the wall clock's while the house does not answer. */
export function useHouseTime(): HouseTime {
  const [every, setEvery] = useState(oftenMilliseconds);
  const { data: clock } = useGet("/v1/clock", {}, { every });
  const replaying = clock?.replayed ?? false;
  useEffect(() => {
    setEvery(replaying ? oftenMilliseconds : seldomMilliseconds);
  }, [replaying]);
  return { now: clock === undefined ? new Date() : new Date(clock.now), replaying, busy: clock?.quiet === false };
}

/** The project that was applied last; empty before the first one. */
export function useProjectName(): string {
  return useGet("/v1/project", {}, { live: ["ProjectApplied"] }).data?.name ?? "";
}
