"""When a reaction that failed is tried again, and when it is given up."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ondol.events.types import Delivery

MAX_ATTEMPTS = 6
CLAIM = timedelta(seconds=120)
"""How long a delivery is hidden from other houses while its reaction runs."""


def after_failure(delivery: Delivery, error: str, wall: datetime) -> Delivery:
    """Waiting again after 0.2, 0.8, 3.2 ... seconds; dead after `MAX_ATTEMPTS`."""
    return msgspec.structs.replace(
        delivery,
        status="dead" if delivery.attempts >= MAX_ATTEMPTS else "waiting",
        next_at=wall + timedelta(seconds=0.2 * 4 ** (delivery.attempts - 1)),
        error=error[-2000:],
    )


def after_success(delivery: Delivery) -> Delivery:
    return msgspec.structs.replace(delivery, status="done", error="")
