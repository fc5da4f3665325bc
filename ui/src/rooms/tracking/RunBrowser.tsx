import "./runs.css";
import { useCallback, useMemo } from "react";
import { Link } from "wouter";
import { Loading, Refusal } from "../../parts/Notes";
import { Card } from "../../parts/Page";
import { useUrlState } from "../../shell/url";
import { useWords } from "../../words";
import { ColumnMenu, useColumnTitle } from "./ColumnMenu";
import { useColumns } from "./columns";
import { useRunPages, type RunPages } from "./pages";
import { RunTable } from "./RunTable";
import { SearchField } from "./SearchField";
import { filterOf, idsFromText, idsToText, keysOf, orderOf, type Run, type Search } from "./search";

const mostCompared = 500;
const none: readonly Run[] = [];

interface RunBrowserProperties {
  /** Runs of these experiments; of all when there are none. */
  readonly experiment: string;
  readonly status: string;
  /** What stands there when there is no run at all. */
  readonly empty: React.ReactNode;
}

/** Runs to search, sort, group, choose and compare; all of it stays in the address. */
export function RunBrowser({ experiment, status, empty }: RunBrowserProperties) {
  const words = useWords().tracking;
  const [filter, setFilter] = useUrlState("runs.filter");
  const [order, setOrder] = useUrlState("runs.order", "-started");
  const [groupBy, setGroupBy] = useUrlState("group");
  const [openText, setOpenText] = useUrlState("open");
  const [selectedText, setSelectedText] = useUrlState("selected");
  const search = useMemo(
    (): Search => ({ experiments: experiment === "" ? [] : [experiment], filter: filterOf(filter, status), order: orderOf(order) }),
    [experiment, filter, status, order],
  );
  const pages = useRunPages(search);
  const runs = pages.runs ?? none;
  const [columns, chooseColumns] = useColumns(runs);
  const shown = useMemo(() => (experiment === "" ? columns : columns.filter((column) => column !== "experiment")), [columns, experiment]);
  const selected = useMemo(() => new Set(idsFromText(selectedText)), [selectedText]);
  const open = useMemo(() => new Set(openText === "" ? [] : openText.split(",").map(decodeURIComponent)), [openText]);
  const select = useCallback(
    (ids: readonly string[], chosen: boolean): void => {
      const next = new Set(selected);
      for (const id of ids) {
        if (!chosen) next.delete(id);
        else if (next.size < mostCompared) next.add(id);
      }
      setSelectedText(idsToText(next));
    },
    [selected, setSelectedText],
  );
  const toggleGroup = (group: string): void => {
    const next = new Set(open);
    if (!next.delete(group)) next.add(group);
    setOpenText([...next].map(encodeURIComponent).join(","));
  };
  if (pages.runs === undefined && pages.error === null) return <Loading />;
  if (pages.error !== null && pages.error.status !== 400 && pages.error.status !== 422) return <Refusal error={pages.error} />;
  if (pages.runs?.length === 0 && search.filter === "" && !pages.isLoading) return <>{empty}</>;
  return (
    <Card flush>
      <div className="runs-bar">
        <SearchField label={words.search} hint={words.searchHint} text={filter} onChange={setFilter} wrong={pages.error} />
        <GroupField runs={runs} groupBy={groupBy} onChange={setGroupBy} />
        <ColumnMenu runs={runs} columns={columns} onChoose={chooseColumns} />
      </div>
      {pages.error !== null && (
        <p className="runs-wrong" role="alert">
          {pages.error.message} {pages.error.hint}
        </p>
      )}
      <Said pages={pages} search={search} selected={selected} onNone={() => setSelectedText("")} />
      <div className="table">
        <RunTable
          runs={runs}
          columns={shown}
          order={order}
          onOrder={setOrder}
          selected={selected}
          onSelect={select}
          groupBy={groupBy}
          open={open}
          onOpen={toggleGroup}
          hasMore={pages.hasMore}
          isLoading={pages.isLoading}
          loadMore={pages.loadMore}
        />
      </div>
    </Card>
  );
}

function GroupField({ runs, groupBy, onChange }: { readonly runs: readonly Run[]; readonly groupBy: string; readonly onChange: (column: string) => void }) {
  const { tracking: words, common } = useWords();
  const titleOf = useColumnTitle();
  const keys = keysOf(runs.slice(0, 200));
  const known = (section: string): string[] => [...new Set([...keys, groupBy])].filter((key) => key.startsWith(section)).sort();
  return (
    <select className="button" aria-label={words.groupBy} value={groupBy} onChange={(event) => onChange(event.target.value)}>
      <option value="">{words.noGroups}</option>
      {["experiment", "status", "person"].map((column) => (
        <option key={column} value={column}>
          {titleOf(column)}
        </option>
      ))}
      {([["params.", common.parameters], ["tags.", common.tags]] as const).map(([section, title]) => (
        <optgroup key={section} label={title}>
          {known(section).map((column) => (
            <option key={column} value={column}>
              {titleOf(column)}
            </option>
          ))}
        </optgroup>
      ))}
    </select>
  );
}

interface SaidProperties {
  readonly pages: RunPages;
  readonly search: Search;
  readonly selected: ReadonlySet<string>;
  readonly onNone: () => void;
}

/** How many runs there are, and what can be done with those that are chosen. */
function Said({ pages, search, selected, onNone }: SaidProperties) {
  const words = useWords().tracking;
  const count = pages.runs?.length ?? 0;
  const first = Math.min(count, mostCompared);
  const question = new URLSearchParams({ "runs.filter": search.filter });
  for (const name of search.experiments) question.append("experiment", name);
  for (const order of search.order) question.append("order", order);
  return (
    <div className="runs-said">
      <span role="status">{words.runsLoaded(count, pages.hasMore)}</span>
      {selected.size > 0 ? (
        <>
          <Link className="link" href={`/runs/compare?runs=${idsToText(selected)}`}>
            {words.compareChosen(selected.size)}
          </Link>
          <button type="button" className="plain" onClick={onNone}>
            {words.chooseNone}
          </button>
        </>
      ) : (
        count > 1 && <Link href={`/runs/compare?${question}`}>{words.compareFirst(first)}</Link>
      )}
    </div>
  );
}
