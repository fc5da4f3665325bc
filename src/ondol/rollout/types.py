"""Canaries: traffic is given by evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ondol.kernel.event import Event

CanaryStatus = Literal["open", "promoted", "rolled_back"]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a check saw since the canary began.

    `auc_*` are of the answers each version really gave. `paired_lead` scores every
    labelled row of the endpoint with both models (candidate minus champion); `p_better`
    and `p_worse` are its one-sided DeLong p-values, `p_better_by_days` that of a t-test
    of the daily leads (None for fewer than five days).
    """

    at: datetime
    requests: int
    candidate_requests: int
    candidate_share: float
    labelled_rows: int
    candidate_labelled_rows: int
    auc_candidate: float | None
    auc_champion: float | None
    paired_lead: float | None
    p_better: float | None
    p_worse: float | None
    p_better_by_days: float | None = None
    errors_candidate: float
    errors_champion: float
    latency_p95_candidate_ms: float
    latency_p95_champion_ms: float
    verdict: Literal["wait", "promote", "roll_back"]
    reason: str


class Canary(msgspec.Struct, frozen=True, kw_only=True):
    """`stage` is an index into the endpoint's rollout (`"10% for 500 requests"`, `"10% for 14d"`,
    `"100%"`); `checks` the evidence, newest last."""

    id: str
    endpoint: str
    candidate: str
    candidate_number: int
    champion: str
    champion_number: int
    status: CanaryStatus
    stage: int
    share: float
    started_at: datetime
    stage_since: datetime
    started_by: str
    ended_at: datetime | None = None
    reason: str = ""
    checks: list[Evidence] = []


class StartCanary(msgspec.Struct, frozen=True, kw_only=True):
    """Without a champion, or with one that learned another label, the version takes all traffic at once.

    The same `key` is one canary. `Conflict` while another one is open.
    """

    endpoint: str
    version: str
    key: str = ""
    reason: str = "by hand"


class GetCanary(msgspec.Struct, frozen=True, kw_only=True):
    canary: str


class ListCanaries(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str = ""
    limit: int = 50


class CheckCanary(msgspec.Struct, frozen=True, kw_only=True):
    """Look at the evidence of the open canary of this endpoint, and act on it."""

    endpoint: str


class CanaryCheck(msgspec.Struct, frozen=True, kw_only=True):
    """`canary` is None when none is open."""

    canary: Canary | None


class EndCanary(msgspec.Struct, frozen=True, kw_only=True):
    canary: str
    reason: str = "by hand"


class CanaryStarted(Event, frozen=True, kw_only=True):
    """The subject is the endpoint."""

    canary: str
    candidate: str
    number: int
    champion_number: int
    share: float
    reason: str


class CanaryChecked(Event, frozen=True, kw_only=True):
    """The subject is the endpoint."""

    canary: str
    verdict: str
    reason: str


class CanaryWon(Event, frozen=True, kw_only=True):
    """The subject is the endpoint."""

    canary: str
    version: str
    number: int
    reason: str


class CanaryRolledBack(Event, frozen=True, kw_only=True):
    """The subject is the endpoint."""

    canary: str
    version: str
    number: int
    reason: str
    share_served: float
