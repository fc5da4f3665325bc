"""Run one job of the kind `pipeline`, from its beginning or from where it stopped."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from ondol.home import House
from ondol.kernel.errors import Invalid, NotFound, OndolError, Unavailable
from ondol.pipelines.types import BeginPipelineRun, FinishPipelineRun, PipelineRun
from ondol.runner.code import unpack, warm_up, working_in
from ondol.sdk.collector import asking
from ondol.sdk.context import RunContext, StepFailed, describe, running
from ondol.sdk.project_file import load_project


def run_job(house: House, job: str) -> None:
    """Raises only what a new attempt may cure; what a person's code does ends in the run's row."""
    found = house.call("jobs.get", {"job": job})
    if found.kind != "pipeline":
        raise Invalid(f"Job {job} is of the kind {found.kind!r}, which has no program.")
    run: PipelineRun = house.call("pipeline_runs.begin", BeginPipelineRun(run=found.payload["run"]))
    if run.status != "running":
        return
    error = _run(house, run)
    house.call("pipeline_runs.finish", FinishPipelineRun(run=run.id, error=error), actor=_actor(run))


def _run(house: House, run: PipelineRun) -> str:
    """Call the pipeline; what went wrong, or nothing."""
    commit = house.call("pipelines.get", {"pipeline": run.pipeline}).spec.commit
    tools = house.tools(_actor(run))
    root, snapshot = unpack(tools.blobs, run.code, house.config.home_path / "code")
    project = house.call("project.get", {"name": snapshot.name})
    try:
        with working_in(project.root, root), asking(house.call):
            _, collector = load_project(root / snapshot.entry, stay=True)
            warm_up(snapshot.files)
            pipeline = collector.pipelines.get(run.pipeline)
            if pipeline is None:
                raise NotFound(f"{snapshot.entry} has no pipeline {run.pipeline!r} any more.")
            call = functools.partial(_call, house, _actor(run))
            context = RunContext(tools=tools, call=call, run=run, root=root, commit=commit)
            with running(context):
                pipeline.function(**run.parameters)
    except StepFailed as failure:
        return str(failure)
    except Unavailable:
        raise
    except OndolError as failure:
        return failure.message if not failure.hint else f"{failure.message} ({failure.hint})"
    except Exception as failure:
        return describe(failure, root)
    return ""


def _call(house: House, actor: str, operation: str, request: msgspec.Struct) -> Any:
    return house.call(operation, request, actor=actor)


def _actor(run: PipelineRun) -> str:
    return f"pipeline {run.pipeline}"
