"""Columns of a request as typed frames."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

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


def to_frame(given: Mapping[str, list[Any]], types: Mapping[str, str], required: list[str]) -> pl.DataFrame:
    """The columns of `given` that have a type, cast to it. `Invalid` names missing columns and bad values."""
    missing = [name for name in required if name not in given]
    if missing:
        raise Invalid(f"The request lacks {', '.join(missing)}.", hint=f"It needs {', '.join(required)}.")
    return pl.DataFrame([_series(name, given[name], kind) for name, kind in types.items() if name in given])


def _series(name: str, values: list[Any], kind: str) -> pl.Series:
    try:
        if kind == "timestamp":
            return _instants(name, values)
        if kind == "date":
            # Polars would parse texts in its thread pool, which costs more than the work for a few rows.
            values = [date.fromisoformat(value) if isinstance(value, str) else value for value in values]
        return pl.Series(name, values, dtype=_TYPES[kind])
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        raise Invalid(f"Column {name!r} holds a value that is not a {kind}: {error}") from error


_TYPES: dict[str, Any] = {
    "string": pl.String,
    "double": pl.Float64,
    "integer": pl.Int64,
    "boolean": pl.Boolean,
    "date": pl.Date,
}
_INSTANT = pl.Datetime("us", "UTC")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _instants(name: str, values: list[Any]) -> pl.Series:
    """ISO 8601 texts (UTC without an offset), or integers of microseconds since 1970."""
    if any(isinstance(value, str) for value in values):
        values = [_microseconds(value) for value in values]
    return pl.Series(name, values, dtype=pl.Int64).cast(_INSTANT)


def _microseconds(text: str | None) -> int | None:
    """Since 1970: Polars takes integers much faster than Python's datetimes."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def stamps(rows: pl.DataFrame, key: str, time: str, at: datetime) -> dict[str, list[Any]]:
    """Key and time of each row for the log; the moment of the request where rows bring none."""
    return {
        key: rows[key].to_list() if key in rows.columns else [None] * rows.height,
        time: rows[time].to_list() if time in rows.columns else [at] * rows.height,
    }
