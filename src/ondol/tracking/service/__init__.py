"""Runs, their metrics and their artifacts."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast, get_args

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
from ondol.tracking.service import experiments
from ondol.tracking.types import (
    Artifact,
    CreateRun,
    DeleteRun,
    FinishRun,
    GetArtifact,
    GetMetricHistory,
    GetRun,
    ListArtifacts,
    ListRuns,
    LogRun,
    MetricPoint,
    Number,
    RestoreRun,
    Run,
    RunEnded,
    RunStarted,
    RunStatus,
    SearchRuns,
    TrackedRun,
)

if TYPE_CHECKING:
    from ondol.tracking.repo import metrics, runs
    from ondol.tracking.repo import search as searches
    from ondol.tracking.repo.experiments import ExperimentRow
    from ondol.tracking.rules import search as grammar
else:
    metrics, runs = lazy("ondol.tracking.repo.metrics"), lazy("ondol.tracking.repo.runs")
    searches, grammar = lazy("ondol.tracking.repo.search"), lazy("ondol.tracking.rules.search")


@operation("runs.create", "POST", "/v1/runs", scope="write")
def create_run(tools: Tools, request: CreateRun) -> Run:
    """Start a run, or go on with the one that has this id."""
    rules.check_name("an experiment", request.experiment)
    rules.check_tags(request.tags)
    identity = request.id or tools.new_id("run")
    rules.check_run_id(identity)
    name = request.name or identity
    rules.check_name("a run", name)
    known = _find(tools, identity)
    if known is None:
        started = None if request.started_at is None else rules.to_ms(rules.in_utc(request.started_at))
        experiment = experiments.ensure(tools, request.experiment)
        number = start_run(tools, identity, name, experiment, person=request.person, at=started)
    elif known.experiment != request.experiment:
        raise Conflict(f"Run {identity} belongs to the experiment {known.experiment!r}.", hint="Take another id.")
    else:
        number = active(tools, identity).number
        if known.status == "failed":
            runs.update_run(tools.connection, number, status="running", ended_ms=None)
            tools.emit(RunStarted(subject=identity, experiment=known.experiment, name=known.name))
    runs.put_tags(tools.connection, number, request.tags)
    return _existing(tools, identity)


def start_run(
    tools: Tools,
    identity: str,
    name: str,
    experiment: ExperimentRow,
    *,
    person: str = "",
    at: int | None = None,
) -> int:
    """Write down a new run, tell the lineage and the house; the number of the run. `at` is in milliseconds."""
    started = rules.to_ms(tools.now()) if at is None else at
    row = runs.NewRun(identity, experiment.id, name, "running", person, started)
    number = runs.insert_run(tools.connection, row)
    node = Node(id=identity, kind="run", title=name, facts={"experiment": experiment.name}, at=rules.from_ms(started))
    lineage.record(tools, nodes=[node])
    tools.emit(RunStarted(subject=identity, experiment=experiment.name, name=name))
    return number


@operation("runs.log", "POST", "/v1/runs/{run}/log", scope="write")
def log_run(tools: Tools, request: LogRun) -> Run:
    """Add parameters, points of metrics and tags to a run, all or nothing."""
    rules.check_log(request)
    place = active(tools, request.run)
    now = tools.now()
    if request.params:
        given = {key: rules.param_text(value) for key, value in request.params.items()}
        known = runs.read_params(tools.connection, place.number)
        runs.insert_params(tools.connection, place.number, rules.fresh_params(request.run, known, given))
    runs.put_tags(tools.connection, place.number, request.tags)
    metrics.put_points(tools.connection, place.number, [rules.to_row(point, now) for point in request.metrics])
    return _existing(tools, request.run)


@operation("runs.finish", "POST", "/v1/runs/{run}/finish", scope="write")
def finish_run(tools: Tools, request: FinishRun) -> Run:
    """End a run. Saying the same twice is no error; another end than before is a `Conflict`."""
    place, run = active(tools, request.run), _existing(tools, request.run)
    if run.status in ("running", "scheduled"):
        ended = rules.to_ms(rules.in_utc(request.ended_at or tools.now()))
        runs.update_run(tools.connection, place.number, status=request.status, ended_ms=ended)
        tools.emit(RunEnded(subject=run.id, experiment=run.experiment, status=request.status))
    elif run.status != request.status:
        raise Conflict(f"Run {run.id} has already {run.status}.", hint="Start another run: `ondol runs create`.")
    return _existing(tools, run.id)


@operation("runs.delete", "DELETE", "/v1/runs/{run}", scope="write")
def delete_run(tools: Tools, request: DeleteRun) -> Run:
    """Take a run out of the lists. It stays until it is cleared away, and can be restored."""
    place = place_of(tools, request.run)
    if place.deleted_ms is None:
        runs.update_run(tools.connection, place.number, deleted_ms=rules.to_ms(tools.now()))
    return _existing(tools, request.run)


@operation("runs.restore", "POST", "/v1/runs/{run}/restore", scope="write")
def restore_run(tools: Tools, request: RestoreRun) -> Run:
    """Bring a deleted run back."""
    number = place_of(tools, request.run).number
    if runs.is_clearing(tools.connection, number):
        raise Conflict(f"The run {request.run} is being cleared away.", hint="ondol runs gc goes on with it.")
    runs.update_run(tools.connection, number, deleted_ms=None)
    return _existing(tools, request.run)


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
    experiment = experiments.find(tools, request.experiment) if request.experiment else None
    if request.experiment and experiment is None:
        return Page(items=[])
    numbers = runs.list_numbers(
        tools.connection,
        experiment=experiment.id if experiment else None,
        status=request.status,
        limit=request.limit + 1,
        before=_place(request.token) if request.token else None,
    )
    found = _records(tools, numbers)
    shown = found[: request.limit]
    return page_of(found, request.limit, f"{shown[-1].started_at.isoformat()} {shown[-1].id}" if shown else "")


@operation("runs.search", "POST", "/v1/runs/search", scope="read")
def search_runs(tools: Tools, request: SearchRuns) -> Page[Run]:
    """Runs by what they measured, in the order asked for."""
    rules.check_limit(request.limit, rules.PAGE_LIMIT)
    known = [experiments.find(tools, name) for name in request.experiments]
    offset = rules.offset_of(request.token)
    numbers = searches.search_runs(
        tools.connection,
        [experiment.id for experiment in known if experiment] if request.experiments else None,
        grammar.parse_filter(request.filter, grammar.RUNS),
        grammar.parse_order(request.order_by, grammar.RUNS),
        searches.Page(request.limit, offset, request.view),
    )
    return page_of(_records(tools, numbers), request.limit, rules.offset_text(offset + request.limit))


@operation("runs.history", "GET", "/v1/runs/{run}/metrics/{metric}", scope="read")
def metric_history(tools: Tools, request: GetMetricHistory) -> list[MetricPoint]:
    """Every point of one metric of a run, by step."""
    rules.check_limit(request.limit, rules.HISTORY_LIMIT)
    series = metrics.find_series(tools.connection, request.run, request.metric)
    if series is None:
        run = _existing(tools, request.run)
        raise NotFound(f"Run {run.id} has no metric {request.metric!r}.", hint=_choices(run))
    return [
        MetricPoint(
            key=request.metric, value=rules.json_number(float("nan") if nan else value), step=step, at=rules.from_ms(at)
        )
        for at, step, value, nan in metrics.read_last_points(tools.connection, series, request.limit)
    ]


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


def json_number(value: float) -> Number:
    """A metric's value as the wire takes it: NaN and the infinities become words."""
    return rules.json_number(value)


