import {
  QueryClient,
  keepPreviousData,
  useMutation,
  useQuery,
  useQueryClient,
  type UseMutationResult,
  type UseQueryResult,
} from "@tanstack/react-query";
import { call, type Answer, type HouseError, type Input, type InputArgument, type Method, type PathOf } from "./client";
import { useLive } from "./live";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 5_000, retry: (failures, error) => failures < 2 && (error as HouseError).status === 0 },
  },
});

interface GetOptions {
  /** Names of the events after which the answer is asked for again. */
  readonly live?: readonly string[];
  /** Asks again because of events at most once in so many milliseconds: for pages that a replay would keep busy. */
  readonly atMost?: number;
  /** Asks again after so many milliseconds, for what changes without an event. */
  readonly every?: number;
  readonly enabled?: boolean;
  /** For what never changes: asked for once. */
  readonly forever?: boolean;
}

/** Reads one address of the house and keeps it fresh: `useGet("/v1/runs", { query: { limit: 50 } }, { live: [...] })`. */
export function useGet<P extends PathOf<"get">>(
  path: P,
  input: Input<"get", P>,
  options: GetOptions = {},
): UseQueryResult<Answer<"get", P>, HouseError> {
  const client = useQueryClient();
  const queryKey = [path, input] as const;
  useLive(options.live ?? [], () => void client.invalidateQueries({ queryKey }), options.atMost ?? 400);
  return useQuery<Answer<"get", P>, HouseError>({
    queryKey,
    queryFn: () => call("get", path, ...([input] as unknown as InputArgument<"get", P>)),
    enabled: options.enabled ?? true,
    refetchInterval: options.every ?? false,
    ...(options.forever === true ? { staleTime: Infinity } : {}),
    placeholderData: keepPreviousData,
  });
}

/** Reads by a question too long for an address, as `runs.search` does. The answer is kept under the path and the question. */
export function useAsk<P extends PathOf<"post">>(
  path: P,
  input: Input<"post", P>,
  options: GetOptions = {},
): UseQueryResult<Answer<"post", P>, HouseError> {
  const client = useQueryClient();
  const queryKey = [path, input] as const;
  useLive(options.live ?? [], () => void client.invalidateQueries({ queryKey }), options.atMost ?? 400);
  return useQuery<Answer<"post", P>, HouseError>({
    queryKey,
    queryFn: () => call("post", path, ...([input] as unknown as InputArgument<"post", P>)),
    enabled: options.enabled ?? true,
    refetchInterval: options.every ?? false,
    ...(options.forever === true ? { staleTime: Infinity } : {}),
    placeholderData: keepPreviousData,
  });
}

/** Changes something; whatever was read under `refreshes` is asked for again afterwards. */
export function useSend<M extends Exclude<Method, "get">, P extends PathOf<M>>(
  method: M,
  path: P,
  refreshes: readonly PathOf<"get">[] = [],
): UseMutationResult<Answer<M, P>, HouseError, Input<M, P>> {
  const client = useQueryClient();
  return useMutation<Answer<M, P>, HouseError, Input<M, P>>({
    mutationFn: (input) => call(method, path, ...([input] as unknown as InputArgument<M, P>)),
    onSuccess: () => Promise.all(refreshes.map((read) => client.invalidateQueries({ queryKey: [read] }))),
  });
}
