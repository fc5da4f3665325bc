"""Runs, their metrics and their artifacts."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, get_args

from ondol.kernel.clock import parse_moment
from ondol.kernel.content import Content
from ondol.kernel.errors import Conflict, Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.kernel.page import Page, decode_token, page_of
from ondol.lineage import service as lineage
from ondol.lineage.types import Node
from ondol.ports.tools import Tools
from ondol.tracking import rules
from ondol.tracking.types import (
    Artifact,
    CreateRun,
    FinishRun,
    GetArtifact,
    GetMetricHistory,
    GetRun,
    ListArtifacts,
    ListRuns,
    LogRun,
    MetricPoint,
    Number,
    Run,
    RunEnded,
    RunStarted,
    RunStatus,
)

if TYPE_CHECKING:
    from ondol.tracking import repo
else:
    repo = lazy("ondol.tracking.repo")


@operation("runs.create", "POST", "/v1/runs", scope="write")
def create_run(tools: Tools, request: CreateRun) -> Run:
    """Start a run, or go on with the one that has this id."""
    rules.check_name("an experiment", request.experiment)
    rules.check_tags(request.tags)
    identity = request.id or tools.new_id("run")
    rules.check_run_id(identity)
    name = request.name or identity
    rules.check_name("a run", name)
    known = repo.read_run(tools.connection, identity)
    if known is None:
        started = Run(id=identity, experiment=request.experiment, name=name, status="running", started_at=tools.now())
        repo.insert_run(tools.connection, started)
        facts = {"experiment": started.experiment}
        lineage.record(tools, nodes=[Node(id=identity, kind="run", title=name, facts=facts, at=started.started_at)])
    elif known.experiment != request.experiment:
        raise Conflict(f"Run {identity} belongs to the experiment {known.experiment!r}.", hint="Take another id.")
    elif known.status == "failed":
        repo.set_status(tools.connection, identity, "running", None)
    repo.put_tags(tools.connection, identity, request.tags)
    if known is None or known.status == "failed":
        tools.emit(RunStarted(subject=identity, experiment=request.experiment, name=name))
    return _existing(tools, identity)


@operation("runs.log", "POST", "/v1/runs/{run}/log", scope="write")
def log_run(tools: Tools, request: LogRun) -> Run:
    """Add parameters, points of metrics and tags to a run, all or nothing."""
    rules.check_log(request)
    run = _existing(tools, request.run)
    points = rules.dated(request.metrics, tools.now())
    repo.insert_params(tools.connection, run.id, rules.fresh_params(run.id, run.params, request.params))
    repo.put_tags(tools.connection, run.id, request.tags)
    repo.insert_points(tools.connection, run.id, points)
    if points:
        newest = rules.newest([*repo.read_newest(tools.connection, run.id), *points])
        repo.put_newest(tools.connection, run.id, (newest[key] for key in {point.key for point in points}))
    return _existing(tools, run.id)


@operation("runs.finish", "POST", "/v1/runs/{run}/finish", scope="write")
def finish_run(tools: Tools, request: FinishRun) -> Run:
    """End a run. Saying the same twice is no error; another end than before is a `Conflict`."""
    run = _existing(tools, request.run)
    if run.status == "running":
        repo.set_status(tools.connection, run.id, request.status, tools.now())
        tools.emit(RunEnded(subject=run.id, experiment=run.experiment, status=request.status))
    elif run.status != request.status:
        raise Conflict(f"Run {run.id} has already {run.status}.", hint="Start another run: `ondol runs create`.")
    return _existing(tools, run.id)


@operation("runs.get", "GET", "/v1/runs/{run}", scope="read")
def get_run(tools: Tools, request: GetRun) -> Run:
    """A run with its parameters, tags and newest metrics."""
    return _existing(tools, request.run)


@operation("runs.list", "GET", "/v1/runs", scope="read")
def list_runs(tools: Tools, request: ListRuns) -> Page[Run]:
    """Runs, the newest first."""
    rules.check_limit(request.limit, rules.PAGE_LIMIT)
    if request.status and request.status not in get_args(RunStatus):
        raise Invalid(f"status is {request.status!r}; it is one of {', '.join(get_args(RunStatus))}.")
    found = repo.list_runs(
        tools.connection,
        experiment=request.experiment,
        status=request.status,
        limit=request.limit + 1,
        before=_place(request.token) if request.token else None,
    )
    shown = found[: request.limit]
    return page_of(found, request.limit, f"{shown[-1].started_at.isoformat()} {shown[-1].id}" if shown else "")


@operation("runs.history", "GET", "/v1/runs/{run}/metrics/{metric}", scope="read")
def metric_history(tools: Tools, request: GetMetricHistory) -> list[MetricPoint]:
    """Every point of one metric of a run, by step."""
    rules.check_limit(request.limit, rules.HISTORY_LIMIT)
    run = _existing(tools, request.run)
    if request.metric not in run.metrics:
        raise NotFound(f"Run {run.id} has no metric {request.metric!r}.", hint=_choices(run))
    return repo.read_points(tools.connection, run.id, request.metric, request.limit)


@operation("runs.artifacts", "GET", "/v1/runs/{run}/artifacts", scope="read", long=True)
def list_artifacts(tools: Tools, request: ListArtifacts) -> list[Artifact]:
    """The files of a run, or of one folder of it, by path."""
    folder = artifact_path(request.run, request.folder) if request.folder else rules.artifact_folder(request.run)
    _check_exists(tools, request.run)
    start = len(rules.artifact_folder(request.run)) + 1
    return [
        Artifact(path=blob.path[start:], size=blob.size, modified_at=blob.modified_at)
        for blob in tools.blobs.list(folder)
    ]


@operation("runs.artifact", "GET", "/v1/runs/{run}/artifacts/{path}", scope="read", long=True)
def get_artifact(tools: Tools, request: GetArtifact) -> Content:
    """A file of a run: its bytes."""
    kind = mimetypes.guess_type(request.path)[0] or "text/plain"
    return Content(
        name=request.path.rpartition("/")[2],
        media_type=kind,
        body=read_artifact(tools, request.run, request.path),
    )


def artifact_path(run: str, path: str) -> str:
    """Where an artifact lies among the blobs; `Invalid` for a path that would leave the run's folder."""
    return f"{rules.artifact_folder(run)}/{rules.check_artifact_path(path)}"


