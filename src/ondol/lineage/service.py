"""What every room that makes something writes down here, and how the chain is read back.

No operation of its own: the doors ask `serving`, which also knows the ids of requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.lineage import rules
from ondol.lineage.types import Edge, Graph, Node, Trace
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    from ondol.lineage import repo
else:
    repo = lazy("ondol.lineage.repo")

DEPTH_LIMIT = 100


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
    distances, edges = repo.reach(tools.connection, request.id, request.direction, request.depth)
    known = repo.read_nodes(tools.connection, list(distances))
    if request.id not in known and not repo.is_named(tools.connection, request.id):
        raise NotFound(
            f"Nothing is known about {request.id!r}.",
            hint="Give the id of a request, version, run, training set or table, as lists and answers show it.",
        )
    nodes = [known.get(identity) or rules.bare_node(identity) for identity in distances]
    return Graph(root=request.id, nodes=nodes, edges=edges)
