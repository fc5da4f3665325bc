import "./table.css";
import {
  FlexRender,
  columnFilteringFeature,
  createFilteredRowModel,
  createSortedRowModel,
  globalFilteringFeature,
  rowSortingFeature,
  tableFeatures,
  useTable,
  type ColumnDef,
  type Row as TableRow,
  type SortingState,
  type Table,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, type ReactNode } from "react";
import { Icon } from "../shell/Icon";
import { useUrlState } from "../shell/url";
import { useWords } from "../words";

type Value = string | number | boolean | null | undefined;

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  /** What the column sorts and filters by. */
  readonly value: (row: Row) => Value;
  /** What the cell shows, when that is not the value. Give the first column a `Link` to the row's page. */
  readonly show?: (row: Row) => ReactNode;
  /** Numbers stand at the right, and sort from the largest first. */
  readonly number?: boolean;
}

interface DataTableProperties<Row> {
  /** Names the table for screen readers, and its sorting and filter in the address. */
  readonly name: string;
  readonly label: string;
  /** Keep the same array while nothing changed (`useMemo`), so that rows are not sorted again at every render. */
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  /** The order before anyone chose one: a column's id, with `-` in front for the largest first. */
  readonly order?: string;
  readonly filterable?: boolean;
  readonly selected?: string;
  /** The height in pixels after which the table scrolls; only the rows in sight are drawn then. */
  readonly height?: number;
}

const rowHeight = 31;
const drawAllUpTo = 80;

const features = tableFeatures({
  rowSortingFeature,
  columnFilteringFeature,
  globalFilteringFeature,
  sortedRowModel: createSortedRowModel(),
  filteredRowModel: createFilteredRowModel(),
});

type Features = typeof features;
type AnyRow = object;

function inOrder(one: TableRow<Features, AnyRow>, other: TableRow<Features, AnyRow>, column: string): number {
  const left = one.getValue<Value>(column);
  const right = other.getValue<Value>(column);
  if (typeof left === "number" && typeof right === "number") return left - right;
  return String(left).localeCompare(String(right), undefined, { numeric: true });
}

function contains(row: TableRow<Features, AnyRow>, column: string, wanted: unknown): boolean {
  const value = row.getValue<Value>(column);
  return value !== undefined && String(value).toLowerCase().includes(String(wanted).toLowerCase());
}

function sortingOf(order: string): SortingState {
  if (order === "") return [];
  return order.startsWith("-") ? [{ id: order.slice(1), desc: true }] : [{ id: order, desc: false }];
}

function definitionsOf<Row extends object>(columns: readonly Column<Row>[]): ColumnDef<Features, Row>[] {
  return columns.map((column) => ({
    id: column.id,
    header: column.title,
    accessorFn: (row: Row) => column.value(row) ?? undefined,
    sortFn: inOrder as never,
    sortUndefined: "last" as const,
    sortDescFirst: column.number ?? false,
    cell: ({ row }) => (column.show === undefined ? (column.value(row.original) ?? "–") : column.show(row.original)),
  }));
}

/** A table that sorts, filters, keeps both in the address, and stays fast with very many rows. */
export function DataTable<Row extends object>(properties: DataTableProperties<Row>) {
  const { name, columns, rows, rowKey, order = "", filterable = false } = properties;
  const [filter, setFilter] = useUrlState(`${name}.filter`);
  const [sorted, setSorted] = useUrlState(`${name}.order`, order);
  const definitions = useMemo(() => definitionsOf(columns), [columns]);
  const sorting = useMemo(() => sortingOf(sorted), [sorted]);
  const table = useTable({
    features,
    columns: definitions,
    data: rows as Row[],
    getRowId: rowKey,
    state: { sorting, globalFilter: filter },
    enableMultiSort: false,
    enableSortingRemoval: false,
    globalFilterFn: contains as never,
    getColumnCanGlobalFilter: () => true,
    onSortingChange: (change) => {
      const [first] = typeof change === "function" ? change(sorting) : change;
      setSorted(first === undefined ? "" : `${first.desc ? "-" : ""}${first.id}`);
    },
  });
  return (
    <div className="table">
      {filterable && (
        <Filter text={filter} onChange={setFilter} shown={table.getRowModel().rows.length} all={rows.length} />
      )}
      <Body {...properties} table={table} filtered={filter !== ""} />
    </div>
  );
}

interface FilterProperties {
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly shown: number;
  readonly all: number;
}

function Filter({ text, onChange, shown, all }: FilterProperties) {
  const words = useWords().table;
  return (
    <div className="table-filter">
      <label>
        <Icon name="search" size={13} />
        <input
          type="search"
          value={text}
          placeholder={words.filter}
          aria-label={words.filter}
          onChange={(event) => onChange(event.target.value)}
        />
      </label>
      <span className="soft" role="status">
        {words.rows(shown, all)}
      </span>
    </div>
  );
}

interface BodyProperties<Row extends object> extends DataTableProperties<Row> {
  readonly table: Table<Features, Row>;
  readonly filtered: boolean;
}

function Body<Row extends object>({ table, label, columns, selected, filtered, height = 520 }: BodyProperties<Row>) {
  const words = useWords().table;
  const scroller = useRef<HTMLDivElement>(null);
  const rows = table.getRowModel().rows;
  const isLong = rows.length > drawAllUpTo;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    enabled: isLong,
  });
  const inSight = virtual.getVirtualItems();
  const from = isLong ? (inSight[0]?.index ?? 0) : 0;
  const until = isLong ? (inSight.at(-1)?.index ?? -1) + 1 : rows.length;
  const numbers = new Set(columns.filter((column) => column.number).map((column) => column.id));
  return (
    <div ref={scroller} className="table-scroller" tabIndex={0} role="region" aria-label={label} style={{ maxHeight: height }}>
      <table aria-rowcount={rows.length}>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {group.headers.map((header) => {
                const direction = header.column.getIsSorted();
                return (
                  <th
                    key={header.id}
                    scope="col"
                    className={numbers.has(header.column.id) ? "number" : ""}
                    aria-sort={direction === false ? "none" : direction === "asc" ? "ascending" : "descending"}
                  >
                    <button type="button" onClick={header.column.getToggleSortingHandler()}>
                      <FlexRender header={header} />
                      {direction !== false && <Icon name={direction === "asc" ? "up" : "down"} size={11} />}
                    </button>
                  </th>
                );
              })}
            </tr>
          ))}
        </thead>
        <tbody>
          <Space rows={from} columns={columns.length} />
          {rows.slice(from, until).map((row) => (
            <tr key={row.id} aria-selected={selected === undefined ? undefined : selected === row.id}>
              {row.getAllCells().map((cell) => (
                <td key={cell.id} className={numbers.has(cell.column.id) ? "number" : ""} title={longText(cell.getValue())}>
                  <FlexRender cell={cell} />
                </td>
              ))}
            </tr>
          ))}
          <Space rows={rows.length - until} columns={columns.length} />
        </tbody>
      </table>
      {rows.length === 0 && <p className="table-nothing">{filtered ? words.noMatch : words.nothing}</p>}
    </div>
  );
}

/** What may not fit its cell is also said when the pointer rests on it. */
function longText(value: unknown): string | undefined {
  return typeof value === "string" && value.length > 40 ? value : undefined;
}

/** Stands in for the rows that are out of sight. */
function Space({ rows, columns }: { readonly rows: number; readonly columns: number }) {
  if (rows <= 0) return null;
  return (
    <tr aria-hidden="true" className="table-space">
      <td colSpan={columns} style={{ height: rows * rowHeight }} />
    </tr>
  );
}
