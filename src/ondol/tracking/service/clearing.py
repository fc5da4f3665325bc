"""Deleted runs, logged models and experiments go for good, with their files.

A thing is marked, then its files go, then its points a few at a time, then its row: whatever happens in between, the
next clearing goes on with what is marked. Nobody can restore what is marked.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.kernel.spans import parse_duration
from ondol.lineage import service as lineage
from ondol.lineage.types import Node, Trace
from ondol.ports.blobs import Blob
from ondol.ports.tools import Tools
from ondol.tracking import rules
from ondol.tracking.service import artifacts
from ondol.tracking.types.clearing import ClearDeleted, ClearedThing, ClearReport

if TYPE_CHECKING:
    from ondol.tracking.repo import clearing as repo
    from ondol.tracking.repo import traces
else:
    repo, traces = lazy("ondol.tracking.repo.clearing"), lazy("ondol.tracking.repo.traces")

LINES = 1000
POINTS_AT_ONCE = 50_000
TRACES_AT_ONCE = 200
_NEEDED = "a model version came from it"


@operation("runs.gc", "POST", "/v1/run-clearings", scope="admin", long=True)
def clear_deleted(tools: Tools, request: ClearDeleted) -> ClearReport:
    """Remove runs, logged models and experiments for good that were deleted long enough ago, with their files.

    A run that a registered version came from stays, and so does what it belongs to.
    """
    age = timedelta() if request.older_than == "0d" else parse_duration(request.older_than)
    before = rules.to_ms(tools.now() - age)
    things: list[ClearedThing] = []
    with tools.transaction(write=False) as inner:
        runs = repo.list_runs(inner.connection, before)
        models = repo.list_models(inner.connection, before)
        experiments = repo.list_experiments(inner.connection, before)
    needed = {run for run in {one.source for one in [*runs, *models]} if run and _is_needed(tools, run)}
    for one in runs:
        uri = artifacts.run_uri(one.experiment, one.location, one.id)
        things.append(_thing(tools, "run", one, uri, needed))
        if not request.dry_run and not things[-1].kept_because:
            _clear_run(tools, one, uri)
    for one in models:
        uri = artifacts.model_uri(one.experiment, one.location, one.id)
        things.append(_thing(tools, "logged_model", one, uri, needed))
        if not request.dry_run and not things[-1].kept_because:
            _clear_model(tools, one, uri)
    holding = {one.experiment for one in [*runs, *models] if one.source in needed}
    things += [_clear_experiment(tools, one, one.experiment in holding, request.dry_run) for one in experiments]
    return _report(request.dry_run, things)


def _is_needed(tools: Tools, run: str) -> bool:
    with tools.transaction(write=False) as inner:
        try:
            made = lineage.trace(inner, Trace(id=run, direction="descendants", depth=1))
        except NotFound:
            return False
    return any(node.kind == "version" for node in made.nodes[1:])


def _thing(tools: Tools, kind: str, one: repo.Deleted, uri: str, needed: set[str]) -> ClearedThing:
    because = _NEEDED if one.source in needed else ""
    size = sum(blob.size for blob in _files(tools, uri))
    fields = {"kind": kind, "id": one.id, "name": one.name, "bytes": size, "kept_because": because}
    return msgspec.convert(fields, ClearedThing)


def _files(tools: Tools, uri: str) -> list[Blob]:
    """None of those that are kept elsewhere: whoever put them there takes them away."""
    try:
        return list(tools.blobs.list(artifacts.folder_of(uri)))
    except Invalid:
        return []


def _clear_run(tools: Tools, run: repo.Deleted, uri: str) -> None:
    with tools.transaction(write=True) as inner:
        if not repo.begin_run(inner.connection, run.id):
            return
        series = repo.series_of(inner.connection, run.id)
    for blob in _files(tools, uri):
        tools.blobs.delete(blob.path)
    for number in series:
        left = True
        while left:
            with tools.transaction(write=True) as inner:
                left = repo.delete_points(inner.connection, number, POINTS_AT_ONCE) == POINTS_AT_ONCE
    with tools.transaction(write=True) as inner:
        repo.delete_run(inner.connection, run.id)
        facts = {"cleared_at": inner.now().isoformat()}
        lineage.record(inner, nodes=[Node(id=run.id, kind="run", title=run.name, facts=facts)])


def _clear_model(tools: Tools, model: repo.Deleted, uri: str) -> None:
    with tools.transaction(write=False) as inner:
        if not repo.is_deleted_model(inner.connection, model):
            return
    for blob in _files(tools, uri):
        tools.blobs.delete(blob.path)
    with tools.transaction(write=True) as inner:
        repo.delete_model(inner.connection, model.id)


def _clear_experiment(tools: Tools, one: repo.Deleted, holds: bool, dry_run: bool) -> ClearedThing:
    found = ClearedThing(kind="experiment", id=one.id, name=one.name)
    kept = msgspec.structs.replace(found, kept_because="a run or a model of it stays")
    if dry_run or holds:
        return kept if holds else found
    while True:
        with tools.transaction(write=True) as inner:
            if repo.is_used(inner.connection, one.experiment):
                return kept
            ids = repo.trace_ids(inner.connection, one.experiment, TRACES_AT_ONCE)
            if not ids:
                repo.delete_experiment(inner.connection, one.experiment, one.name, rules.to_ms(inner.now()))
                return found
        # Files first: a trace without its row would leave them behind for ever.
        for identity in ids:
            for blob in _files(tools, artifacts.trace_uri(one.experiment, one.location, identity)):
                tools.blobs.delete(blob.path)
        with tools.transaction(write=True) as inner:
            traces.delete_traces(inner.connection, one.experiment, ids, None, None)


def _report(dry_run: bool, things: list[ClearedThing]) -> ClearReport:
    gone = [one for one in things if not one.kept_because]
    return ClearReport(
        dry_run=dry_run,
        runs=sum(one.kind == "run" for one in gone),
        logged_models=sum(one.kind == "logged_model" for one in gone),
        experiments=sum(one.kind == "experiment" for one in gone),
        freed_bytes=sum(one.bytes for one in gone),
        gone=gone[:LINES],
        kept=[one for one in things if one.kept_because][:LINES],
    )