def place_of(tools: Tools, identity: str) -> runs.Place:
    """The number of a run and whether it is deleted; `NotFound` when there is no such run."""
    if (found := runs.find_run(tools.connection, identity)) is None:
        raise NotFound(f"Run with id={identity} not found.", hint="`ondol runs list` shows them.")
    return found


def active(tools: Tools, identity: str) -> runs.Place:
    """The same; `Conflict` for a deleted run, which takes nothing any more."""
    found = place_of(tools, identity)
    if found.deleted_ms is not None:
        raise Conflict(
            f"The run {identity} must be in the 'active' state. Current state is deleted.",
            hint=f"ondol runs restore {identity}",
        )
    return found


def _existing(tools: Tools, identity: str) -> Run:
    return _records(tools, [place_of(tools, identity).number])[0]


def _find(tools: Tools, identity: str) -> Run | None:
    found = runs.find_run(tools.connection, identity)
    return _records(tools, [found.number])[0] if found else None


def _records(tools: Tools, numbers: list[int]) -> list[Run]:
    found = runs.read_runs(tools.connection, numbers)
    kinds = runs.read_kinds(tools.connection, numbers)
    names = experiments.names_of(tools, {run.experiment for run in found})
    # What is no run any more cannot be asked for, so both lists have one order.
    return [
        _record(run, names[run.experiment], kinds.get(number, {})) for number, run in zip(numbers, found, strict=True)
    ]


def _record(run: TrackedRun, experiment: str, kinds: dict[str, str]) -> Run:
    return Run(
        id=run.id,
        experiment=experiment,
        name=run.name,
        status=cast("RunStatus", run.status),
        started_at=rules.from_ms(run.started_ms),
        ended_at=None if run.ended_ms is None else rules.from_ms(run.ended_ms),
        deleted_at=None if run.deleted_ms is None else rules.from_ms(run.deleted_ms),
        person=run.person,
        params={one.key: rules.param_value(one.value, kinds.get(one.key, "text")) for one in run.params},
        metrics={one.key: one.value for one in run.metrics},
        tags={one.key: one.value for one in run.tags},
    )


def _check_exists(tools: Tools, identity: str) -> None:
    with tools.transaction(write=False) as inner:
        place_of(inner, identity)


def _place(token: str) -> tuple[int, str]:
    moment, space, identity = decode_token(token).partition(" ")
    if not space:
        raise Invalid("This page token is not one of this list.", hint="Start again without a token.")
    return rules.to_ms(parse_moment(moment)), identity


def _choices(run: Run) -> str:
    return f"It has {', '.join(sorted(run.metrics)[:20])}." if run.metrics else "It has none yet."
