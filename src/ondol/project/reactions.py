"""Have a process ready for the next run of a pipeline, whose libraries take longer to load than most steps to run."""

from __future__ import annotations

from ondol.jobs import service as jobs
from ondol.jobs.types import JobEnded
from ondol.kernel.errors import NotFound
from ondol.kernel.event import reaction
from ondol.ports.tools import Tools
from ondol.project import rules, service
from ondol.project.types import GetProject, ProjectApplied


@reaction(ProjectApplied)
def warm_for_first_run(tools: Tools, event: ProjectApplied) -> None:
    """Who applies a project often runs it next."""
    _warm(tools)


@reaction(JobEnded)
def warm_for_next_run(tools: Tools, event: JobEnded) -> None:
    """Who has run a pipeline often changes something and runs it again."""
    _warm(tools)


def _warm(tools: Tools) -> None:
    if not tools.config.warm_runner_minutes:
        return
    try:
        with tools.transaction(write=False) as inner:
            project = service.get_project(inner, GetProject())
        if project.declarations.pipelines:
            tools.executor.warm(jobs.program(tools), rules.libraries(service.code_of(tools, project.code).files))
    except NotFound:
        return