def put_artifact(tools: Tools, run: str, path: str, content: bytes | Iterable[bytes]) -> Artifact:
    """Store a file with a run, over the one that was there. Call it outside a writing transaction."""
    where = artifact_path(run, path)
    _check_exists(tools, run)
    blob = tools.blobs.put(where, content)
    return Artifact(path=path, size=blob.size, modified_at=blob.modified_at)


def read_artifact(tools: Tools, run: str, path: str) -> bytes:
    """The whole file; `NotFound` when the run has none there."""
    return tools.blobs.get(artifact_path(run, path))


def stream_artifact(tools: Tools, run: str, path: str) -> Iterator[bytes]:
    """The file in chunks; `NotFound`, before the first chunk, when the run has none there."""
    where = artifact_path(run, path)
    tools.blobs.head(where)
    return tools.blobs.stream(where)


def json_number(value: float) -> Number:
    """A metric's value as the wire takes it: NaN and the infinities become words."""
    return rules.json_number(value)


def _existing(tools: Tools, identity: str) -> Run:
    if (run := repo.read_run(tools.connection, identity)) is None:
        raise NotFound(f"There is no run {identity!r}.", hint="`ondol runs list` shows them.")
    return run


def _check_exists(tools: Tools, identity: str) -> None:
    with tools.transaction(write=False) as inner:
        _existing(inner, identity)


def _place(token: str) -> tuple[datetime, str]:
    moment, space, identity = decode_token(token).partition(" ")
    if not space:
        raise Invalid("This page token is not one of this list.", hint="Start again without a token.")
    return parse_moment(moment), identity


def _choices(run: Run) -> str:
    return f"It has {', '.join(sorted(run.metrics)[:20])}." if run.metrics else "It has none yet."
