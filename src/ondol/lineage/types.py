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
    """Nodes in order of distance from `root`, and the edges between them. `cut`: there are more than these."""

    root: str
    nodes: list[Node]
    edges: list[Edge]
    cut: bool = False


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    direction: Literal["ancestors", "descendants"] = "ancestors"
    depth: int = 20
    limit: int = 2000
    """At most so many nodes, the nearest ones."""


class OpenDataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset as OpenLineage names it; facets are left to whoever sent them."""

    namespace: str
    name: str


class OpenJob(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str
    name: str


class OpenRun(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    run_id: str
    facets: dict[str, Any] = {}


class OpenEvent(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_url": "schemaURL", "event_type": "eventType",
                                                                   "event_time": "eventTime"}):  # fmt: skip
    """A RunEvent of OpenLineage 2-0-2: what a run of some other tool has read and written."""

    event_time: datetime
    run: OpenRun
    job: OpenJob
    event_type: str = "OTHER"
    inputs: list[OpenDataset] = []
    outputs: list[OpenDataset] = []
    producer: str = ""
    schema_url: str = ""


class OpenEventTaken(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    """The id of the run in our lineage."""
    edges: int
