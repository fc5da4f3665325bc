"""The loop: from an alarm to a new champion, or to the reason why not."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ondol.kernel.event import Event

LoopStatus = Literal["retraining", "canary", "promoted", "refused", "rolled_back", "failed"]


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """At most one is open (retraining, canary) for an endpoint."""

    id: str
    endpoint: str
    alarm: str
    pipeline: str
    status: LoopStatus
    started_at: datetime
    ended_at: datetime | None = None
    run: str = ""
    version: str = ""
    comparison: str = ""
    canary: str = ""
    reason: str = ""


class GetLoop(msgspec.Struct, frozen=True, kw_only=True):
    loop: str


class ListLoops(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str = ""
    limit: int = 50


class StartLoop(msgspec.Struct, frozen=True, kw_only=True):
    """`Conflict` while a loop of this endpoint is open."""

    endpoint: str
    pipeline: str
    alarm: str = ""


class GetWorth(msgspec.Struct, frozen=True, kw_only=True):
    """What was the loop worth: the answers given, against the frozen first champion on the same rows."""

    endpoint: str


class WorthMonth(msgspec.Struct, frozen=True, kw_only=True):
    month: str
    rows: int
    positive_share: float
    auc_served: float
    auc_frozen: float
    log_loss_served: float
    log_loss_frozen: float
    versions: list[int]


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """`total` has the month `all`; None before the first label arrived."""

    endpoint: str
    frozen: int
    months: list[WorthMonth]
    total: WorthMonth | None


class LoopStarted(Event, frozen=True, kw_only=True):
    """The subject is the endpoint."""

    loop: str
    alarm: str
    run: str


class LoopClosed(Event, frozen=True, kw_only=True):
    """The subject is the endpoint."""

    loop: str
    status: str
    version: str
    reason: str
