import { useMemo } from "react";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Answered } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { Records, sayValue } from "../../parts/Records";
import { Thing } from "../../parts/Thing";
import { Figure, Figures, Moment } from "../../parts/Values";
import { useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";

type Version = Schema<"DatasetVersion">;
type Comparison = Schema<"VersionComparison">;

/** What made each version; two of them compared. `diff=3..7` is in the address. */
export function Versions({ dataset }: { readonly dataset: string }) {
  const { lake: words, common } = useWords();
  const format = useFormat();
  const [chosen, choose] = useUrlState("diff");
  const versions = useGet("/v1/datasets/{dataset}/versions", { path: { dataset }, query: { limit: 500 } }, { live: ["BatchLanded", "DatasetRewritten"], atMost: 2000 });
  const [before, after] = chosen.split("..").map((part) => (part === "" ? undefined : Number(part)));
  const newest = versions.data?.[0]?.version;
  const columns = useMemo(
    (): Column<Version>[] => [
      { id: "version", title: common.version, number: true, value: ({ version }) => version },
      { id: "at", title: common.at, value: ({ at }) => at, show: ({ at }) => <Moment at={at} /> },
      { id: "operation", title: words.operation, value: ({ operation }) => words.operations[operation], show: ({ operation, target }) => (target < 0 ? words.operations[operation] : `${words.operations[operation]} ${target}`) },
      { id: "rows", title: common.rows, number: true, value: ({ rows }) => rows, show: ({ rows }) => format.number(rows) },
      { id: "batch", title: words.batch, value: ({ batch }) => batch || undefined, show: ({ batch }) => <Thing id={batch} /> },
      { id: "by", title: words.by, value: ({ by }) => by || undefined },
      {
        id: "compare",
        title: words.compare,
        value: () => undefined,
        show: ({ version, gone }) =>
          gone ? (
            <span className="soft">{words.goneVersion}</span>
          ) : version === newest ? (
            ""
          ) : (
            <button type="button" className="button" aria-pressed={version === before} onClick={() => choose(version === before ? "" : `${version}..${newest ?? ""}`)}>
              {words.withNewest}
            </button>
          ),
      },
    ],
    [words, common, format, before, newest, choose],
  );
  return (
    <>
      <Card title={words.history} aside={versions.data?.length} flush>
        <Answered from={versions}>
          {(rows) => <DataTable name="versions" label={words.history} columns={columns} rows={rows} rowKey={({ version }) => String(version)} height={240} />}
        </Answered>
      </Card>
      {before !== undefined && after !== undefined && !Number.isNaN(before) && !Number.isNaN(after) && <Difference dataset={dataset} before={before} after={after} />}
    </>
  );
}

function Difference({ dataset, before, after }: { readonly dataset: string; readonly before: number; readonly after: number }) {
  const words = useWords().lake;
  const found = useGet("/v1/datasets/{dataset}/diff", { path: { dataset }, query: { before, after, samples: 20 } });
  return (
    <Card title={words.difference(before, after)} flush>
      <Answered from={found}>{(comparison) => <Compared comparison={comparison} />}</Answered>
    </Card>
  );
}

function Compared({ comparison }: { readonly comparison: Comparison }) {
  const { lake: words } = useWords();
  const format = useFormat();
  const figures = useMemo(
    () => comparison.columns.filter((column) => column.type_before !== column.type_after || column.nulls_before !== column.nulls_after || column.mean_before !== column.mean_after || column.most_before !== column.most_after),
    [comparison],
  );
  const rows = useMemo(
    () =>
      figures.map((column) => ({
        [words.column]: column.column,
        [words.type]: column.type_before === column.type_after ? column.type_after : `${column.type_before || "–"} → ${column.type_after || "–"}`,
        [words.nulls]: `${sayValue(column.nulls_before, format)} → ${sayValue(column.nulls_after, format)}`,
        [words.mean]: `${sayValue(column.mean_before, format)} → ${sayValue(column.mean_after, format)}`,
        [words.values]: `${sayValue(column.least_before, format)} … ${sayValue(column.most_before, format)} → ${sayValue(column.least_after, format)} … ${sayValue(column.most_after, format)}`,
      })),
    [figures, words, format],
  );
  const changed = useMemo(
    () => comparison.changed_rows.map(({ key, before, after }) => ({ ...key, [words.beforeValue]: JSON.stringify(before), [words.afterValue]: JSON.stringify(after) })),
    [comparison, words],
  );
  return (
    <div className="card-words">
      <Figures>
        <Figure label={words.addedRows} value={format.number(comparison.added)} />
        <Figure label={words.changedRows} value={format.number(comparison.changed)} />
        <Figure label={words.removedRows} value={format.number(comparison.removed)} />
      </Figures>
      {rows.length > 0 && <Records name="columnDiff" label={words.schema} rows={rows} height={220} />}
      {changed.length > 0 && <Sample title={words.changedRows} name="changed" rows={changed} />}
      {comparison.added_rows.length > 0 && <Sample title={words.addedRows} name="added" rows={comparison.added_rows} />}
      {comparison.removed_rows.length > 0 && <Sample title={words.removedRows} name="removed" rows={comparison.removed_rows} />}
    </div>
  );
}

function Sample({ title, name, rows }: { readonly title: string; readonly name: string; readonly rows: readonly object[] }) {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <Records name={name} label={title} rows={rows} height={220} />
    </section>
  );
}
