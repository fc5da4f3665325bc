"""Runs: what was tried, with which parameters, and what came out."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ondol.kernel.event import Event

RunStatus = Literal["running", "scheduled", "finished", "failed", "killed"]
Value = str | int | float | bool | None
View = Literal["active", "deleted", "all"]
"""Which things a list shows: what is deleted stays until it is cleared away, and can be restored."""
Number = float | Literal["NaN", "Infinity", "-Infinity"]
"""JSON has no words for a loss that diverged; these are the ones Protocol Buffers gives it. `float()` reads all."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """`metrics` holds the newest value of each metric. `experiment` is its name."""

    id: str
    experiment: str
    name: str
    status: RunStatus
    started_at: datetime
    ended_at: datetime | None = None
    deleted_at: datetime | None = None
    person: str = ""
    params: dict[str, Value] = {}
    metrics: dict[str, Number] = {}
    tags: dict[str, str] = {}


class MetricPoint(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    value: Number
    step: int = 0
    at: datetime | None = None
    """The moment of the call when it is not given."""


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    """Relative to the run."""
    size: int
    modified_at: datetime


class CreateRun(msgspec.Struct, frozen=True, kw_only=True):
    """With an `id` that exists, that run goes on: a failed one is open again, any other is answered as it is."""

    experiment: str = "Default"
    name: str = ""
    id: str = ""
    """Given by callers that must be able to repeat the call; made here otherwise."""
    tags: dict[str, str] = {}
    person: str = ""
    started_at: datetime | None = None
    """The moment of the call when it is not given: logs may be delivered long after the run."""


class LogRun(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, or nothing. A parameter keeps its first value: another one is a `Conflict`."""

    run: str
    params: dict[str, Value] = {}
    metrics: list[MetricPoint] = []
    tags: dict[str, str] = {}


