"""`Ondol-Clock: 2013-04-01T10:00:00Z` on any request to a house that replays history.

It moves the clock before the request is answered: a replay that says with every request
when it was made needs no calls of `clock.set` between them.
"""

from __future__ import annotations

from collections.abc import Mapping

from ondol.access.service import allow
from ondol.access.types import Actor
from ondol.home import House
from ondol.kernel.clock import parse_moment

HEADER = "ondol-clock"


def turn_clock(house: House, actor: Actor, headers: Mapping[str, str]) -> None:
    """Raises `Forbidden` for a key that may not write, `Conflict` on the system's clock, `Invalid` backwards."""
    if moment := headers.get(HEADER):
        allow(actor, "write")
        if parse_moment(moment) != house.tools().now():
            house.call("clock.set", {"now": moment}, actor=actor.name)
