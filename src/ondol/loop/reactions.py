"""The loop closes itself: alarm -> run -> canary -> end. Each answer is keyed by the ids of its event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.kernel.errors import NotFound, Refused
from ondol.kernel.event import reaction
from ondol.kernel.lazy import lazy
from ondol.loop import rules, service
from ondol.loop.types import LoopStatus, StartLoop
from ondol.monitoring import service as monitoring
from ondol.monitoring.types import DriftAlarm, GetAlarm
from ondol.pipelines.types import PipelineRunEnded
from ondol.ports.tools import Tools
from ondol.rollout.types import CanaryRolledBack, CanaryWon

if TYPE_CHECKING:
    from ondol.loop import repo
else:
    repo = lazy("ondol.loop.repo")


@reaction(DriftAlarm)
def start_loop(tools: Tools, event: DriftAlarm) -> None:
    """An alarm starts its pipeline, unless a loop of the endpoint is open: that one answers for this alarm too."""
    if not event.pipeline:
        return
    wanted = StartLoop(endpoint=event.subject, pipeline=event.pipeline, alarm=event.alarm)
    try:
        with tools.transaction(write=True) as inner:
            closed = monitoring.get_alarm(inner, GetAlarm(alarm=event.alarm)).status == "closed"
            if not closed and repo.find_open(inner.connection, event.subject) is None:
                service.start_loop(inner, wanted)
    except (NotFound, Refused) as error:
        with tools.transaction(write=True) as inner:
            if repo.find_by_alarm(inner.connection, event.alarm) is None:
                service.fail_to_start(inner, wanted, error.message)


@reaction(PipelineRunEnded)
def follow_run(tools: Tools, event: PipelineRunEnded) -> None:
    """The run of a loop has ended: with a canary, with a refusal, or with an error."""
    with tools.transaction(write=True) as inner:
        loop = repo.find_open_by_run(inner.connection, event.subject)
        if loop and loop.status == "retraining":
            service.follow_run(inner, loop, rules.read_results(event.status, event.error, event.results))


@reaction(CanaryWon)
def close_as_promoted(tools: Tools, event: CanaryWon) -> None:
    """The candidate is champion."""
    _close(tools, event.canary, "promoted", event.reason)


@reaction(CanaryRolledBack)
def close_as_rolled_back(tools: Tools, event: CanaryRolledBack) -> None:
    """The champion stays."""
    _close(tools, event.canary, "rolled_back", event.reason)


def _close(tools: Tools, canary: str, status: LoopStatus, reason: str) -> None:
    with tools.transaction(write=True) as inner:
        if loop := repo.find_open_by_canary(inner.connection, canary):
            service.close_loop(inner, loop, status, reason)
