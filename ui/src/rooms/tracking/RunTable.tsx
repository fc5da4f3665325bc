import "./runs.css";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useEffect, useMemo, useRef, type ReactNode } from "react";
import { Link } from "wouter";
import { sayValue } from "../../parts/Records";
import { State } from "../../parts/State";
import { Told, shortId } from "../../parts/Thing";
import { Moment } from "../../parts/Values";
import { Icon } from "../../shell/Icon";
import { useFormat, useWords, type Format } from "../../words";
import { useColumnTitle } from "./ColumnMenu";
import { groupsOf, isSortable, meanOf, secondsOf, valueOf, type Group, type Run } from "./search";

const rowHeight = 31;
const loadAhead = 150;
const nameWidth = 270;
const widths: Readonly<Record<string, number>> = { experiment: 150, status: 104, started: 172, took: 80, person: 96 };

type Line = { readonly group: Group } | { readonly run: Run; readonly inGroup: boolean };

interface RunTableProperties {
  readonly runs: readonly Run[];
  readonly columns: readonly string[];
  readonly order: string;
  readonly onOrder: (order: string) => void;
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (ids: readonly string[], chosen: boolean) => void;
  readonly groupBy: string;
  readonly open: ReadonlySet<string>;
  readonly onOpen: (group: string) => void;
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly loadMore: () => void;
}

/** Runs in rows, of which only those in sight are drawn; the end of what is loaded asks for more. */
export function RunTable(properties: RunTableProperties) {
  const { runs, columns, groupBy, open, hasMore, isLoading, loadMore } = properties;
  const { tracking: words, table } = useWords();
  const scroller = useRef<HTMLDivElement>(null);
  const lines = useMemo(() => linesOf(runs, groupBy, open), [runs, groupBy, open]);
  const virtual = useVirtualizer({ count: lines.length, getScrollElement: () => scroller.current, estimateSize: () => rowHeight, overscan: 10 });
  const inSight = virtual.getVirtualItems();
  const from = inSight[0]?.index ?? 0;
  const until = (inSight.at(-1)?.index ?? -1) + 1;
  // Groups are made of all runs, so grouping reads them all.
  const wantsMore = hasMore && !isLoading && (groupBy !== "" || until > lines.length - loadAhead);
  useEffect(() => {
    if (wantsMore) loadMore();
  }, [wantsMore, loadMore, runs]);
  const width = nameWidth + columns.reduce((sum, column) => sum + widthOf(column), 0);
  const numbers = useMemo(() => numericColumns(runs, columns), [runs, columns]);
  return (
    <div ref={scroller} className="table-scroller runs-scroller" tabIndex={0} role="region" aria-label={words.name}>
      <table className="runs-table" style={{ minWidth: width }} aria-rowcount={hasMore ? -1 : lines.length}>
        <colgroup>
          <col style={{ width: nameWidth }} />
          {columns.map((column) => (
            <col key={column} style={{ width: widthOf(column) }} />
          ))}
        </colgroup>
        <Head {...properties} numbers={numbers} />
        <tbody>
          <Space rows={from} columns={columns.length + 1} />
          {lines.slice(from, until).map((line) =>
            "group" in line ? (
              <GroupRow key={`group ${line.group.key}`} {...properties} group={line.group} numbers={numbers} />
            ) : (
              <RunRow
                key={line.run.id}
                run={line.run}
                columns={columns}
                numbers={numbers}
                isChosen={properties.selected.has(line.run.id)}
                inGroup={line.inGroup}
                onSelect={properties.onSelect}
              />
            ),
          )}
          <Space rows={lines.length - until} columns={columns.length + 1} />
        </tbody>
      </table>
      {runs.length === 0 && <p className="table-nothing">{isLoading ? "" : table.noMatch}</p>}
    </div>
  );
}

function widthOf(column: string): number {
  return widths[column] ?? (column.startsWith("tags.") ? 150 : 104);
}

function linesOf(runs: readonly Run[], groupBy: string, open: ReadonlySet<string>): Line[] {
  if (groupBy === "") return runs.map((run) => ({ run, inGroup: false }));
  return groupsOf(runs, groupBy).flatMap((group): Line[] => [
    { group },
    ...(open.has(group.key) ? group.runs.map((run) => ({ run, inGroup: true })) : []),
  ]);
}

/** Metrics are numbers; a parameter's column is one where its first values are. */
function numericColumns(runs: readonly Run[], columns: readonly string[]): ReadonlySet<string> {
  const some = runs.slice(0, 50);
  return new Set(
    columns.filter((column) => column === "took" || column.startsWith("metrics.") || some.some((run) => typeof valueOf(run, column) === "number")),
  );
}

interface WithNumbers extends RunTableProperties {
  readonly numbers: ReadonlySet<string>;
}

