import { Suspense, useMemo, useState } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import type { DagNode } from "../../charts/Dag";
import { Dag } from "../../charts/LazyDag";
import { Answered, Loading } from "../../parts/Notes";
import { entriesOf, sayValue } from "../../parts/Records";
import { lineageOf, placeOf, shortId } from "../../parts/Thing";
import { Facts, type Tone } from "../../parts/Values";
import { useUrlList, useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";

type Graph = Schema<"Graph">;
type Node = Schema<"Node">;

const none: readonly string[] = [];

const tones: Readonly<Record<string, Tone>> = {
  request: "ember",
  version: "good",
  run: "good",
  training_set: "warn",
  table: "warn",
};

interface LineageProperties {
  readonly id: string;
  readonly direction?: "ancestors" | "descendants";
  readonly height?: number;
  /** How many steps away. */
  readonly depth?: number;
  /** Whether a person may leave out kinds of things, and ask for more of them. */
  readonly asks?: boolean;
}

const fewNodes = 120;
const mostNodes = 480;

/** Where a thing comes from, as a graph; a chosen box tells about itself. */
export function LineageGraph({ id, direction = "ancestors", height = 300, depth = Infinity, asks = false }: LineageProperties) {
  const [limit, setLimit] = useState(fewNodes);
  const graph = useGet("/v1/lineage/{id}", { path: { id }, query: { direction } });
  const more = asks && limit < mostNodes ? () => setLimit(mostNodes) : undefined;
  return (
    <Answered from={graph}>
      {(found) => <GraphView graph={found} direction={direction} height={height} depth={depth} limit={limit} asks={asks} onMore={more} />}
    </Answered>
  );
}

interface GraphProperties {
  readonly graph: Graph;
  readonly direction: "ancestors" | "descendants";
  readonly height: number;
  readonly depth: number;
  readonly limit: number;
  readonly asks: boolean;
  readonly onMore: (() => void) | undefined;
}

/** The nearest things: so many steps away, and so many of them. `cut` says that there are others. */
export function nearest({ root, nodes, edges, cut }: Graph, direction: "ancestors" | "descendants", depth: number, limit: number): Graph {
  const next = new Map<string, string[]>();
  for (const { made, origin } of edges) {
    const [from, to] = direction === "ancestors" ? [made, origin] : [origin, made];
    next.set(from, [...(next.get(from) ?? []), to]);
  }
  const steps = new Map([[root, 0]]);
  for (const [id, step] of steps) {
    if (step >= depth) continue;
    for (const to of next.get(id) ?? []) if (!steps.has(to)) steps.set(to, step + 1);
  }
  const near = new Set([...steps.keys()].slice(0, limit));
  return {
    root,
    nodes: nodes.filter(({ id }) => near.has(id)),
    edges: edges.filter(({ made, origin }) => near.has(made) && near.has(origin)),
    cut: cut || steps.size > limit,
  };
}

/** What is left out is bridged: who was made from it is then made from what it was made from. */
export function withoutKinds({ root, nodes, edges, cut }: Graph, hidden: readonly string[]): Graph {
  if (hidden.length === 0) return { root, nodes, edges, cut };
  const shown = new Set(nodes.filter(({ id, kind }) => id === root || !hidden.includes(kind)).map(({ id }) => id));
  const origins = new Map<string, Graph["edges"]>();
  for (const edge of edges) origins.set(edge.made, [...(origins.get(edge.made) ?? []), edge]);
  const bridged = new Map<string, Graph["edges"][number]>();
  for (const made of shown) {
    const waiting = [made];
    const passed = new Set(waiting);
    for (const at of waiting) {
      for (const { origin, relation } of origins.get(at) ?? []) {
        if (passed.has(origin)) continue;
        passed.add(origin);
        if (shown.has(origin)) bridged.set(`${made} ${origin}`, { made, origin, relation });
        else waiting.push(origin);
      }
    }
  }
  return { root, nodes: nodes.filter(({ id }) => shown.has(id)), edges: [...bridged.values()], cut };
}

/**
 * An alarm is why something was made, and has a long history of its own: that history is cut off here,
 * and a click away.
 */
function withoutHistoryOfAlarms({ root, nodes, edges, cut }: Graph): Graph {
  const kinds = new Map(nodes.map(({ id, kind }) => [id, kind]));
  const reached = new Set([root]);
  for (const from of reached) {
    if (kinds.get(from) === "alarm" && from !== root) continue;
    for (const { made, origin } of edges) {
      if (made === from) reached.add(origin);
    }
  }
  const kept = edges.filter(({ made, origin }) => reached.has(made) && reached.has(origin) && (made === root || kinds.get(made) !== "alarm"));
  return { root, nodes: nodes.filter(({ id }) => reached.has(id)), edges: kept, cut };
}

function GraphView({ graph: whole, direction, height, depth, limit, asks, onMore }: GraphProperties) {
  const words = useWords().lineage;
  const [hidden, hide] = useUrlList("hidden", none);
  const graph = useMemo(() => {
    const cleared = direction === "ancestors" ? withoutHistoryOfAlarms(whole) : whole;
    return nearest(asks ? withoutKinds(cleared, hidden) : cleared, direction, depth, limit);
  }, [whole, direction, asks, hidden, depth, limit]);
  const kinds = [...new Set(whole.nodes.map(({ kind }) => kind))].sort();
  const [chosen, choose] = useUrlState("node");
  const nodes = graph.nodes.map(
    (node): DagNode => ({
      id: node.id,
      title: titleOf(node),
      state: { says: words.kinds[node.kind] ?? node.kind, tone: tones[node.kind] ?? "calm" },
    }),
  );
  const edges = graph.edges.map(({ made, origin }) => (direction === "ancestors" ? ([made, origin] as const) : ([origin, made] as const)));
  const selected = graph.nodes.find((node) => node.id === chosen);
  return (
    <div className="lineage">
      {!asks && graph.cut && <p className="soft small">{words.cut(graph.nodes.length)}</p>}
      {asks && (
        <div className="lineage-controls">
          {graph.cut && (
            <span className="soft small">
              {words.cut(graph.nodes.length)}{" "}
              {onMore !== undefined && (
                <button type="button" className="button" onClick={onMore}>
                  {words.showMore}
                </button>
              )}
            </span>
          )}
          <span className="kinds" role="group" aria-label={words.kindsShown}>
            {kinds.map((kind) => (
              <button
                key={kind}
                type="button"
                aria-pressed={!hidden.includes(kind)}
                onClick={() => hide(hidden.includes(kind) ? hidden.filter((other) => other !== kind) : [...hidden, kind])}
              >
                {words.kinds[kind] ?? kind}
              </button>
            ))}
          </span>
        </div>
      )}
      <Suspense fallback={<Loading />}>
        <Dag label={words.name} nodes={nodes} edges={edges} selected={chosen} onSelect={choose} height={height} />
      </Suspense>
      {selected === undefined ? <p className="soft">{words.choose}</p> : <About node={selected} isRoot={selected.id === graph.root} />}
    </div>
  );
}

/** Names of things that have one are short enough for a box; the title is said when it is chosen. */
function titleOf({ id, title }: Node): string {
  const [, name, version] = /^\w+:([^@]+)(?:@(.*))?$/.exec(id) ?? [];
  if (name === undefined) return title || shortId(id);
  return version !== undefined && /^\d+$/.test(version) ? `${name} v${version}` : name;
}

function About({ node, isRoot }: { readonly node: Node; readonly isRoot: boolean }) {
  const { lineage: words, common } = useWords();
  const format = useFormat();
  const place = placeOf(node.id);
  return (
    <Facts
      facts={[
        ...(node.title === "" ? [] : [[common.name, node.title] as const]),
        [words.kind, words.kinds[node.kind] ?? node.kind],
        [common.id, <code>{node.id}</code>],
        ...(node.at === null ? [] : [[common.at, format.moment(new Date(node.at))] as const]),
        ...entriesOf(node.facts).map(([name, value]) => [name, sayValue(value, format)] as const),
        ...(place === undefined || place === lineageOf(node.id) ? [] : [[words.open, <Link href={place}>{node.title || node.id}</Link>] as const]),
        ...(isRoot ? [] : [[words.trace, <Link href={lineageOf(node.id)}>{shortId(node.id)}</Link>] as const]),
      ]}
    />
  );
}
