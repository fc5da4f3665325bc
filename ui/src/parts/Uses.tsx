import { useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../api/client";
import { useGet } from "../api/hooks";
import { useWords, type Words } from "../words";
import { DataTable, type Column } from "./DataTable";
import { Answered } from "./Notes";
import { Card } from "./Page";

type Use = Schema<"Use">;
export type ThingKind = keyof Words["discovery"]["kinds"];

/** The page of a thing by its kind and name; undefined when it has none of its own. */
export function placeOfKind(kind: string, name: string, of = ""): string | undefined {
  const said = encodeURIComponent(name);
  const owner = encodeURIComponent(of === "" ? (name.split(".", 1)[0] ?? "") : of);
  switch (kind) {
    case "dataset":
      return `/data/${said}`;
    case "column":
      return `/data/${owner}`;
    case "feature_view":
      return `/features/views/${said}`;
    case "feature":
      return `/features/views/${owner}`;
    case "feature_service":
      return `/features/services/${said}`;
    case "model":
      return `/models/${said}`;
    case "endpoint":
      return `/endpoints/${said}`;
    case "monitor":
      return "/drift";
    case "pipeline":
      return "/pipelines";
    case "experiment":
      return `/experiments/${said}`;
    default:
      return undefined;
  }
}

export function useKindWord(): (kind: string) => string {
  const { kinds } = useWords().discovery;
  return (kind) => (kind in kinds ? kinds[kind as ThingKind] : kind);
}

/** Who reads a thing, the nearest first. */
export function UsesTable({ rows, height = 260 }: { readonly rows: readonly Use[]; readonly height?: number }) {
  const { discovery: words, common } = useWords();
  const sayKind = useKindWord();
  const columns = useMemo(
    (): Column<Use>[] => [
      { id: "kind", title: words.kind, value: ({ kind }) => sayKind(kind) },
      {
        id: "name",
        title: common.name,
        value: ({ name }) => name,
        show: ({ kind, name }) => {
          const place = placeOfKind(kind, name);
          return place === undefined ? name : <Link href={place}>{name}</Link>;
        },
      },
      { id: "via", title: words.via, value: ({ via }) => via.join(" → ") || undefined },
      { id: "project", title: words.project, value: ({ project }) => project || undefined },
      { id: "owner", title: common.owner, value: ({ owner, note }) => [owner, note].filter((part) => part !== "").join(" · ") || undefined },
    ],
    [words, common, sayKind],
  );
  return <DataTable name="uses" label={words.usedBy} columns={columns} rows={rows} rowKey={({ kind, name }) => `${kind} ${name}`} height={height} />;
}

export function UsesOf({ kind, name, span = 12 }: { readonly kind: string; readonly name: string; readonly span?: 6 | 12 }) {
  const words = useWords().discovery;
  const uses = useGet("/v1/uses/{kind}/{name}", { path: { kind, name } }, { live: ["ProjectApplied", "VersionRegistered"], atMost: 3000 });
  return (
    <Card title={words.usedBy} aside={uses.data?.length} span={span} flush>
      <Answered from={uses}>{(rows) => (rows.length === 0 ? <p className="card-words soft">{words.usedByNobody}</p> : <UsesTable rows={rows} />)}</Answered>
    </Card>
  );
}
