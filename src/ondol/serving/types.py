"""Endpoints: who answers, with which share of the traffic, and what was answered."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ondol.kernel.event import Event

Role = Literal["champion", "canary"]


class EndpointSpec(msgspec.Struct, frozen=True, kw_only=True):
    """`capture`: the share of requests whose rows go to the log. `rollout` and `rollback_if` are read by rollout."""

    name: str
    model: str
    service: str
    capture: float = 1.0
    rollout: list[str] = msgspec.field(default_factory=lambda: ["100%"])
    rollback_if: list[str] = []
    description: str = ""
    owner: str = ""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    number: int
    share: float
    role: Role


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """`revision` grows with every change of the traffic."""

    name: str
    spec: EndpointSpec
    traffic: list[Route]
    revision: int
    updated_at: datetime


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One answered request, as the log keeps it. `at` is by the clock of the house, `latency_ms` by the wall."""

    id: str
    endpoint: str
    version: str
    number: int
    role: Role
    rows: int
    at: datetime
    latency_ms: float
    status: int
    error: str = ""


class RequestDetail(msgspec.Struct, frozen=True, kw_only=True):
    request: Request
    rows: list[dict[str, Any]]
    """Key, time, features and score of each captured row."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What one version answered in one bucket of time."""

    since: datetime
    version: str
    number: int
    role: Role
    requests: int
    rows: int
    errors: int
    latency_p50_ms: float
    latency_p95_ms: float


class DeclareEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    spec: EndpointSpec


class GetEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str


class ListEndpoints(msgspec.Struct, frozen=True, kw_only=True):
    pass


class SetTraffic(msgspec.Struct, frozen=True, kw_only=True):
    """`shares`: version id -> share, summing to 1; the largest (first of equals) is the champion."""

    endpoint: str
    shares: dict[str, float]
    reason: str = "by hand"
    evidence: str = ""
    """The id of a canary or comparison."""


class GetRequest(msgspec.Struct, frozen=True, kw_only=True):
    request: str


class ListRequests(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str = ""
    version: str = ""
    limit: int = 100


class GetUsage(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str
    bucket: str = "7d"
    since: datetime | None = None


class TraceLineage(msgspec.Struct, frozen=True, kw_only=True):
    """Any id: a request, a version, a run, a training set, a table ..."""

    id: str
    direction: Literal["ancestors", "descendants"] = "ancestors"


class TrafficSet(Event, frozen=True, kw_only=True):
    """The subject is the endpoint."""

    traffic: list[Route]
    revision: int
    reason: str
