import { useMemo } from "react";
import { useFormat, type Format } from "../words";
import { DataTable, type Column } from "./DataTable";

type RecordOfRow = Readonly<Record<string, unknown>>;

/** Entries of a record whose values the house leaves open. */
export function entriesOf(record: object): [name: string, value: unknown][] {
  return Object.entries(record);
}

/** Any value as one line of text: numbers short, moments as moments, the rest as JSON. */
export function sayValue(value: unknown, format: Format): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number") return format.number(value, 4);
  if (typeof value !== "string") return typeof value === "object" ? JSON.stringify(value) : String(value);
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(value) ? format.moment(new Date(value)) : value;
}

interface RecordsProperties {
  readonly name: string;
  readonly label: string;
  readonly rows: readonly object[];
  /** Column names in the order wanted; those of the first row otherwise. */
  readonly columns?: readonly string[];
  readonly height?: number;
}

/** Rows of unknown shape as a table. */
export function Records({ name, label, rows, columns, height = 360 }: RecordsProperties) {
  const format = useFormat();
  const shown = useMemo(() => rows.map((row, index) => ({ index, row: row as RecordOfRow })), [rows]);
  const drawn = useMemo(() => {
    const names = columns ?? Object.keys(rows[0] ?? {});
    return names.map((title): Column<(typeof shown)[number]> => {
      const isNumber = rows.some((row) => typeof (row as RecordOfRow)[title] === "number");
      return {
        id: title,
        title,
        number: isNumber,
        value: ({ row }) => plain(row[title]),
        show: ({ row }) => sayValue(row[title], format),
      };
    });
  }, [columns, rows, format]);
  return <DataTable name={name} label={label} columns={drawn} rows={shown} rowKey={({ index }) => String(index)} height={height} />;
}

function plain(value: unknown): string | number | boolean | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === "object" ? JSON.stringify(value) : (value as string | number | boolean);
}
