import { useMemo } from "react";
import type { Schema } from "../../api/client";
import { DataTable, type Column } from "../../parts/DataTable";
import { useWords } from "../../words";

type Feature = Schema<"Feature">;

/** Definitions of features: what is computed, and over which stretch of time. */
export function FeatureTable({ rows }: { readonly rows: readonly Feature[] }) {
  const { features: words, common } = useWords();
  const columns = useMemo(
    (): Column<Feature>[] => [
      { id: "name", title: common.name, value: ({ name }) => name, show: ({ name }) => <b>{name}</b> },
      { id: "expression", title: words.expression, value: ({ expression }) => expression, show: ({ expression }) => <code>{expression}</code> },
      { id: "aggregate", title: words.aggregate, value: ({ aggregate }) => aggregate },
      { id: "window", title: words.window, value: ({ window }) => window || undefined },
      { id: "tile", title: words.tile, value: ({ aggregate, tile }) => (aggregate === "last" ? undefined : tile) },
    ],
    [words, common],
  );
  return <DataTable name="definitions" label={common.features} columns={columns} rows={rows} rowKey={({ name }) => name} />;
}
