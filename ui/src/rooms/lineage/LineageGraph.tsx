import { Suspense, useMemo } from "react";
import { Link } from "wouter";
import type { Schema } from "../../api/client";
import { useGet } from "../../api/hooks";
import type { DagNode } from "../../charts/Dag";
import { Dag } from "../../charts/LazyDag";
import { Answered, Loading } from "../../parts/Notes";
import { entriesOf, sayValue } from "../../parts/Records";
import { lineageOf, placeOf, shortId } from "../../parts/Thing";
import { Facts, type Tone } from "../../parts/Values";
import { useUrlState } from "../../shell/url";
import { useFormat, useWords } from "../../words";

type Graph = Schema<"Graph">;
type Node = Schema<"Node">;

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
}

/** Where a thing comes from, as a graph; a chosen box tells about itself. */
export function LineageGraph({ id, direction = "ancestors", height = 300 }: LineageProperties) {
  const graph = useGet("/v1/lineage/{id}", { path: { id }, query: { direction } });
  return <Answered from={graph}>{(found) => <GraphView graph={found} direction={direction} height={height} />}</Answered>;
}

interface GraphProperties {
  readonly graph: Graph;
  readonly direction: "ancestors" | "descendants";
  readonly height: number;
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

function GraphView({ graph: whole, direction, height }: GraphProperties) {
  const words = useWords().lineage;
  const graph = useMemo(() => (direction === "ancestors" ? withoutHistoryOfAlarms(whole) : whole), [whole, direction]);
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
      {graph.cut && <p className="soft small">{words.cut(graph.nodes.length)}</p>}
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