function Head({ runs, columns, order, onOrder, selected, onSelect, numbers }: WithNumbers) {
  const { tracking: words, common } = useWords();
  const titleOf = useColumnTitle();
  const [falls, sorted] = order.startsWith("-") ? [true, order.slice(1)] : [false, order];
  const heading = (column: string, title: string): ReactNode => {
    if (!isSortable(column)) return <span className="runs-head">{title}</span>;
    const isSorted = column === sorted;
    const next = isSorted ? (falls ? column : `-${column}`) : numbers.has(column) || column === "started" ? `-${column}` : column;
    return (
      <button type="button" title={title} onClick={() => onOrder(next)}>
        <span>{title}</span>
        {isSorted && <Icon name={falls ? "down" : "up"} size={11} />}
      </button>
    );
  };
  const sortOf = (column: string) => (column !== sorted ? "none" : falls ? "descending" : "ascending");
  const allChosen = runs.length > 0 && runs.every(({ id }) => selected.has(id));
  return (
    <thead>
      <tr>
        <th scope="col" aria-sort={sortOf("name")} className="runs-name">
          <div>
            <input type="checkbox" aria-label={words.chooseAll} checked={allChosen} onChange={() => onSelect(runs.map(({ id }) => id), !allChosen)} />
            {heading("name", common.name)}
          </div>
        </th>
        {columns.map((column) => (
          <th key={column} scope="col" className={numbers.has(column) ? "number" : ""} aria-sort={sortOf(column)}>
            {heading(column, titleOf(column))}
          </th>
        ))}
      </tr>
    </thead>
  );
}

interface RunRowProperties {
  readonly run: Run;
  readonly columns: readonly string[];
  readonly numbers: ReadonlySet<string>;
  readonly isChosen: boolean;
  readonly inGroup: boolean;
  readonly onSelect: (ids: readonly string[], chosen: boolean) => void;
}

/** Drawn again only when its run or its columns change, not at every movement of the table. */
const RunRow = memo(function RunRow({ run, columns, numbers, isChosen, inGroup, onSelect }: RunRowProperties) {
  const { tracking: words } = useWords();
  const format = useFormat();
  return (
    <tr aria-selected={isChosen}>
      <td className="runs-name" data-inner={inGroup} title={`${run.name} ${run.id}`}>
        <div>
          <input type="checkbox" aria-label={words.choose(run.name)} checked={isChosen} onChange={() => onSelect([run.id], !isChosen)} />
          <Link href={`/runs/${encodeURIComponent(run.id)}`}>
            {run.name === run.id ? "" : run.name} <code>{shortId(run.id)}</code>
          </Link>
        </div>
      </td>
      {columns.map((column) => (
        <td key={column} className={numbers.has(column) ? "number" : ""}>
          {cellOf(run, column, format)}
        </td>
      ))}
    </tr>
  );
});

function cellOf(run: Run, column: string, format: Format): ReactNode {
  if (column === "status") return <State state={run.status} />;
  if (column === "started") return <Moment at={run.started_at} />;
  if (column === "took") {
    const seconds = secondsOf(run);
    return seconds === undefined ? "–" : format.seconds(seconds);
  }
  if (column === "experiment") return <Link href={`/experiments/${encodeURIComponent(run.experiment)}`}>{run.experiment}</Link>;
  const value = valueOf(run, column);
  if (!column.startsWith("tags.")) return sayValue(value, format);
  return typeof value === "string" && value !== "" ? <span title={value}><Told text={value} /></span> : "–";
}

function GroupRow({ group, columns, open, onOpen, numbers, selected, onSelect }: WithNumbers & { readonly group: Group }) {
  const { tracking: words } = useWords();
  const format = useFormat();
  const isOpen = open.has(group.key);
  const ids = group.runs.map(({ id }) => id);
  const allChosen = ids.every((id) => selected.has(id));
  return (
    <tr className="runs-group">
      <td className="runs-name">
        <div>
          <input type="checkbox" aria-label={words.choose(group.key)} checked={allChosen} onChange={() => onSelect(ids, !allChosen)} />
          <button type="button" aria-expanded={isOpen} onClick={() => onOpen(group.key)}>
            <Icon name={isOpen ? "unfolded" : "folded"} size={11} />
            <b>{group.key}</b> <span className="soft">{words.runsCount(group.runs.length)}</span>
          </button>
        </div>
      </td>
      {columns.map((column) => (
        <td key={column} className={numbers.has(column) ? "number" : ""}>
          {numbers.has(column) && <Mean runs={group.runs} column={column} format={format} />}
        </td>
      ))}
    </tr>
  );
}

function Mean({ runs, column, format }: { readonly runs: readonly Run[]; readonly column: string; readonly format: Format }) {
  const { tracking: words } = useWords();
  const mean = useMemo(() => meanOf(runs, column), [runs, column]);
  if (mean === undefined) return null;
  return <span title={words.mean}>{`⌀ ${column === "took" ? format.seconds(mean) : format.number(mean, 4)}`}</span>;
}

function Space({ rows, columns }: { readonly rows: number; readonly columns: number }) {
  if (rows <= 0) return null;
  return (
    <tr aria-hidden="true" className="table-space">
      <td colSpan={columns} style={{ height: rows * rowHeight }} />
    </tr>
  );
}
