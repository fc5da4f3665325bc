import { useInfiniteQuery, useQueryClient, type InfiniteData } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { call, type HouseError } from "../../api/client";
import { useLive } from "../../api/live";
import type { Run, Search } from "./search";

interface RunPage {
  readonly items: Run[];
  readonly next_token: string;
}
type Pages = InfiniteData<RunPage, string>;

const firstPage = 100;
const nextPage = 500;
const mostRefreshed = 20;
const whileRunning = 4_000;

export interface RunPages {
  /** Undefined until the first page is there. */
  readonly runs: readonly Run[] | undefined;
  readonly error: HouseError | null;
  readonly hasMore: boolean;
  readonly isLoading: boolean;
  readonly loadMore: () => void;
}

async function ask(search: Search, limit: number, token: string): Promise<RunPage> {
  const body = { experiments: [...search.experiments], filter: search.filter, order_by: [...search.order], limit, token };
  const { items, next_token } = await call("post", "/v1/runs/search", { body });
  return { items, next_token: next_token ?? "" };
}

/**
 * Runs page by page, as far as they were asked for. What is new appears without asking for all of it again:
 * only the first page, and the runs that ended, are read anew.
 */
export function useRunPages(search: Search): RunPages {
  const client = useQueryClient();
  const queryKey = useMemo(() => ["/v1/runs/search", "pages", search] as const, [search]);
  const query = useInfiniteQuery<RunPage, HouseError, Pages, typeof queryKey, string>({
    queryKey,
    queryFn: ({ pageParam }) => ask(search, pageParam === "" ? firstPage : nextPage, pageParam),
    initialPageParam: "",
    getNextPageParam: (last) => (last.next_token === "" ? undefined : last.next_token),
    staleTime: Infinity,
    placeholderData: (before) => before,
  });
  const refresh = useCallback(
    async (ended: readonly string[]) => {
      const known = client.getQueryData<Pages>(queryKey);
      if (known === undefined) return;
      const head = await ask(search, firstPage, "");
      const fresh = new Map(head.items.map((run) => [run.id, run]));
      const loaded = new Set(known.pages.flatMap(({ items }) => items.map(({ id }) => id)));
      const below = ended.filter((id) => loaded.has(id) && !fresh.has(id)).slice(0, mostRefreshed);
      for (const run of await Promise.all(below.map((id) => call("get", "/v1/runs/{run}", { path: { run: id } })))) fresh.set(run.id, run);
      client.setQueryData<Pages>(queryKey, (before) => (before === undefined ? before : withHead(before, head, fresh)));
    },
    [client, queryKey, search],
  );
  useLive(["RunStarted", "RunEnded"], (events) => void refresh(events.filter(({ name }) => name === "RunEnded").map(({ subject }) => subject)), 1000);
  useEffect(() => void refresh([]), [refresh]);
  const isRunning = query.data?.pages[0]?.items.some(({ status }) => status === "running") ?? false;
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => void (document.hidden || refresh([])), whileRunning);
    return () => clearInterval(timer);
  }, [isRunning, refresh]);

  const { data, error, hasNextPage, isFetching, isFetchingNextPage, isPlaceholderData, fetchNextPage } = query;
  // A search that cannot be read leaves on the page what was found before.
  const [last, setLast] = useState(data);
  if (data !== undefined && data !== last) setLast(data);
  const shown = data ?? (error === null ? undefined : last);
  const runs = useMemo(() => (shown === undefined ? undefined : flat(shown)), [shown]);
  const loadMore = useCallback(() => void fetchNextPage({ cancelRefetch: false }), [fetchNextPage]);
  return { runs, error, hasMore: hasNextPage && !isPlaceholderData, isLoading: isFetching || isFetchingNextPage, loadMore };
}

/** Places in the list move when runs are added in front: a run that comes twice keeps its first place. */
function flat({ pages }: Pages): Run[] {
  const seen = new Set<string>();
  const runs: Run[] = [];
  for (const { items } of pages) {
    for (const run of items) {
      if (seen.has(run.id)) continue;
      seen.add(run.id);
      runs.push(run);
    }
  }
  return runs;
}

function withHead({ pages, pageParams }: Pages, head: RunPage, fresh: ReadonlyMap<string, Run>): Pages {
  const inHead = new Set(head.items.map(({ id }) => id));
  const [first, ...rest] = pages.map(({ items, next_token }) => ({
    next_token,
    items: items.filter(({ id }) => !inHead.has(id)).map((run) => fresh.get(run.id) ?? run),
  }));
  const joined = { items: [...head.items, ...(first?.items ?? [])], next_token: first?.next_token ?? head.next_token };
  return { pageParams, pages: [joined, ...rest] };
}
