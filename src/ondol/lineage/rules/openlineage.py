"""Between our lineage and the events of OpenLineage.

Specification: https://openlineage.io/spec/2-0-2/OpenLineage.json
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from ondol.lineage.types import Edge, Node, OpenDataset, OpenEvent

NAMESPACE = "ondol"
"""Datasets of this namespace are ours; others keep the namespace in their id."""

SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
PRODUCER = "urn:ondol"
_FAMILY = uuid.uuid5(uuid.NAMESPACE_URL, PRODUCER)
_ID_LENGTH = 200
_DATA = ("dataset", "table", "ts", "training_set")
_PRODUCTS = (*_DATA, "mv")


def to_lineage(event: OpenEvent) -> tuple[list[Node], list[Edge]]:
    """The run, its job and its datasets; the first node is the run."""
    run, job = _short(f"openlineage:{event.run.run_id}"), _short(f"job:{event.job.namespace}/{event.job.name}")
    facts = {"job": event.job.name, "namespace": event.job.namespace, "state": event.event_type.lower()}
    facts |= {"producer": event.producer} if event.producer else {}
    nodes = [
        Node(id=run, kind="run", title=f"{event.job.name} ({event.run.run_id[:8]})", facts=facts, at=event.event_time),
        Node(id=job, kind="job", title=event.job.name, facts={"namespace": event.job.namespace}, at=event.event_time),
    ]
    edges = [Edge(made=run, origin=job, relation="ran")]
    for dataset in event.inputs:
        nodes += _described(dataset, event.event_time)
        edges.append(Edge(made=run, origin=dataset_id(dataset), relation="read"))
    for dataset in event.outputs:
        nodes += _described(dataset, event.event_time)
        edges.append(Edge(made=dataset_id(dataset), origin=run, relation="written_by"))
    return nodes, edges


def dataset_id(dataset: OpenDataset) -> str:
    if dataset.namespace == NAMESPACE:
        return _short(f"dataset:{dataset.name}")
    return _short(f"dataset:{dataset.namespace}/{dataset.name}")


def _described(dataset: OpenDataset, at: datetime) -> list[Node]:
    """Our own datasets are described by the lake."""
    if dataset.namespace == NAMESPACE:
        return []
    facts = {"namespace": dataset.namespace}
    return [Node(id=dataset_id(dataset), kind="dataset", title=dataset.name, facts=facts, at=at)]


def _short(identity: str) -> str:
    """As long as ids may be; what is cut off is told apart by a digest."""
    if len(identity) <= _ID_LENGTH:
        return identity
    return f"{identity[: _ID_LENGTH - 17]}~{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


def to_event(
    run: str, job: str, kind: str, at: datetime, *, read: Sequence[Edge], made: Sequence[Edge]
) -> dict[str, Any]:
    """`read` are the edges above the run, `made` those below it."""
    inputs = {edge.origin for edge in read if _is(edge.origin, _DATA)}
    outputs = {edge.made for edge in made if edge.origin == run and _is(edge.made, _PRODUCTS)}
    return {
        "eventType": kind,
        "eventTime": at.isoformat(),
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
        "run": {"runId": str(uuid.uuid5(_FAMILY, run)), "facets": {}},
        "job": {"namespace": NAMESPACE, "name": job, "facets": {}},
        "inputs": _datasets(inputs),
        "outputs": _datasets(outputs),
    }


def _is(identity: str, kinds: Sequence[str]) -> bool:
    kind, colon, _ = identity.partition(":")
    return (kind if colon else identity.partition("_")[0]) in kinds


def _datasets(ids: Iterable[str]) -> list[dict[str, Any]]:
    """A version of a table is the table, with the version as its facet."""
    found = []
    for identity in sorted(ids):
        plain = identity.partition(":")[2] or identity
        name, _, version = plain.partition("@")
        facets = {"version": _version_facet(version)} if version else {}
        found.append({"namespace": NAMESPACE, "name": name, "facets": facets})
    return found


def _version_facet(version: str) -> dict[str, str]:
    facet = "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json"
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{facet}#/$defs/DatasetVersionDatasetFacet",
        "datasetVersion": version,
    }