class FinishRun(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    status: Literal["finished", "failed", "killed"] = "finished"
    ended_at: datetime | None = None
    """The moment of the call when it is not given."""


class GetRun(msgspec.Struct, frozen=True, kw_only=True):
    run: str


class DeleteRun(msgspec.Struct, frozen=True, kw_only=True):
    run: str


class RestoreRun(msgspec.Struct, frozen=True, kw_only=True):
    run: str


class SearchRuns(msgspec.Struct, frozen=True, kw_only=True):
    """`filter`: `metrics.auc > 0.7 and params.leaves = '63' and tags."by" LIKE 'sched%'`; also `attributes.status`,
    `datasets.name`, `IN (...)`, `IS NULL`. `order_by`: `["metrics.auc DESC", "attributes.start_time"]`; without it
    the newest first. `experiments` are names, none means all of them.
    """

    experiments: list[str] = []
    filter: str = ""
    order_by: list[str] = []
    view: View = "active"
    limit: int = 100
    token: str = ""


class ListRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. `token` is the `next_token` of the page before."""

    experiment: str = ""
    status: str = ""
    limit: int = 100
    token: str = ""


class GetMetricHistory(msgspec.Struct, frozen=True, kw_only=True):
    """By step; with more than `limit` points, the newest `limit`."""

    run: str
    metric: str
    limit: int = 10_000


class GetCurves(msgspec.Struct, frozen=True, kw_only=True):
    """At most `points` of each curve, evenly spread, the first and the last among them."""

    runs: list[str]
    metrics: list[str]
    points: int = 300


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """By step: three lists of one length. `at`: milliseconds since 1970 UTC."""

    run: str
    metric: str
    steps: list[int]
    at: list[int]
    values: list[Number]


class ListArtifacts(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    folder: str = ""


class GetArtifact(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    path: str


class RunStarted(Event, frozen=True, kw_only=True):
    experiment: str
    name: str


class RunEnded(Event, frozen=True, kw_only=True):
    experiment: str
    status: str


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """`location` is where its files are when they are not with ours."""

    id: str
    name: str
    location: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    tags: dict[str, str] = {}


class CreateExperiment(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    location: str = ""
    tags: dict[str, str] = {}


class GetExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """By id, or by name."""

    experiment: str


class UpdateExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """`name` renames it; `tags` are added, those in `untag` taken away."""

    experiment: str
    name: str = ""
    tags: dict[str, str] = {}
    untag: list[str] = []


class DeleteExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """Its runs go with it."""

    experiment: str


class RestoreExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """Its runs come back with it."""

    experiment: str


class ListExperiments(msgspec.Struct, frozen=True, kw_only=True):
    """`filter`: `name LIKE 'flight%' and tags.team = 'ops'`; `order_by`: `["name ASC"]`, else the newest first."""

    filter: str = ""
    order_by: list[str] = []
    view: View = "active"
    limit: int = 100
    token: str = ""


class KeyValue(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    key: str
    value: str = ""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A point as protocols send it: `timestamp` in milliseconds since 1970 UTC. `model_id` and the dataset say what
    was measured on what, where that is known."""

    key: str
    value: float
    timestamp: int
    step: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""
    run_id: str = ""


class NewestPoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A point as protocols read it."""

    key: str
    value: Number
    timestamp: int
    step: int
    run_id: str = ""
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class HistoryPoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One of the many points of a series; it holds no other thing, so nobody need look for cycles through it."""

    key: str
    value: Number
    timestamp: int
    step: int


class TrackedDataset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was read: `digest` says which state of it. `source`, `schema` and `profile` are texts of the tool's own."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None = None
    profile: str | None = None


class DatasetInput(msgspec.Struct, frozen=True, kw_only=True):
    dataset: TrackedDataset
    tags: list[KeyValue] = []


class ModelInput(msgspec.Struct, frozen=True, kw_only=True):
    model_id: str


class ModelOutput(msgspec.Struct, frozen=True, kw_only=True):
    model_id: str
    step: int = 0


class TrackedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run with everything that protocols show of it, in their units; `location` is its experiment's."""

    id: str
    name: str
    experiment: int
    status: str
    person: str
    started_ms: int
    ended_ms: int | None
    deleted_ms: int | None
    location: str
    params: list[KeyValue] = []
    metrics: list[NewestPoint] = []
    tags: list[KeyValue] = []
    datasets: list[DatasetInput] = []
    model_inputs: list[ModelInput] = []
    model_outputs: list[ModelOutput] = []


class LoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a run wrote down, before anybody has registered it."""

    id: str
    experiment: int
    name: str
    kind: str
    status: str
    status_message: str
    source_run: str
    created_ms: int
    updated_ms: int
    deleted_ms: int | None
    location: str
    params: list[KeyValue] = []
    tags: list[KeyValue] = []
    metrics: list[NewestPoint] = []


class ListTraces(msgspec.Struct, frozen=True, kw_only=True):
    """`experiment` is a name or an id, empty for all; `filter`: `tags.team = 'ops' AND span.name LIKE 'plan%'`;
    `order_by`: `["execution_time_ms DESC"]`, else the newest first."""

    experiment: str = ""
    filter: str = ""
    order_by: list[str] = []
    limit: int = 50
    token: str = ""


class GetTrace(msgspec.Struct, frozen=True, kw_only=True):
    trace: str


class RemoveTraces(msgspec.Struct, frozen=True, kw_only=True):
    """Those with the ids `traces`, or all that began `until` a moment."""

    experiment: str
    traces: list[str] = []
    until: datetime | None = None


class RemovedTraces(msgspec.Struct, frozen=True, kw_only=True):
    removed: int


class TraceSpan(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done: what its `parent` asked for."""

    id: str
    parent: str
    name: str
    status: str
    started_at: datetime
    milliseconds: float | None
    attributes: dict[str, Any]
    kind: str = ""
    """What sort of step it is, where its program says so: `LLM`, `TOOL`, `RETRIEVER`."""
    offset: float = 0.0
    """Milliseconds between the beginning of the trace's first span and that of this one."""
    inputs: str = ""
    outputs: str = ""
    events: list[dict[str, Any]] = []


class TraceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one call did; `request` and `response` are cut. `assessments` are what people and judges say of it, each
    with an id, kind, name, value, source and rationale; `spans` are there when one trace is asked for."""

    id: str
    experiment: str
    name: str
    state: str
    started_at: datetime
    milliseconds: int | None
    request: str
    response: str
    tags: dict[str, str]
    metadata: dict[str, str]
    assessments: list[dict[str, str]] = []
    spans: list[TraceSpan] = []
    runs: list[str] = []
    """Runs and prompts (`NAME/VERSION`) it is linked to; told, as spans are, when one trace is asked for."""
    prompts: list[str] = []
