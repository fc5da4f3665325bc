"""Pipelines: plain functions run in order, cached, resumed, recorded."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ondol.kernel.event import Event

PipelineStatus = Literal["queued", "running", "finished", "failed", "cancelled"]
StepStatus = Literal["running", "finished", "failed", "cached"]


class PipelineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """`code` is the hash of the project's code that holds it, `parameters` name -> default."""

    name: str
    code: str
    commit: str = ""
    parameters: dict[str, Any] = {}
    schedule: str = ""
    description: str = ""


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    spec: PipelineSpec
    updated_at: datetime


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """What a step gave back: where it is kept, in which format, its SHA-256, and one line to read."""

    path: str
    format: str
    digest: str
    summary: str
    facts: dict[str, Any] = {}


class StepRun(msgspec.Struct, frozen=True, kw_only=True):
    """`inputs` are ids of step runs whose outputs went in. `cached_from`: the step run whose output is used."""

    id: str
    run: str
    name: str
    position: int
    status: StepStatus
    cache_key: str
    inputs: list[str]
    started_at: datetime
    ended_at: datetime | None = None
    seconds: float = 0.0
    params: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    output: Output | None = None
    cached_from: str = ""
    error: str = ""
    log: str = ""
    """The path of what it printed, among the run's artifacts."""


class PipelineRun(msgspec.Struct, frozen=True, kw_only=True):
    """Its id is also the id of a tracking run, which holds its params, metrics and artifacts."""

    id: str
    pipeline: str
    status: PipelineStatus
    reason: str
    """Why it was started: by hand, by schedule, by an alarm (its id)."""
    parameters: dict[str, Any]
    code: str
    job: str
    started_at: datetime
    ended_at: datetime | None = None
    error: str = ""
    results: dict[str, Any] = {}
    """Ids it produced: `training_set`, `version`, `comparison`, `canary`."""
    steps: list[StepRun] = []


class DeclarePipeline(msgspec.Struct, frozen=True, kw_only=True):
    spec: PipelineSpec


class GetPipeline(msgspec.Struct, frozen=True, kw_only=True):
    pipeline: str


class ListPipelines(msgspec.Struct, frozen=True, kw_only=True):
    pass


class RunPipeline(msgspec.Struct, frozen=True, kw_only=True):
    """The same `key` is one run (a redelivered alarm starts nothing twice)."""

    pipeline: str
    parameters: dict[str, Any] = {}
    reason: str = "by hand"
    key: str = ""


class GetPipelineRun(msgspec.Struct, frozen=True, kw_only=True):
    run: str


class ListPipelineRuns(msgspec.Struct, frozen=True, kw_only=True):
    pipeline: str = ""
    limit: int = 50


class ResumePipelineRun(msgspec.Struct, frozen=True, kw_only=True):
    """Go on with a failed run: finished steps are not run again."""

    run: str


class BeginPipelineRun(msgspec.Struct, frozen=True, kw_only=True):
    """The process that runs the job says that it has begun."""

    run: str


class BeginStep(msgspec.Struct, frozen=True, kw_only=True):
    """`cacheable`: an equal step of any earlier run may answer. A finished step of this run always does."""

    run: str
    name: str
    position: int
    cache_key: str
    cacheable: bool
    inputs: list[str] = []
    params: dict[str, Any] = {}


class StepTicket(msgspec.Struct, frozen=True, kw_only=True):
    """`run` it, or `reuse` the output that the step run carries."""

    action: Literal["run", "reuse"]
    step: StepRun


class FinishStep(msgspec.Struct, frozen=True, kw_only=True):
    step: str
    output: Output | None = None
    metrics: dict[str, float] = {}
    results: dict[str, Any] = {}
    """Ids to note on the run."""
    log: str = ""
    error: str = ""
    """Not empty: the step failed."""


class FinishPipelineRun(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    error: str = ""


class PipelineRunQueued(Event, frozen=True, kw_only=True):
    """The subject is the run."""

    pipeline: str
    reason: str


class StepBegan(Event, frozen=True, kw_only=True):
    """The subject is the run."""

    step: str
    name: str
    position: int


class StepEnded(Event, frozen=True, kw_only=True):
    """The subject is the run."""

    step: str
    name: str
    status: str
    seconds: float
    summary: str


class PipelineRunEnded(Event, frozen=True, kw_only=True):
    """The subject is the run."""

    pipeline: str
    status: str
    reason: str
    results: dict[str, Any]
    error: str = ""
