"""Loops: an alarm starts a pipeline, its candidate a canary, and the end is written down with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ondol.evals import service as evals
from ondol.evals.types import GetComparison
from ondol.features import service as features
from ondol.kernel.errors import Conflict, Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.loop import rules
from ondol.loop.types import (
    GetLoop,
    GetWorth,
    ListLoops,
    Loop,
    LoopClosed,
    LoopStarted,
    LoopStatus,
    StartLoop,
    Worth,
)
from ondol.monitoring import service as monitoring
from ondol.monitoring.types import CloseAlarm, ListAlarms
from ondol.pipelines import service as pipelines
from ondol.pipelines.types import RunPipeline
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.registry.types import ListAliasHistory
from ondol.rollout import service as rollout
from ondol.rollout.types import GetCanary
from ondol.serving import service as serving
from ondol.serving.types import GetEndpoint

if TYPE_CHECKING:
    from ondol.loop import repo
    from ondol.loop.service import worth
else:
    repo = lazy("ondol.loop.repo")
    worth = lazy("ondol.loop.service.worth")

LIST_LIMIT = 1_000


@operation("loops.start", "POST", "/v1/loops", scope="write")
def start_loop(tools: Tools, request: StartLoop) -> Loop:
    """Retrain for an endpoint: run the pipeline, and follow its candidate to the end. One alarm is one loop."""
    if request.alarm and (known := repo.find_by_alarm(tools.connection, request.alarm)):
        return known
    serving.get_endpoint(tools, GetEndpoint(endpoint=request.endpoint))
    if running := repo.find_open(tools.connection, request.endpoint):
        raise Conflict(
            f"Loop {running.id} of {request.endpoint} is open: {running.status}.", hint="ondol loops get --loop LOOP"
        )
    identity = tools.new_id("loop")
    reason = f"alarm {request.alarm}" if request.alarm else f"loop {identity}"
    run = pipelines.run_pipeline(
        tools, RunPipeline(pipeline=request.pipeline, reason=reason, key=request.alarm or identity)
    )
    loop = Loop(
        id=identity,
        endpoint=request.endpoint,
        alarm=request.alarm,
        pipeline=request.pipeline,
        status="retraining",
        started_at=tools.now(),
        run=run.id,
    )
    repo.insert_loop(tools.connection, loop)
    _record(tools, loop)
    tools.emit(LoopStarted(subject=loop.endpoint, loop=loop.id, alarm=loop.alarm, run=loop.run))
    return loop


@operation("loops.list", "GET", "/v1/loops", scope="read")
def list_loops(tools: Tools, request: ListLoops) -> list[Loop]:
    """Loops of one endpoint, or of all, the newest first."""
    if not 1 <= request.limit <= LIST_LIMIT:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {LIST_LIMIT}.")
    return repo.newest_loops(tools.connection, request.endpoint, request.limit)


@operation("loops.get", "GET", "/v1/loops/{loop}", scope="read")
def get_loop(tools: Tools, request: GetLoop) -> Loop:
    """A loop: its alarm, run, comparison and canary, and how it ended."""
    if found := repo.find_loop(tools.connection, request.loop):
        return found
    raise NotFound(f"There is no loop {request.loop!r}.", hint="`ondol loops list` shows them.")


@operation("loops.worth", "GET", "/v1/endpoints/{endpoint}/worth", scope="read", long=True)
def get_worth(tools: Tools, request: GetWorth) -> Worth:
    """What the loop was worth: the answers given, against the frozen first champion on the same rows, by month."""
    with tools.transaction(write=False) as inner:
        endpoint = serving.get_endpoint(inner, GetEndpoint(endpoint=request.endpoint))
        spans = registry.alias_history(inner, ListAliasHistory(model=endpoint.spec.model, alias="champion"))
        service = features.service_of(inner, endpoint.spec.service)
    if not spans:
        return Worth(endpoint=endpoint.name, frozen=0, months=[], total=None)
    first = spans[-1]
    months, total = worth.months_of(tools, endpoint.name, service.spec, first.version)
    return Worth(endpoint=endpoint.name, frozen=first.number, months=months, total=total)


def fail_to_start(tools: Tools, request: StartLoop, reason: str) -> Loop:
    """Write down that an alarm could not start its pipeline."""
    loop = Loop(
        id=tools.new_id("loop"),
        endpoint=request.endpoint,
        alarm=request.alarm,
        pipeline=request.pipeline,
        status="retraining",
        started_at=tools.now(),
    )
    repo.insert_loop(tools.connection, loop)
    return close_loop(tools, loop, "failed", reason)


def follow_run(tools: Tools, loop: Loop, ended: rules.EndedRun) -> Loop:
    """What the end of its run means for a loop: closed, or on to the canary."""
    if ended.status != "finished":
        return close_loop(tools, loop, "failed", ended.error or f"its run was {ended.status}")
    noted = msgspec.structs.replace(loop, version=ended.version, comparison=ended.comparison, canary=ended.canary)
    if not noted.canary:
        return close_loop(tools, noted, "refused", _why_refused(tools, noted))
    canary = rollout.get_canary(tools, GetCanary(canary=noted.canary))
    if canary.status != "open":
        return close_loop(tools, noted, canary.status, canary.reason)
    waiting = msgspec.structs.replace(noted, status="canary")
    repo.update_loop(tools.connection, waiting)
    _record(tools, waiting)
    return waiting


def close_loop(tools: Tools, loop: Loop, status: LoopStatus, reason: str) -> Loop:
    """End a loop and the alarm that waits for it, in one transaction."""
    closed = msgspec.structs.replace(loop, status=status, reason=reason, ended_at=tools.now())
    repo.update_loop(tools.connection, closed)
    _record(tools, closed)
    tools.emit(
        LoopClosed(subject=closed.endpoint, loop=closed.id, status=status, version=closed.version, reason=reason)
    )
    for alarm in monitoring.list_alarms(tools, ListAlarms(endpoint=closed.endpoint, limit=1)):
        monitoring.close_alarm(tools, CloseAlarm(alarm=alarm.id, outcome=f"{status}: {reason}"))
    return closed


def _why_refused(tools: Tools, loop: Loop) -> str:
    if loop.comparison:
        return evals.get_comparison(tools, GetComparison(comparison=loop.comparison)).reason
    return "the run started no canary" if loop.version else "the run registered no version"


def _record(tools: Tools, loop: Loop) -> None:
    facts = {"status": loop.status, "reason": loop.reason}
    node = Node(
        id=loop.id, kind="loop", title=f"loop of {loop.endpoint}: {loop.status}", facts=facts, at=loop.started_at
    )
    edges = [
        (loop.id, loop.alarm, "answered"),
        (loop.run, loop.alarm, "started_by"),
        (loop.canary, loop.id, "started_by"),
    ]
    lineage.record(
        tools,
        nodes=[node],
        edges=[
            Edge(made=made, origin=origin, relation=relation) for made, origin, relation in edges if made and origin
        ],
    )
