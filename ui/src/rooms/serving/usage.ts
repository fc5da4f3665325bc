import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";

type Usage = Schema<"Usage">;

export interface Bucket {
  readonly at: Date;
  readonly shares: Readonly<Record<string, number>>;
  readonly requests: number;
  readonly rows: number;
  readonly errors: number;
  readonly p50: number;
  readonly p95: number;
}

/** Usage by version as one entry for each stretch of time; latencies of versions are weighted by their requests. */
export function bucketsOf(usage: readonly Usage[]): Bucket[] {
  const bySince = new Map<string, Usage[]>();
  for (const one of usage) bySince.set(one.since, [...(bySince.get(one.since) ?? []), one]);
  return [...bySince]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([since, parts]) => {
      const requests = sum(parts, (part) => part.requests);
      const mean = (value: (part: Usage) => number): number => sum(parts, (part) => value(part) * part.requests) / Math.max(1, requests);
      const shares: Record<string, number> = {};
      for (const part of parts) shares[`v${part.number}`] = (shares[`v${part.number}`] ?? 0) + part.requests / Math.max(1, requests);
      return {
        at: new Date(since),
        shares,
        requests,
        rows: sum(parts, (part) => part.rows),
        errors: sum(parts, (part) => part.errors),
        p50: mean((part) => part.latency_p50_ms),
        p95: mean((part) => part.latency_p95_ms),
      };
    });
}

/** Buckets after each other with the same division become one step. */
export function mergeEqual(buckets: readonly Bucket[]): { at: Date; shares: Readonly<Record<string, number>> }[] {
  const said = (shares: Readonly<Record<string, number>>): string => JSON.stringify(Object.entries(shares).sort());
  return buckets
    .filter(({ shares }, index) => index === 0 || said(shares) !== said(buckets[index - 1]?.shares ?? {}))
    .map(({ at, shares }) => ({ at, shares }));
}

export function numbersOf(usage: readonly Usage[]): number[] {
  return [...new Set(usage.map(({ number }) => number))].sort((one, other) => one - other);
}

export function sum<Item>(items: readonly Item[], value: (item: Item) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

/** The usage of an endpoint by day; it has no event of its own, so it is asked for again and again. */
export function useUsage(endpoint: string) {
  return useGet("/v1/endpoints/{endpoint}/usage", { path: { endpoint }, query: { bucket: "1d" } }, { every: 5000, enabled: endpoint !== "" });
}
