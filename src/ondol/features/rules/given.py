"""Columns as a request gives them: lists of JSON values, checked against the types of the lake.

Lists, because making a frame of fifty rows costs more than everything that is asked of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from ondol.features.rules.columns import TYPES, microseconds_of
from ondol.kernel.errors import Invalid

_NOTHING = type(None)
PLAIN: dict[str, frozenset[type]] = {
    "string": frozenset({str, _NOTHING}),
    "integer": frozenset({int, _NOTHING}),
    "double": frozenset({float, int, _NOTHING}),
    "boolean": frozenset({bool, _NOTHING}),
    "date": frozenset({date, _NOTHING}),
    "timestamp": frozenset({int, _NOTHING}),
}
"""Values of these types are in their type already."""


def check_given(given: Mapping[str, Sequence[Any]], types: Mapping[str, str], purpose: str) -> None:
    """`Invalid` naming the columns that are missing; `purpose` says who asks for them."""
    if missing := [name for name in types if name not in given]:
        raise Invalid(
            f"{purpose} needs the columns {', '.join(missing)}, which the rows do not have.",
            hint=f"Each row brings {', '.join(types)}.",
            details={"missing": missing},
        )


def column(name: str, values: Sequence[Any], kind: str) -> Sequence[Any]:
    """The values in their type: a date as `date`, a timestamp as microseconds since 1970 UTC.

    Dates and moments may come as ISO 8601 text (UTC without an offset). `Invalid` names the column.
    """
    if {*map(type, values)} <= PLAIN[kind]:
        return values
    convert = _CONVERSIONS.get(kind)
    try:
        if convert is None:
            raise TypeError(next(repr(value) for value in values if type(value) not in PLAIN[kind]))
        return [convert(value) for value in values]
    except (TypeError, ValueError, OverflowError) as error:
        raise Invalid(f"Column {name!r} holds a value that is not a {kind}: {error}") from error


def series(name: str, values: Sequence[Any], kind: str) -> pl.Series:
    """A column as `column` gives it."""
    if kind == "timestamp":
        return pl.Series(name, values, pl.Int64).cast(TYPES[kind])
    return pl.Series(name, values, TYPES[kind])


def _date(value: Any) -> date | None:
    return value if value is None or type(value) is date else date.fromisoformat(value)


def _microseconds(value: Any) -> int | None:
    if value is None or type(value) is int:
        return value
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return microseconds_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {"date": _date, "timestamp": _microseconds}
