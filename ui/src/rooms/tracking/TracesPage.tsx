import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "wouter";
import { call, type HouseError, type Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import { DataTable, type Column } from "../../parts/DataTable";
import { Empty, Loading, Refusal } from "../../parts/Notes";
import { Card, Page } from "../../parts/Page";
import { Badge, Moment, type Tone } from "../../parts/Values";
import { useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";
import { SearchField } from "./SearchField";

export type Trace = Schema<"TraceRecord">;

const pageOf = 100;
const tones: Readonly<Record<string, Tone>> = { OK: "good", ERROR: "bad", IN_PROGRESS: "busy" };

/** Traces to search, the newest first; the search stays in the address. */
export default function TracesPage() {
  const { tracking: words } = useWords();
  const [filter, setFilter] = useUrlState("filter");
  const [experiment, setExperiment] = useUrlState("experiment");
  const experiments = useGet("/v1/experiments", { query: { limit: 1000, order_by: ["name ASC"] } });
  const names = new Set([...(experiment === "" ? [] : [experiment]), ...(experiments.data?.items.map(({ name }) => name) ?? [])]);
  const found = useInfiniteQuery({
    queryKey: ["/v1/traces", "pages", filter, experiment],
    queryFn: ({ pageParam }) => call("get", "/v1/traces", { query: { filter, experiment, limit: pageOf, token: pageParam } }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_token ?? undefined,
    placeholderData: (before) => before,
  });
  const error = found.error as HouseError | null;
  const isWrong = error !== null && (error.status === 400 || error.status === 422);
  const rows = useMemo(() => found.data?.pages.flatMap(({ items }) => items) ?? [], [found.data]);
  const isEmpty = found.data !== undefined && rows.length === 0 && filter === "";
  return (
    <Page
      title={words.traces.name}
      lead={words.traces.lead}
      above={{ href: "/runs", title: words.name }}
      actions={
        <select className="button" aria-label={words.experiment} value={experiment} onChange={(event) => setExperiment(event.target.value)}>
          <option value="">{words.allExperiments}</option>
          {[...names].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      }
    >
      {found.data === undefined && error === null && <Loading />}
      {error !== null && !isWrong && <Refusal error={error} />}
      {isEmpty && <Empty says={experiment === "" ? words.traces.empty : words.traces.none} hint={experiment === "" ? words.traces.emptyHint : ""} />}
      {!isEmpty && (found.data !== undefined || isWrong) && (
        <Card flush>
          <div className="runs-bar">
            <SearchField label={words.traces.search} hint={words.traces.searchHint} text={filter} onChange={setFilter} wrong={isWrong ? error : null} />
          </div>
          {isWrong && (
            <p className="runs-wrong" role="alert">
              {error.message} {error.hint}
            </p>
          )}
          <div className="runs-said">
            <span role="status">{words.traces.count(rows.length, found.hasNextPage)}</span>
            {found.hasNextPage && (
              <button type="button" className="plain" disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
                {words.traces.more}
              </button>
            )}
          </div>
          <Rows rows={rows} />
        </Card>
      )}
    </Page>
  );
}

export function TraceState({ state }: { readonly state: string }) {
  const { states } = useWords().tracking.traces;
  return <Badge tone={tones[state] ?? "calm"}>{state in states ? states[state as keyof typeof states] : state}</Badge>;
}

export function traceHref(id: string): string {
  return `/traces/${encodeURIComponent(id)}`;
}

function Rows({ rows }: { readonly rows: readonly Trace[] }) {
  const { tracking: words, common } = useWords();
  const format = useFormat();
  const columns = useMemo(
    (): Column<Trace>[] => [
      { id: "name", title: common.name, value: ({ name, id }) => name || id, show: ({ name, id }) => <Link href={traceHref(id)}>{name || id}</Link> },
      { id: "state", title: common.state, value: ({ state }) => state, show: ({ state }) => <TraceState state={state} /> },
      { id: "started", title: common.started, value: (row) => row.started_at, show: (row) => <Moment at={row.started_at} /> },
      {
        id: "took",
        title: common.took,
        value: (row) => row.milliseconds,
        show: (row) => (row.milliseconds === null ? "–" : format.seconds(row.milliseconds / 1000)),
        number: true,
      },
      { id: "request", title: words.traces.request, value: ({ request }) => request.slice(0, 160) },
      { id: "response", title: words.traces.response, value: ({ response }) => response.slice(0, 160) },
      {
        id: "assessments",
        title: words.traces.assessments,
        value: ({ assessments }) => (assessments ?? []).map(({ name, value }) => `${name}: ${value}`).join(", ") || undefined,
      },
    ],
    [words, common, format],
  );
  return <DataTable name="traces" label={words.traces.name} columns={columns} rows={rows} rowKey={({ id }) => id} height={560} />;
}
