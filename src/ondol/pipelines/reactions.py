"""A job that was given up ends its run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.jobs.types import JobEnded
from ondol.kernel.event import reaction
from ondol.kernel.lazy import lazy
from ondol.pipelines import rules, service
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
