import { lazy } from "react";

/** `Dag`, fetched when the first page shows a graph: it is the heaviest part of the app. */
export const Dag = lazy(() => import("./Dag"));
