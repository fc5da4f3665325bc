"""What every room that makes something writes down here, and how the chain is read back.

For the chain itself the doors ask `serving`, which also knows the ids of requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lineage import rules
from ondol.lineage.rules import openlineage
from ondol.lineage.types import Edge, Graph, Node, OpenEvent, OpenEventTaken, Trace
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    from ondol.lineage import repo
else:
    repo = lazy("ondol.lineage.repo")

DEPTH_LIMIT = 100
NODE_LIMIT = 20_000


def record(tools: Tools, *, nodes: Sequence[Node] = (), edges: Sequence[Edge] = ()) -> None:
    """Write down things and what they were made from, in the open writing transaction.

    Idempotent: a thing described again takes the newer words and keeps its first
    moment (now, when the node carries none). An edge may name an origin that nobody
    has described: describe only what your own room makes.
    """
    now = tools.now()
    repo.put_nodes(tools.connection, [node if node.at else msgspec.structs.replace(node, at=now) for node in nodes])
    repo.put_edges(tools.connection, edges)


def trace(tools: Tools, request: Trace) -> Graph:
    """Everything that `request.id` was made from (or that was made from it), within `depth` steps.

    Needs an open transaction. Raises `NotFound` when neither a node nor an edge names the id.
    """
    if not 0 <= request.depth <= DEPTH_LIMIT:
        raise Invalid(f"depth is {request.depth}; it may be 0 to {DEPTH_LIMIT}.")
    if not 1 <= request.limit <= NODE_LIMIT:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {NODE_LIMIT}.")
    ids, edges, cut = repo.reach(tools.connection, request.id, request.direction, request.depth, request.limit)
    known = repo.read_nodes(tools.connection, ids)
    if request.id not in known and not repo.is_named(tools.connection, request.id):
        raise NotFound(
            f"Nothing is known about {request.id!r}.",
            hint="Give the id of a request, version, run, training set or table, as lists and answers show it.",
        )
    nodes = [known.get(identity) or rules.bare_node(identity) for identity in ids]
    return Graph(root=request.id, nodes=nodes, edges=edges, cut=cut)


def referring(tools: Tools, prefix: str) -> list[Edge]:
    """What was made from things whose ids begin so (`table:silver/flights@`), in the open transaction."""
    return repo.edges_from(tools.connection, prefix)


def versions_of(tools: Tools, kind: str, name: str) -> list[Node]:
    """Every definition that was written down as `kind:name@hash`, the newest first. Needs an open transaction."""
    return repo.read_nodes_of(tools.connection, f"{kind}:{name}@")


@operation("openlineage.receive", "POST", "/api/v1/lineage", scope="write")
def receive(tools: Tools, request: OpenEvent) -> OpenEventTaken:
    """Take an event of OpenLineage: what a run of Spark, dbt, Airflow ... has read and written.

    Clients send it here by themselves with `OPENLINEAGE_URL` set to the address of the house.
    """
    nodes, edges = openlineage.to_lineage(request)
    record(tools, nodes=nodes, edges=edges)
    return OpenEventTaken(run=nodes[0].id, edges=len(edges))


def run_event(tools: Tools, run: str, job: str, kind: str, at: datetime) -> dict[str, Any]:
    """The RunEvent of OpenLineage for a run of ours: `job` is its pipeline, `kind` START, COMPLETE, FAIL or ABORT."""
    _, read, _ = repo.reach(tools.connection, run, "ancestors", 2, NODE_LIMIT)
    _, made, _ = repo.reach(tools.connection, run, "descendants", 1, NODE_LIMIT)
    return openlineage.to_event(run, job, kind, at, read=read, made=made)
