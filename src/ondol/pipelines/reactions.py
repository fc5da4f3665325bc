"""A job that was given up ends its run; others hear of runs in the words of OpenLineage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.jobs.types import JobEnded
from ondol.kernel.event import reaction
from ondol.kernel.lazy import lazy
from ondol.lineage import service as lineage
from ondol.pipelines import rules, service
from ondol.pipelines.types import PipelineRunEnded, PipelineRunQueued
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    from ondol.pipelines import repo
else:
    repo = lazy("ondol.pipelines.repo")


@reaction(JobEnded)
def end_run_of_job(tools: Tools, event: JobEnded) -> None:
    """The process is gone for good: the run ends too, unless it has said so itself."""
    if event.kind != "pipeline" or event.status == "finished":
        return
    with tools.transaction(write=True) as inner:
        run = repo.find_run_by_job(inner.connection, event.subject)
        if run is None or run.status in rules.ENDED:
            return
        if event.status == "cancelled":
            service.end_run(inner, run, "cancelled", "cancelled by hand")
        else:
            service.end_run(inner, run, "failed", f"job {event.subject} failed: {event.error}")


@reaction(PipelineRunQueued)
def tell_beginning(tools: Tools, event: PipelineRunQueued) -> None:
    _tell(tools, event.subject, event.pipeline, "START")


@reaction(PipelineRunEnded)
def tell_end(tools: Tools, event: PipelineRunEnded) -> None:
    kinds = {"finished": "COMPLETE", "cancelled": "ABORT"}
    _tell(tools, event.subject, event.pipeline, kinds.get(event.status, "FAIL"))


def _tell(tools: Tools, run: str, pipeline: str, kind: str) -> None:
    if tools.lineage_sink is None:
        return
    with tools.transaction(write=False) as inner:
        found = repo.find_run(inner.connection, run)
        at = found.ended_at if found and found.ended_at and kind != "START" else inner.now()
        event = lineage.run_event(inner, run, pipeline, kind, at)
    tools.lineage_sink.send(event)
