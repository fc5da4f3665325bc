"""Events: what rooms tell the floors above, stored in the transaction that caused them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. Subclasses name it in the past tense and carry ids and plain facts.

    `subject` is the id or name of the thing it happened to; lists and links go by it.
    """

    subject: str


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the outbox keeps it and as the doors show it."""

    id: int
    name: str
    subject: str
    at: datetime
    payload: dict[str, Any]


E = TypeVar("E", bound=Event)


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    event: type[Event]
    function: Callable[[Any, Any], None]
    outside: bool = False
    """It waits for others, outside of the house: it runs beside the rest, which does not wait for it."""


def reaction(
    event: type[E], *, outside: bool = False
) -> Callable[[Callable[[Any, E], None]], Callable[[Any, E], None]]:
    """Mark `function(tools, event)` as an answer to `event`.

    It runs after the commit, at least once, in the order of the events, and must
    therefore be idempotent: its effects are keyed by ids that the event carries. One that
    waits for others `outside` runs beside the rest, in no order.
    """

    def mark(function: Callable[[Any, E], None]) -> Callable[[Any, E], None]:
        name = f"{function.__module__.removeprefix('ondol.')}.{function.__name__}"
        function.__ondol_reaction__ = Reaction(  # type: ignore[attr-defined]
            name=name, event=event, function=function, outside=outside
        )
        return function

    return mark
