"""Letters to addresses that users gave: webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What the other side answered; `text` is cut."""

    status: int
    text: str


class Courier(Protocol):
    """Posts to addresses that somebody typed, and reaches nothing with them that is not for everybody."""

    def check(self, url: str) -> None:
        """`Invalid` for an address that no letter may go to: not https, or inside the network."""
        ...

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        """What the other side answered, whatever its status. Redirects are not followed.

        `Invalid` as in `check`, for the address that is really connected to; `Unavailable` when nobody answers
        within some seconds.
        """
        ...
