import { useGet } from "../../api/hooks";
import { canaryEvents } from "../serving/Canaries";
import { useUsage } from "../serving/usage";
import { useWorth } from "../serving/QualityChart";

/** Everything the story is told from: what the house has stored, asked for again when it changes. */
export function useHouse(endpoint: string) {
  const ofEndpoint = { query: { endpoint, limit: 100 } };
  const landing = { live: ["BatchLanded", "BatchQuarantined"], atMost: 4000 } as const;
  const enabled = endpoint !== "";
  const served = useGet("/v1/endpoints/{endpoint}", { path: { endpoint } }, { live: ["TrafficSet"], enabled });
  const usage = useUsage(endpoint);
  const loops = useGet("/v1/loops", ofEndpoint, { live: ["LoopStarted", "LoopClosed", "GateDecided", "CanaryStarted"] });
  return {
    /** False until the first answers are there: before, nothing is known, which is not the same as nothing. */
    ready: !served.isPending && !usage.isPending && !loops.isPending,
    datasets: useGet("/v1/datasets", {}, landing).data ?? [],
    refusals: useGet("/v1/events", { query: { name: "BatchQuarantined", newest: true, limit: 5 } }, { live: ["BatchQuarantined"] }).data ?? [],
    views: useGet("/v1/feature-views", {}, { live: ["ViewMaterialized"], atMost: 5000 }).data ?? [],
    trainingSet: useGet("/v1/training-sets", { query: { limit: 1 } }, { live: ["TrainingSetBuilt"] }).data?.[0],
    runs:
      useGet("/v1/pipeline-runs", { query: { limit: 50 } }, { live: ["PipelineRunQueued", "StepBegan", "StepEnded", "PipelineRunEnded"], atMost: 700 })
        .data ?? [],
    models: useGet("/v1/models", {}, { live: ["VersionRegistered", "AliasPointed"] }).data ?? [],
    endpoint: served.data,
    usage: usage.data ?? [],
    checks:
      useGet("/v1/monitors/{endpoint}/quality", { path: { endpoint } }, { live: ["DriftChecked"], atMost: 3000, enabled }).data ?? [],
    alarms: useGet("/v1/alarms", ofEndpoint, { live: ["DriftAlarm", "AlarmClosed"] }).data ?? [],
    loops: loops.data ?? [],
    comparisons: useGet("/v1/comparisons", { query: { limit: 100 } }, { live: ["GateDecided"] }).data ?? [],
    canaries: useGet("/v1/canaries", ofEndpoint, { live: canaryEvents }).data ?? [],
    worth: useWorth(endpoint).data,
  };
}

export type HouseNow = ReturnType<typeof useHouse>;
