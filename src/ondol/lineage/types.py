"""What was made from what."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A thing with an id. `facts` are the few lines a person wants to read about it."""

    id: str
    kind: str
    """request, version, run, training_set, table, feature_view, feature_service, code, alarm, canary ..."""
    title: str
    facts: dict[str, Any] = {}
    at: datetime | None = None


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """`made` was made from `origin`; `relation` is a verb: answered_by, trained_in, read, defined_by ..."""

    made: str
    origin: str
    relation: str


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """Nodes in order of distance from `root`, and the edges between them."""

    root: str
    nodes: list[Node]
    edges: list[Edge]


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    direction: Literal["ancestors", "descendants"] = "ancestors"
    depth: int = 20
