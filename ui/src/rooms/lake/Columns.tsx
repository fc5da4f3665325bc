import { useMemo } from "react";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Distribution, useRange } from "../../parts/Distribution";
import { Card } from "../../parts/Page";
import { useFormat, useWords } from "../../words";

type Dataset = Schema<"Dataset">;
type ColumnProfile = Schema<"ColumnProfile">;
interface Line {
  readonly name: string;
  readonly type: string;
  readonly role: string;
  readonly about: string;
  readonly profile: ColumnProfile | undefined;
}

/** The schema in words, with what the values of the newest version are like. */
export function Columns({ dataset: { name, spec, version } }: { readonly dataset: Dataset }) {
  const { lake: words, common } = useWords();
  const format = useFormat();
  const sayRange = useRange();
  const statistics = useGet(
    "/v1/datasets/{dataset}/statistics",
    { path: { dataset: name }, query: { version } },
    { enabled: version >= 0, forever: true },
  );
  const rows = useMemo(() => {
    const known = new Map(statistics.data?.columns.map((profile) => [profile.name, profile]));
    const roleOf = (column: string): string =>
      [
        ...(spec.key.includes(column) ? [words.roleKey] : []),
        ...(spec.time === column ? [words.roleTime] : []),
        ...(spec.known_at === column ? [words.roleKnownAt] : []),
        ...(spec.time === column && spec.partition !== "" ? [words.rolePartition(spec.partition)] : []),
      ].join(", ");
    return Object.entries(spec.columns).map(
      ([column, type]): Line => ({ name: column, type, role: roleOf(column), about: spec.descriptions[column] ?? "", profile: known.get(column) }),
    );
  }, [spec, statistics.data, words]);
  const columns = useMemo(
    (): Column<Line>[] => [
      { id: "name", title: words.column, value: (row) => row.name, show: (row) => <code>{row.name}</code> },
      { id: "type", title: words.type, value: (row) => row.type, show: (row) => (row.role === "" ? row.type : `${row.type} · ${row.role}`) },
      { id: "about", title: common.about, value: (row) => row.about || undefined },
      {
        id: "nulls",
        title: words.nulls,
        number: true,
        value: ({ profile }) => (profile === undefined || profile.rows === 0 ? undefined : profile.nulls / profile.rows),
        show: ({ profile }) => (profile === undefined || profile.rows === 0 ? "–" : format.percent(profile.nulls / profile.rows)),
      },
      { id: "distinct", title: words.distinct, number: true, value: ({ profile }) => profile?.distinct, show: ({ profile }) => (profile === undefined || profile.distinct < 0 ? "–" : format.number(profile.distinct)) },
      { id: "range", title: words.values, value: ({ profile }) => (profile === undefined ? undefined : sayRange(profile)) },
      { id: "shape", title: words.distribution, value: () => undefined, show: ({ profile }) => (profile === undefined ? "" : <Distribution profile={profile} />) },
    ],
    [words, common, format, sayRange],
  );
  return (
    <Card title={words.schema} aside={rows.length} flush>
      <DataTable name="columns" label={words.schema} columns={columns} rows={rows} rowKey={(row) => row.name} height={420} />
    </Card>
  );
}
