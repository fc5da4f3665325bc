import "@xyflow/react/dist/base.css";
import "./dag.css";
import {
  Controls,
  Handle,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore,
  type Edge,
  type Node,
  type NodeProps,
} from "@xyflow/react";
import { useEffect, useMemo } from "react";
import type { Tone } from "../parts/Values";
import { useShownTheme } from "../shell/settings";
import { placeNodes } from "./layout";
import { useWidth } from "./size";

export interface DagNode {
  readonly id: string;
  readonly title: string;
  /** One line under the title: a duration, a row count, a version. */
  readonly note?: string;
  /** The state in a word, and its tone. */
  readonly state?: { readonly says: string; readonly tone: Tone };
}

interface DagProperties {
  readonly label: string;
  readonly nodes: readonly DagNode[];
  readonly edges: readonly (readonly [from: string, to: string])[];
  readonly selected?: string;
  readonly onSelect?: (id: string) => void;
  /** At most so high: a graph that needs less takes less. */
  readonly height?: number;
}

type Step = Node<{ readonly step: DagNode }, "step">;

const size = { width: 136, height: 48 };
const lowest = 150;
const margin = 36;
const nodeTypes = { step: StepNode };

function StepNode({ data: { step } }: NodeProps<Step>) {
  return (
    <div className="step" data-tone={step.state?.tone ?? "calm"}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <b title={step.title}>{step.title}</b>
      <span>
        {step.state !== undefined && <i>{step.state.says}</i>}
        {step.note}
      </span>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  );
}

/** Steps and what they wait for, from left to right. Tab reaches the nodes, Enter selects one. */
export default function Dag(properties: DagProperties) {
  return (
    <ReactFlowProvider>
      <Flow {...properties} />
    </ReactFlowProvider>
  );
}

function Flow({ label, nodes, edges, selected, onSelect, height = 240 }: DagProperties) {
  const theme = useShownTheme();
  const [box, width] = useWidth<HTMLDivElement>();
  const { fitView } = useReactFlow();
  const shape = [nodes.map(({ id }) => id).join("\n"), edges.map((edge) => edge.join("\t")).join("\n")].join("\n\n");
  const placed = useMemo(
    () => placeNodes(nodes.map(({ id }) => id), edges, size),
    // The places depend on the shape alone: a step that changes its state must not make the graph jump.
    [shape],
  );
  const scale = Math.min(1, (width * 0.94) / Math.max(1, placed.width));
  const needed = Math.max(lowest, placed.height * scale + margin);
  const shownHeight = width === 0 ? height : Math.min(height, needed);
  // The drawing learns its size a moment after the page does.
  const drawnWidth = useStore((state) => state.width);
  const drawnHeight = useStore((state) => state.height);
  useEffect(() => {
    void fitView({ padding: 0.03, maxZoom: 1 });
  }, [fitView, placed, drawnWidth, drawnHeight]);
  const steps: Step[] = nodes.map((step) => ({
    id: step.id,
    type: "step",
    position: placed.positions.get(step.id) ?? { x: 0, y: 0 },
    data: { step },
    selected: step.id === selected,
    ariaLabel: [step.title, step.state?.says, step.note].filter((part) => part !== undefined).join(", "),
    ...size,
  }));
  const tones = new Map(nodes.map(({ id, state }) => [id, state?.tone]));
  const lines: Edge[] = edges.map(([source, target]) => ({
    id: `${source} ${target}`,
    source,
    target,
    focusable: false,
    animated: tones.get(target) === "busy",
  }));
  return (
    <div ref={box} className="dag" style={{ height: shownHeight }}>
      <ReactFlow
        aria-label={label}
        nodes={steps}
        edges={lines}
        nodeTypes={nodeTypes}
        colorMode={theme}
        fitView
        fitViewOptions={{ padding: 0.03, maxZoom: 1 }}
        minZoom={0.2}
        maxZoom={1.5}
        nodesDraggable={false}
        nodesConnectable={false}
        zoomOnScroll={false}
        preventScrolling={false}
        zoomOnDoubleClick={false}
        onNodesChange={(changes) => {
          for (const change of changes) if (change.type === "select" && change.selected) onSelect?.(change.id);
        }}
      >
        <Controls showInteractive={false} position="bottom-left" orientation="horizontal" />
      </ReactFlow>
    </div>
  );
}
