"""Read the events of the house, and what became of the reactions to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ondol.events.types import Delivery, ListDeadLetters, ListEvents, RetryDelivery
from ondol.kernel.errors import NotFound
from ondol.kernel.event import StoredEvent
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    from ondol.events import repo
else:
    repo = lazy("ondol.events.repo")


@operation("events.list", "GET", "/v1/events", scope="read")
def list_events(tools: Tools, request: ListEvents) -> list[StoredEvent]:
    """List what happened in the house, oldest first.

    `name` may hold several names, separated by commas.
    """
    return repo.select_events(tools.connection, request)


@operation("events.dead", "GET", "/v1/dead-letters", scope="read")
def list_dead_letters(tools: Tools, request: ListDeadLetters) -> list[Delivery]:
    """List the reactions that kept failing and were given up."""
    return repo.select_deliveries(tools.connection, "dead", request.limit)


@operation("events.retry", "POST", "/v1/dead-letters/{event_id}/retry", scope="admin")
def retry_delivery(tools: Tools, request: RetryDelivery) -> Delivery:
    """Try a reaction again that was given up."""
    found = repo.find_delivery(tools.connection, request.event_id, request.reaction)
    if found is None:
        raise NotFound(f"Event {request.event_id} has no delivery to {request.reaction!r}.", hint="ondol events dead")
    fresh = msgspec.structs.replace(found, status="waiting", attempts=0, next_at=tools.wall())
    repo.update_delivery(tools.connection, fresh)
    return fresh


def count_undelivered(tools: Tools) -> int:
    return repo.count_waiting(tools.connection)
