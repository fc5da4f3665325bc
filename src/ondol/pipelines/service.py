"""Pipelines, their runs, and the steps of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ondol.jobs import service as jobs
from ondol.jobs.types import DeclareSchedule, ListSchedules, RemoveSchedule, SubmitJob
from ondol.kernel.errors import Conflict, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge
from ondol.pipelines import rules
from ondol.pipelines.types import (
    BeginPipelineRun,
    BeginStep,
    DeclarePipeline,
    FinishPipelineRun,
    FinishStep,
    GetPipeline,
    GetPipelineRun,
    ListPipelineRuns,
    ListPipelines,
    Pipeline,
    PipelineRun,
    PipelineRunEnded,
    PipelineRunQueued,
    PipelineSpec,
    PipelineStatus,
    ResumePipelineRun,
    RunPipeline,
    StepBegan,
    StepEnded,
    StepRun,
    StepTicket,
)
from ondol.ports.tools import Tools
from ondol.tracking import service as tracking
from ondol.tracking import types as tracks

if TYPE_CHECKING:
    from ondol.pipelines import repo
else:
    repo = lazy("ondol.pipelines.repo")


@operation("pipelines.declare", "POST", "/v1/pipelines", scope="write")
def declare_pipeline(tools: Tools, request: DeclarePipeline) -> Pipeline:
    """Make a pipeline known, or change it; its schedule follows."""
    spec = request.spec
    known = repo.find_pipeline(tools.connection, spec.name)
    if known and known.spec == spec:
        return known
    pipeline = Pipeline(name=spec.name, spec=spec, updated_at=tools.now())
    repo.put_pipeline(tools.connection, pipeline)
    _schedule(tools, spec)
    return pipeline


def _schedule(tools: Tools, spec: PipelineSpec) -> None:
    name = f"pipeline:{spec.name}"
    if spec.schedule:
        request = {"pipeline": spec.name, "reason": f"by schedule, every {spec.schedule}"}
        jobs.declare_schedule(
            tools, DeclareSchedule(name=name, operation="pipelines.run", every=spec.schedule, request=request)
        )
    elif any(known.name == name for known in jobs.list_schedules(tools, ListSchedules())):
        jobs.remove_schedule(tools, RemoveSchedule(name=name))


@operation("pipelines.list", "GET", "/v1/pipelines", scope="read")
def list_pipelines(tools: Tools, request: ListPipelines) -> list[Pipeline]:
    """Pipelines by name."""
    return repo.select_pipelines(tools.connection)


@operation("pipelines.get", "GET", "/v1/pipelines/{pipeline}", scope="read")
def get_pipeline(tools: Tools, request: GetPipeline) -> Pipeline:
    """A pipeline as it is declared."""
    if found := repo.find_pipeline(tools.connection, request.pipeline):
        return found
    raise NotFound(f"There is no pipeline {request.pipeline!r}.", hint="ondol pipelines list")


@operation("pipelines.run", "POST", "/v1/pipelines/{pipeline}/runs", scope="write")
def run_pipeline(tools: Tools, request: RunPipeline) -> PipelineRun:
    """Start a pipeline; its steps run in a process of their own."""
    if request.key and (known := repo.find_run_by_key(tools.connection, request.key)):
        return known
    spec = get_pipeline(tools, GetPipeline(pipeline=request.pipeline)).spec
    parameters = rules.with_defaults(spec, request.parameters)
    identity = tools.new_id("run")
    job = jobs.submit_job(tools, SubmitJob(kind="pipeline", key=identity, payload={"run": identity}))
    run = PipelineRun(
        id=identity,
        pipeline=spec.name,
        status="queued",
        reason=request.reason,
        parameters=parameters,
        code=spec.code,
        job=job.id,
        started_at=tools.now(),
    )
    repo.insert_run(tools.connection, run, request.key or identity)
    _track(tools, run)
    lineage.record(tools, edges=[Edge(made=run.id, origin=f"code:{spec.code[:12]}", relation="ran")])
    tools.emit(PipelineRunQueued(subject=run.id, pipeline=spec.name, reason=run.reason))
    return run


def _track(tools: Tools, run: PipelineRun) -> None:
    tags = {"pipeline": run.pipeline, "reason": run.reason, "code": run.code}
    tracking.create_run(tools, tracks.CreateRun(experiment=run.pipeline, name=run.pipeline, id=run.id, tags=tags))
    params = {name: rules.plain(value) for name, value in run.parameters.items()}
    if params:
        tracking.log_run(tools, tracks.LogRun(run=run.id, params=params))


@operation("pipeline_runs.list", "GET", "/v1/pipeline-runs", scope="read")
def list_pipeline_runs(tools: Tools, request: ListPipelineRuns) -> list[PipelineRun]:
    """Runs of pipelines with their steps, the newest first."""
    return repo.select_runs(tools.connection, request.pipeline, request.limit)


@operation("pipeline_runs.get", "GET", "/v1/pipeline-runs/{run}", scope="read")
def get_pipeline_run(tools: Tools, request: GetPipelineRun) -> PipelineRun:
    """A run of a pipeline with its steps."""
    if found := repo.find_run(tools.connection, request.run):
        return found
    raise NotFound(f"There is no pipeline run {request.run!r}.", hint="ondol pipeline-runs list")


@operation("pipeline_runs.resume", "POST", "/v1/pipeline-runs/{run}/resume", scope="write")
def resume_pipeline_run(tools: Tools, request: ResumePipelineRun) -> PipelineRun:
    """Go on with a failed run: what had finished is not run again."""
    run = get_pipeline_run(tools, GetPipelineRun(run=request.run))
    if run.status not in ("failed", "cancelled"):
        raise Conflict(f"Run {run.id} is {run.status}; only failed runs are resumed.")
    jobs.requeue_job(tools, run.job)
    queued = _change(tools, run, "queued")
    _track(tools, queued)
    tools.emit(PipelineRunQueued(subject=run.id, pipeline=run.pipeline, reason=f"resumed; started {run.reason}"))
    return queued


@operation("pipeline_runs.begin", "POST", "/v1/pipeline-runs/{run}/begin", scope="write")
def begin_run(tools: Tools, request: BeginPipelineRun) -> PipelineRun:
    """Say that a run has begun; one that has ended is answered as it is, and must not be run."""
    run = get_pipeline_run(tools, GetPipelineRun(run=request.run))
    return run if run.status in rules.ENDED else _change(tools, run, "running")


@operation("pipeline_runs.finish", "POST", "/v1/pipeline-runs/{run}/finish", scope="write")
def finish_run(tools: Tools, request: FinishPipelineRun) -> PipelineRun:
    """End a run; one that has ended stays as it is."""
    run = get_pipeline_run(tools, GetPipelineRun(run=request.run))
    if run.status in rules.ENDED:
        return run
    return end_run(tools, run, "failed" if request.error else "finished", request.error)


def end_run(tools: Tools, run: PipelineRun, status: PipelineStatus, error: str) -> PipelineRun:
    """Store the end of a run, of its tracking run and of the steps that it left open, and say so."""
    repo.fail_open_steps(tools.connection, run.id, tools.now(), error or "the run ended before this step did")
    ended = _change(tools, run, status, error)
    known = tracking.get_run(tools, tracks.GetRun(run=run.id))
    if known.status == "running":
        outcome: Any = "finished" if status == "finished" else "failed"
        tracking.finish_run(tools, tracks.FinishRun(run=run.id, status=outcome))
    tools.emit(
        PipelineRunEnded(
            subject=run.id,
            pipeline=run.pipeline,
            status=status,
            reason=run.reason,
            results=run.results,
            error=rules.last_line(error),
        )
    )
    return ended


def _change(tools: Tools, run: PipelineRun, status: PipelineStatus, error: str = "") -> PipelineRun:
    changed = msgspec.structs.replace(
        run, status=status, error=error, ended_at=tools.now() if status in rules.ENDED else None
    )
    repo.update_run(tools.connection, changed)
    return get_pipeline_run(tools, GetPipelineRun(run=run.id))


@operation("steps.begin", "POST", "/v1/pipeline-runs/{run}/steps", scope="write")
def begin_step(tools: Tools, request: BeginStep) -> StepTicket:
    """Ask whether a step must run, and say that it begins."""
    run = get_pipeline_run(tools, GetPipelineRun(run=request.run))
    if run.status != "running":
        raise Conflict(f"Run {run.id} is {run.status}; its steps cannot begin.")
    known = repo.find_step_at(tools.connection, run.id, request.position)
    if known and rules.answers(known, request):
        return StepTicket(action="reuse", step=known)
    step = rules.begun(request, tools.new_id("step"), tools.now())
    equal = repo.find_equal(tools.connection, request.name, request.cache_key) if request.cacheable else None
    if equal:
        source, results = equal
        step = rules.reused(step, source, tools.now())
        repo.put_step(tools.connection, step, tools.wall(), results)
        _settle(tools, run, step, results)
        return StepTicket(action="reuse", step=step)
    repo.put_step(tools.connection, step, tools.wall(), {})
    tools.emit(StepBegan(subject=run.id, step=step.id, name=step.name, position=step.position))
    return StepTicket(action="run", step=step)


@operation("steps.finish", "POST", "/v1/steps/{step}/finish", scope="write")
def finish_step(tools: Tools, request: FinishStep) -> StepRun:
    """Say how a step ended, with what it gave back; one that has ended stays as it is."""
    found = repo.find_step(tools.connection, request.step)
    if found is None:
        raise NotFound(f"There is no step run {request.step!r}.", hint="ondol pipeline-runs get --run RUN")
    step, began = found
    if step.status != "running":
        return step
    step = rules.ended(step, request, tools.now(), (tools.wall() - began).total_seconds())
    repo.update_step(tools.connection, step, request.results)
    _settle(tools, get_pipeline_run(tools, GetPipelineRun(run=step.run)), step, request.results)
    return step


def _settle(tools: Tools, run: PipelineRun, step: StepRun, results: dict[str, Any]) -> None:
    """What an ended step means for its run: ids noted, parameters and metrics tracked, ancestry, an event."""
    if results:
        repo.update_run(tools.connection, msgspec.structs.replace(run, results={**run.results, **results}))
    if step.status != "failed":
        _log(tools, run, step)
        if training_set := results.get("training_set"):
            lineage.record(tools, edges=[Edge(made=run.id, origin=training_set, relation="read")])
    tools.emit(
        StepEnded(
            subject=run.id,
            step=step.id,
            name=step.name,
            status=step.status,
            seconds=step.seconds,
            summary=rules.summary(step),
        )
    )


def _log(tools: Tools, run: PipelineRun, step: StepRun) -> None:
    names = rules.param_names(step, run.steps)
    params = {names[name]: rules.plain(value) for name, value in step.params.items()}
    known = tracking.get_run(tools, tracks.GetRun(run=run.id)).params
    fresh = {name: value for name, value in params.items() if name not in known}
    points = [tracks.MetricPoint(key=key, value=value) for key, value in step.metrics.items()]
    if fresh or points:
        tracking.log_run(tools, tracks.LogRun(run=run.id, params=fresh, metrics=points))
