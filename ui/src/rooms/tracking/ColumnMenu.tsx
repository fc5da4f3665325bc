import { useState } from "react";
import { Menu } from "../../parts/Menu";
import { useWords } from "../../words";
import { fixedColumns, type FixedColumn } from "./columns";
import { keysOf, type Run } from "./search";

interface ColumnMenuProperties {
  readonly runs: readonly Run[];
  readonly columns: readonly string[];
  readonly onChoose: (columns: readonly string[] | undefined) => void;
}

const mostLooked = 1000;

export function useColumnTitle(): (column: string) => string {
  const { tracking: words, common } = useWords();
  const titles: Readonly<Record<FixedColumn, string>> = {
    experiment: words.experiment,
    status: common.state,
    started: common.started,
    took: common.took,
    person: words.person,
  };
  return (column) => {
    const fixed = fixedColumns.find((name) => name === column);
    return fixed === undefined ? column.slice(column.indexOf(".") + 1) : titles[fixed];
  };
}

/** Which params, metrics and tags the table shows. */
export function ColumnMenu({ runs, columns, onChoose }: ColumnMenuProperties) {
  const { tracking: words, common, table } = useWords();
  const [wanted, setWanted] = useState("");
  const titleOf = useColumnTitle();
  const known = [...new Set([...fixedColumns, ...columns, ...keysOf(runs.slice(0, mostLooked))])];
  const matches = known.filter((column) => titleOf(column).toLowerCase().includes(wanted.toLowerCase()));
  const sections: readonly (readonly [string, string])[] = [
    ["metrics.", common.metrics],
    ["params.", common.parameters],
    ["tags.", common.tags],
  ];
  const toggle = (column: string): void => onChoose(columns.includes(column) ? columns.filter((other) => other !== column) : [...columns, column]);
  const choices = (names: readonly string[]) =>
    names.map((column) => (
      <label key={column}>
        <input type="checkbox" checked={columns.includes(column)} onChange={() => toggle(column)} />
        {titleOf(column)}
      </label>
    ));
  return (
    <Menu label={`${words.columns} ${columns.length}`}>
      <input type="search" value={wanted} placeholder={table.filter} aria-label={words.columns} onChange={(event) => setWanted(event.target.value)} />
      {choices(matches.filter((column) => fixedColumns.some((name) => name === column)))}
      {sections.map(([section, title]) => {
        const names = matches.filter((column) => column.startsWith(section)).sort();
        if (names.length === 0) return null;
        return [<h3 key={section}>{title}</h3>, ...choices(names)];
      })}
      <button type="button" className="button" onClick={() => onChoose(undefined)}>
        {words.usualColumns}
      </button>
    </Menu>
  );
}
