import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "wouter";
import { call, type Schema } from "../../api/client";
import { DataTable, type Column } from "../../parts/DataTable";
import { Card } from "../../parts/Page";
import { sayValue } from "../../parts/Records";
import { Thing, Told } from "../../parts/Thing";
import { useUrlChoice } from "../../shell/url";
import { useFormat, useWords } from "../../words";
import { useColumnTitle } from "./ColumnMenu";
import { FileDifferences } from "./FileDifferences";
import { differencesOf, parts, type Difference } from "./differences";
import { valueOf, type Run } from "./search";

const mostBeside = 6;
const dataKinds = new Set(["table", "dataset", "training_set", "batch"]);

/** Where runs differ: a few of them side by side, and all of them as rows. */
export function Differences({ runs }: { readonly runs: readonly Run[] }) {
  const words = useWords().tracking;
  const [only, setOnly] = useUrlChoice("only", ["different", "all"]);
  const all = useMemo(() => differencesOf(runs), [runs]);
  const [first, second] = runs;
  const differing = useMemo(() => all.filter(({ differs }) => differs), [all]);
  return (
    <>
      <div className="controls">
        <label className="control">
          <input type="checkbox" checked={only === "different"} onChange={(event) => setOnly(event.target.checked ? "different" : "all")} />
          {words.onlyDifferent}
        </label>
      </div>
      <SideBySide runs={runs.slice(0, mostBeside)} onlyDifferent={only === "different"} />
      {first !== undefined && second !== undefined && <FileDifferences key={`${first.id} ${second.id}`} before={first} after={second} />}
      {runs.length > mostBeside && <AllRuns runs={runs} shown={only === "different" ? differing : all} />}
    </>
  );
}

function dataOf({ root, nodes, edges }: Schema<"Graph">): string {
  const above = new Set(edges.filter(({ made }) => made === root).map(({ origin }) => origin));
  return nodes.filter(({ id, kind }) => above.has(id) && dataKinds.has(kind)).map(({ id }) => id).sort().join(" ");
}

/** The data each run was made from, as the lineage knows it: one step up. */
function useData(runs: readonly Run[]): Difference | undefined {
  const answers = useQueries({
    queries: runs.map(({ id }) => ({
      queryKey: ["/v1/lineage/{id}", { path: { id }, query: { direction: "ancestors" } }],
      queryFn: () => call("get", "/v1/lineage/{id}", { path: { id }, query: { direction: "ancestors" } }),
      retry: false,
    })),
  });
  const values = answers.map(({ data }) => (data === undefined ? "" : dataOf(data)));
  if (values.every((value) => value === "")) return undefined;
  return { part: "data", column: "lineage", values, differs: new Set(values).size > 1 };
}

function SideBySide({ runs, onlyDifferent }: { readonly runs: readonly Run[]; readonly onlyDifferent: boolean }) {
  const { tracking: words, common } = useWords();
  const format = useFormat();
  const titleOf = useColumnTitle();
  const data = useData(runs);
  const lines = useMemo(() => differencesOf(runs), [runs]);
  const shown = [...lines, ...(data === undefined ? [] : [data])].filter(({ differs }) => differs || !onlyDifferent);
  const cell = ({ column, values }: Difference, index: number) => {
    const value = values[index];
    if (column === "lineage") return String(value).split(" ").map((id) => <div key={id}><Thing id={id} /></div>);
    return column.startsWith("tags.") && typeof value === "string" ? <Told text={value} /> : sayValue(value, format);
  };
  return (
    <Card title={words.diffOf(runs.length)} flush>
      <div className="diff" tabIndex={0} role="region" aria-label={words.views.differences}>
        <table>
          <thead>
            <tr>
              <th scope="col">{common.name}</th>
              {runs.map((run) => (
                <th key={run.id} scope="col">
                  <Link href={`/runs/${encodeURIComponent(run.id)}`}>{run.name}</Link>
                </th>
              ))}
            </tr>
          </thead>
          {parts.map((part) => {
            const here = shown.filter((line) => line.part === part);
            if (here.length === 0) return null;
            return (
              <tbody key={part}>
                <tr className="diff-part">
                  <th scope="rowgroup" colSpan={runs.length + 1}>
                    {words.parts[part]}
                  </th>
                </tr>
                {here.map((line) => (
                  <tr key={line.column} data-differs={line.differs && !onlyDifferent}>
                    <th scope="row">{line.column === "lineage" ? common.ancestry : titleOf(line.column)}</th>
                    {runs.map((run, index) => (
                      <td key={run.id}>{cell(line, index)}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            );
          })}
        </table>
        {shown.length === 0 && <p className="table-nothing">{words.same}</p>}
      </div>
    </Card>
  );
}

function AllRuns({ runs, shown }: { readonly runs: readonly Run[]; readonly shown: readonly Difference[] }) {
  const { tracking: words, common } = useWords();
  const format = useFormat();
  const titleOf = useColumnTitle();
  const columns = useMemo(
    (): Column<Run>[] => [
      { id: "name", title: common.name, value: ({ name }) => name, show: ({ id, name }) => <Link href={`/runs/${encodeURIComponent(id)}`}>{name}</Link> },
      ...shown.map(
        ({ column, values }): Column<Run> => ({
          id: column,
          title: titleOf(column),
          number: column.startsWith("metrics.") || values.some((value) => typeof value === "number"),
          value: (run) => valueOf(run, column),
          show: (run) => sayValue(valueOf(run, column), format),
        }),
      ),
    ],
    [shown, common, format, words],
  );
  return (
    <Card title={words.allRuns} flush>
      <DataTable name="differences" label={words.allRuns} columns={columns} rows={runs} rowKey={({ id }) => id} filterable height={420} />
    </Card>
  );
}
