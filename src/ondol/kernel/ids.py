"""Prefixed ids that sort by the moment they were made: `run_01jd...`."""

from __future__ import annotations

import os
import threading
import time

# Crockford's base 32: no i, l, o, u, so ids survive being read aloud.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80
_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """`prefix_` and 26 characters: 48 bits of milliseconds, 80 random bits.

    Ids made by one process are strictly increasing, also within a millisecond.
    """
    global _last
    fresh = (time.time_ns() // 1_000_000 << _RANDOM_BITS) | int.from_bytes(os.urandom(_RANDOM_BITS // 8), "big")
    with _lock:
        _last = fresh if fresh > _last else _last + 1
        value = _last
    return f"{prefix}_{''.join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))}"


def prefix_of(identity: str) -> str:
    """The part before the first underscore: `run` of `run_01jd...`."""
    return identity.partition("_")[0]
