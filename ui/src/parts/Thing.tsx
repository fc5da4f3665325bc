import { Link } from "wouter";
import type { ReactNode } from "react";

const byPrefix: Readonly<Record<string, string>> = {
  run: "/runs/",
  mv: "/models/versions/",
  ts: "/features/training-sets/",
  batch: "/data/batches/",
  alarm: "/drift/alarms/",
  check: "/drift/checks/",
  canary: "/endpoints/canaries/",
  cmp: "/models/comparisons/",
  req: "/lineage/",
};

const byKind: Readonly<Record<string, string>> = {
  dataset: "/data/",
  feature_view: "/features/views/",
  feature_service: "/features/services/",
  endpoint: "/endpoints/",
  model: "/models/",
};

/** The page of a thing by its id: `mv_...`, `table:silver/flights@12`; undefined when it has none. */
export function placeOf(id: string): string | undefined {
  const [kind = "", rest] = id.split(/:(.*)/s);
  if (rest === undefined) {
    const place = byPrefix[id.split("_", 1)[0] ?? ""];
    return place === undefined || id === "" ? undefined : place + encodeURIComponent(id);
  }
  const name = rest.split("@", 1)[0] ?? "";
  if (kind === "table") {
    const [layer, dataset] = name.split("/");
    return (layer === "bronze" || layer === "silver") && dataset !== undefined ? `/data/${encodeURIComponent(dataset)}` : undefined;
  }
  const place = byKind[kind];
  return place === undefined ? undefined : place + encodeURIComponent(name);
}

export function lineageOf(id: string): string {
  return `/lineage/${encodeURIComponent(id)}`;
}

/** The end of an id is what differs between things of the same hour. */
export function shortId(id: string): string {
  const [prefix = "", rest] = id.split(/_(.*)/s);
  return rest === undefined || rest.length < 10 ? id : `${prefix}_…${rest.slice(-6)}`;
}

const ids = /\b((?:run|mv|ts|batch|alarm|canary|cmp|req)_[0-9a-z]{20,})\b/;

/** Words of the house in which the ids of things are links. */
export function Told({ text }: { readonly text: string }) {
  return text.split(ids).map((piece, index) => (index % 2 === 0 ? piece : <Thing key={index} id={piece} />));
}

/** A link to the page of a thing, or its bare id when it has no page. */
export function Thing({ id, children }: { readonly id: string; readonly children?: ReactNode }) {
  if (id === "") return <>–</>;
  const place = placeOf(id);
  const says = children ?? <code title={id}>{shortId(id)}</code>;
  return place === undefined ? <>{says}</> : <Link href={place}>{says}</Link>;
}
