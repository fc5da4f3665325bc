"""Runs: what was tried, with which parameters, and what came out."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ondol.kernel.event import Event

RunStatus = Literal["running", "finished", "failed"]
Value = str | int | float | bool | None
Number = float | Literal["NaN", "Infinity", "-Infinity"]
"""JSON has no words for a loss that diverged; these are the ones Protocol Buffers gives it. `float()` reads all."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """`metrics` holds the newest value of each metric."""

    id: str
    experiment: str
    name: str
    status: RunStatus
    started_at: datetime
    ended_at: datetime | None = None
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

    experiment: str = "default"
    name: str = ""
    id: str = ""
    """Given by callers that must be able to repeat the call; made here otherwise."""
    tags: dict[str, str] = {}


class LogRun(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, or nothing. A parameter keeps its first value: another one is a `Conflict`."""

    run: str
    params: dict[str, Value] = {}
    metrics: list[MetricPoint] = []
    tags: dict[str, str] = {}


class FinishRun(msgspec.Struct, frozen=True, kw_only=True):
    run: str
    status: Literal["finished", "failed"] = "finished"


class GetRun(msgspec.Struct, frozen=True, kw_only=True):
    run: str


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
