import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import type { IconName } from "./shell/Icon";

/** A page of a room. `path` may have parameters (`/runs/:run`), which arrive as properties of the component. */
interface RoomPage {
  readonly path: string;
  readonly page: LazyExoticComponent<ComponentType<Record<string, string>>>;
}

export type RoomName =
  | "loop"
  | "discovery"
  | "sqlml"
  | "lake"
  | "features"
  | "tracking"
  | "pipelines"
  | "registry"
  | "serving"
  | "monitoring";

export interface Room {
  readonly name: RoomName;
  readonly icon: IconName;
  /** The first page is the one the rail opens. */
  readonly pages: readonly [RoomPage, ...RoomPage[]];
  /** Where else the rail shows this room as the one a person is in. */
  readonly also?: readonly string[];
}

function page(path: string, load: () => Promise<{ default: ComponentType<Record<string, string>> }>): RoomPage {
  return { path, page: lazy(load) };
}

/** The rail and the routes, in this order: a new page is one line here. */
export const rooms: readonly Room[] = [
  { name: "loop", icon: "story", pages: [page("/story", () => import("./rooms/loop/StoryPage"))] },
  {
    name: "lake",
    icon: "data",
    pages: [
      page("/data", () => import("./rooms/lake/DataPage")),
      page("/data/:dataset", () => import("./rooms/lake/DatasetPage")),
      page("/data/batches/:batch", () => import("./rooms/lake/BatchPage")),
    ],
  },
  {
    name: "features",
    icon: "features",
    pages: [
      page("/features", () => import("./rooms/features/FeaturesPage")),
      page("/features/views/:view", () => import("./rooms/features/ViewPage")),
      page("/features/services/:service", () => import("./rooms/features/ServicePage")),
      page("/features/training-sets/:set", () => import("./rooms/features/TrainingSetPage")),
    ],
  },
  { name: "discovery", icon: "search", pages: [page("/catalogue", () => import("./rooms/discovery/CataloguePage"))] },
  { name: "sqlml", icon: "sql", pages: [page("/sql", () => import("./rooms/sqlml/SqlPage"))] },
  {
    name: "tracking",
    icon: "runs",
    also: ["/experiments", "/traces"],
    pages: [
      page("/runs", () => import("./rooms/tracking/RunsPage")),
      page("/experiments", () => import("./rooms/tracking/ExperimentsPage")),
      page("/experiments/:experiment", () => import("./rooms/tracking/ExperimentPage")),
      page("/runs/compare", () => import("./rooms/tracking/ComparePage")),
      page("/runs/:run", () => import("./rooms/tracking/RunPage")),
      page("/traces", () => import("./rooms/tracking/TracesPage")),
      page("/traces/:trace", () => import("./rooms/tracking/TracePage")),
    ],
  },
  {
    name: "pipelines",
    icon: "pipelines",
    pages: [
      page("/pipelines", () => import("./rooms/pipelines/PipelinesPage")),
      page("/pipelines/runs/:run", () => import("./rooms/pipelines/PipelineRunPage")),
    ],
  },
  {
    name: "registry",
    icon: "models",
    pages: [
      page("/models", () => import("./rooms/registry/ModelsPage")),
      page("/models/:model", () => import("./rooms/registry/ModelPage")),
      page("/models/versions/:version", () => import("./rooms/registry/VersionPage")),
      page("/models/comparisons/:comparison", () => import("./rooms/registry/ComparisonPage")),
    ],
  },
  {
    name: "serving",
    icon: "endpoints",
    pages: [
      page("/endpoints", () => import("./rooms/serving/EndpointsPage")),
      page("/endpoints/:endpoint", () => import("./rooms/serving/EndpointPage")),
      page("/endpoints/canaries/:canary", () => import("./rooms/serving/CanaryPage")),
      page("/lineage/:id", () => import("./rooms/lineage/LineagePage")),
    ],
  },
  {
    name: "monitoring",
    icon: "drift",
    pages: [
      page("/drift", () => import("./rooms/monitoring/DriftPage")),
      page("/drift/alarms/:alarm", () => import("./rooms/monitoring/AlarmPage")),
      page("/drift/checks/:check", () => import("./rooms/monitoring/CheckPage")),
    ],
  },
];
