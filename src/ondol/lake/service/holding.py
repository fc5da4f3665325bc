"""Who has a dataset in hand, and whether that one is still there."""

from __future__ import annotations

import os
import secrets
import socket
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ondol.lake import repo

# How long another machine's batch may be on its way before it counts as abandoned; on this
# machine it does as soon as its process is gone.
_LEASE_SECONDS = 120
_HOST = socket.gethostname()
_TOKEN = secrets.token_hex(4)

_afloat: set[str] = set()
"""The batches that threads of this process are landing."""


class Afloat:
    def __init__(self, batch: str) -> None:
        self.batch = batch

    def __enter__(self) -> None:
        _afloat.add(self.batch)

    def __exit__(self, *_error: object) -> None:
        _afloat.discard(self.batch)


def holder() -> str:
    return f"{_HOST} {os.getpid()} {_TOKEN}"


def abandoned(landing: repo.Landing, now: datetime) -> bool:
    """Whether nobody works on it any more."""
    host, process, token = landing.holder.rsplit(" ", 2)
    if (now - landing.held_since).total_seconds() > _LEASE_SECONDS:
        return True
    if host != _HOST:
        return False
    if int(process) == os.getpid():
        return token != _TOKEN or landing.batch not in _afloat
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
