"""The outbox: every event of the house, and which reaction has answered it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

DeliveryStatus = Literal["waiting", "done", "dead"]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One event on its way to one reaction."""

    event_id: int
    reaction: str
    status: DeliveryStatus
    attempts: int
    next_at: datetime
    error: str = ""


class ListEvents(msgspec.Struct, frozen=True, kw_only=True):
    """Events after the id `after`, oldest first; with `newest` the last `limit`, still oldest first."""

    after: int = 0
    name: str = ""
    subject: str = ""
    newest: bool = False
    limit: int = 200


class ListDeadLetters(msgspec.Struct, frozen=True, kw_only=True):
    limit: int = 100


class RetryDelivery(msgspec.Struct, frozen=True, kw_only=True):
    event_id: int
    reaction: str
