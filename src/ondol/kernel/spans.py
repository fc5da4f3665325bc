"""Durations and shares as a person writes them: `"7d"`, `"90 min"`, `"10%"`."""

from __future__ import annotations

import re
from datetime import timedelta

from ondol.kernel.errors import Invalid

_SECONDS = {
    "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600,
    "d": 86_400, "day": 86_400, "w": 604_800, "week": 604_800,
}  # fmt: skip
_NAMED = {"@hourly": "1h", "@daily": "1d", "@weekly": "7d"}


def parse_duration(text: str) -> timedelta:
    """`"15s"`, `"90 min"`, `"2h"`, `"7d"`, `"@weekly"`; `Invalid` for anything else, and for zero."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+?)s?\s*", _NAMED.get(text, text))
    unit = found and _SECONDS.get(found[2] or "s", _SECONDS.get(found[2] + "s"))
    if not found or not unit or float(found[1]) == 0:
        raise Invalid(f"{text!r} is not a duration.", hint='Write "15min", "3h", "7d" or "@weekly".')
    return timedelta(seconds=float(found[1]) * unit)


def parse_share(text: str) -> float:
    """`"10%"` -> 0.1; between 0 and 100 %."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", text)
    if not found or float(found[1]) > 100:
        raise Invalid(f"{text!r} is not a share.", hint='Write "10%".')
    return float(found[1]) / 100
