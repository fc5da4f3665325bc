"""Columns of a request: their lengths, given feature values, and what the log keeps of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ondol.features.types import ServiceSpec
from ondol.kernel.errors import Invalid

MAX_ROWS = 10_000


def check_lengths(given: Mapping[str, list[Any]]) -> int:
    """How many rows there are; `Invalid` when columns differ, for none, and for too many."""
    sizes = {name: len(values) for name, values in given.items()}
    if not sizes or not all(sizes.values()):
        raise Invalid("The request has no rows.")
    size = next(iter(sizes.values()))
    if len(set(sizes.values())) > 1:
        raise Invalid(f"The columns have different lengths: {sizes}.")
    if size > MAX_ROWS:
        raise Invalid(f"A request may have {MAX_ROWS} rows, this one has {size}.", hint="Send it in parts.")
    return size


_NUMBERS = {int, float, bool, type(None)}


def numbers(name: str, values: list[Any]) -> list[float | None]:
    """Given values of a feature; `Invalid` for anything but numbers, truth values and null."""
    if {*map(type, values)} <= _NUMBERS:
        return [None if value is None else float(value) for value in values]
    wrong = next(value for value in values if type(value) not in _NUMBERS)
    raise Invalid(f"Column {name!r} holds a value that is not a double: {wrong!r}")


def stamps(given: Mapping[str, list[Any]], spec: ServiceSpec, size: int, at: datetime) -> dict[str, list[Any]]:
    """Key and time of each row for the log; the moment of the request where rows bring none."""
    keys = [None if key is None else str(key) for key in given.get(spec.key) or [None] * size]
    moments = given.get(spec.time) or [None] * size
    return {spec.key: keys, spec.time: [_instant(spec.time, moment, at) for moment in moments]}


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _instant(name: str, value: Any, at: datetime) -> datetime:
    """ISO 8601 text (UTC without an offset), or an integer of microseconds since 1970."""
    if value is None:
        return at
    try:
        moment = _EPOCH + timedelta(microseconds=value) if isinstance(value, int) else datetime.fromisoformat(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Invalid(f"Column {name!r} holds a value that is not a timestamp: {error}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
