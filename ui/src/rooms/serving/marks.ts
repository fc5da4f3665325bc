import { useMemo } from "react";
import { useGet } from "../../api/hooks";
import type { PlotSpan } from "../../charts/plot";
import type { Mark } from "../../charts/TimeSeries";
import { useWords } from "../../words";

export interface History {
  readonly marks: readonly Mark[];
  /** While a canary was open. */
  readonly spans: readonly PlotSpan[];
}

/** What happened to an endpoint, to be marked on charts: alarms, promotions, rollbacks, candidates refused. */
export function useHistory(endpoint: string): History {
  const words = useWords().serving.marks;
  const enabled = endpoint !== "";
  const query = { endpoint, limit: 100 };
  const { data: alarms } = useGet("/v1/alarms", { query }, { live: ["DriftAlarm"], enabled });
  const { data: canaries } = useGet(
    "/v1/canaries",
    { query },
    { live: ["CanaryStarted", "CanaryWon", "CanaryRolledBack"], enabled },
  );
  const { data: loops } = useGet("/v1/loops", { query }, { live: ["LoopClosed"], enabled });
  return useMemo(() => {
    const marks: Mark[] = [];
    const spans: PlotSpan[] = [];
    for (const alarm of alarms ?? []) {
      marks.push({ at: new Date(alarm.at), label: words.alarm, tone: "warn", href: `/drift/alarms/${alarm.id}` });
    }
    for (const canary of canaries ?? []) {
      if (canary.ended_at === null) continue;
      const [from, until] = [new Date(canary.started_at), new Date(canary.ended_at)];
      const won = canary.status === "promoted";
      const label = won ? words.promoted(canary.candidate_number) : words.rolledBack(canary.candidate_number);
      marks.push({ at: until, label, tone: won ? "good" : "bad", href: `/endpoints/canaries/${canary.id}` });
      spans.push({ from, until, tone: won ? "good" : "bad" });
    }
    for (const loop of loops ?? []) {
      if (loop.status !== "refused" || loop.ended_at === null) continue;
      const href = loop.comparison === "" ? {} : { href: `/models/comparisons/${loop.comparison}` };
      marks.push({ at: new Date(loop.ended_at), label: words.refused, tone: "calm", ...href });
    }
    marks.sort((one, other) => one.at.getTime() - other.at.getTime());
    return { marks, spans };
  }, [alarms, canaries, loops, words]);
}
