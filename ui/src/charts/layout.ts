import { graphlib, layout } from "@dagrejs/dagre";

export interface Placed {
  readonly positions: ReadonlyMap<string, { readonly x: number; readonly y: number }>;
  readonly width: number;
  readonly height: number;
}

/** Places the nodes of a graph from left to right, so that as few edges as possible cross. */
export function placeNodes(
  nodes: readonly string[],
  edges: readonly (readonly [from: string, to: string])[],
  size: { readonly width: number; readonly height: number },
): Placed {
  const graph = new graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 16, ranksep: 24 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(node, { ...size });
  const known = new Set(nodes);
  for (const [from, to] of edges) if (known.has(from) && known.has(to)) graph.setEdge(from, to);
  layout(graph);
  const positions = new Map(
    nodes.map((node) => {
      const { x, y } = graph.node(node) as { x: number; y: number };
      return [node, { x: x - size.width / 2, y: y - size.height / 2 }];
    }),
  );
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return { positions, width, height };
}
