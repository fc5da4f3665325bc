import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import type { IconName } from "./shell/Icon";

/** A page of a room. `path` may have parameters (`/runs/:run`), which arrive as properties of the component. */
interface RoomPage {
  readonly path: string;
  readonly page: LazyExoticComponent<ComponentType<Record<string, string>>>;
}

export type RoomName =
  | "loop"
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
}

/** The rail and the routes, in this order: a new page is one line here. */
export const rooms: readonly Room[] = [
  { name: "loop", icon: "story", pages: [{ path: "/story", page: lazy(() => import("./rooms/loop/StoryPage")) }] },
  { name: "lake", icon: "data", pages: [{ path: "/data", page: lazy(() => import("./rooms/lake/DataPage")) }] },
  {
    name: "features",
    icon: "features",
    pages: [{ path: "/features", page: lazy(() => import("./rooms/features/FeaturesPage")) }],
  },
  { name: "tracking", icon: "runs", pages: [{ path: "/runs", page: lazy(() => import("./rooms/tracking/RunsPage")) }] },
  {
    name: "pipelines",
    icon: "pipelines",
    pages: [{ path: "/pipelines", page: lazy(() => import("./rooms/pipelines/PipelinesPage")) }],
  },
  {
    name: "registry",
    icon: "models",
    pages: [{ path: "/models", page: lazy(() => import("./rooms/registry/ModelsPage")) }],
  },
  {
    name: "serving",
    icon: "endpoints",
    pages: [{ path: "/endpoints", page: lazy(() => import("./rooms/serving/EndpointsPage")) }],
  },
  {
    name: "monitoring",
    icon: "drift",
    pages: [{ path: "/drift", page: lazy(() => import("./rooms/monitoring/DriftPage")) }],
  },
];
