"""Columns in the shapes that features count with: text keys, whole microseconds, finite doubles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import polars as pl

from ondol.features.rules import entity_key
from ondol.kernel.errors import Invalid

AT = "__at"
"""The instant of a step, or of a question: microseconds since 1970 UTC."""
TIME = "__time"
KNOWN = "__known"
UNTIL = "__until"
"""The instant from which a corrected row no longer counts."""
MOVED = "__moved"
"""Whether the correction is a row of another entity or time."""

BEGINNING = -(1 << 62)
"""The instant of rows without a time: they hold since ever."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

TYPES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
    "timestamp": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
}


def entity_keys(columns: Sequence[pl.Series], types: Sequence[str]) -> list[str | None]:
    """`entity_key` of each row; columns and their types are those of the entity."""
    return keys_of([column.to_list() for column in columns], types)


def keys_of(columns: Sequence[Sequence[Any]], types: Sequence[str]) -> list[str | None]:
    """`entity_keys` of columns as lists."""
    if len(columns) == 1 and types[0] == "string":
        return list(columns[0])
    found = list(zip(*columns, strict=True))
    made = {of_row: entity_key(of_row) for of_row in set(found)}
    return [made[of_row] for of_row in found]


def microseconds_of(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND


def instant(column: str) -> pl.Expr:
    """A timestamp or a date as microseconds since 1970 UTC."""
    return pl.col(column).cast(pl.Datetime("us")).cast(pl.Int64)


def moment(column: str, types: Mapping[str, str]) -> pl.Expr:
    """A column of timestamps or dates as timestamps; timestamps stay as they are, so that files can be skipped."""
    found = pl.col(column)
    return found if types[column] == "timestamp" else found.cast(pl.Datetime("us", "UTC"))


@lru_cache(maxsize=256)
def _conversions(wanted: tuple[tuple[str, str], ...], given: tuple[tuple[str, pl.DataType], ...]) -> list[pl.Expr]:
    found = dict(given)
    return [_converted(name, found[name], TYPES[kind]) for name, kind in wanted if found[name] != TYPES[kind]]


def _converted(name: str, given: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    if given == pl.String and wanted == pl.Datetime:
        # With an offset or a Z it is that instant; without one it is UTC.
        return pl.col(name).str.to_datetime(time_unit="us", time_zone="UTC", strict=True)
    if given == pl.Datetime and wanted == pl.Datetime and getattr(given, "time_zone", None) is None:
        return pl.col(name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return pl.col(name).cast(wanted, strict=True)


def conform(frame: pl.DataFrame, types: Mapping[str, str], purpose: str) -> pl.DataFrame:
    """The frame with the columns `types` in their types (text becomes timestamps); others stay.

    Raises `Invalid` for missing columns and for values that do not fit, naming them;
    `purpose` says who asks for the columns.
    """
    given = frame.schema
    if missing := [name for name in types if name not in given]:
        raise Invalid(
            f"{purpose} needs the columns {', '.join(missing)}, which the rows do not have.",
            hint=f"Each row brings {', '.join(types)}.",
            details={"missing": missing},
        )
    found = _conversions(tuple(types.items()), tuple((name, given[name]) for name in types))
    if not found:
        return frame
    try:
        return frame.with_columns(found)
    except pl.exceptions.PolarsError as error:
        raise Invalid(
            f"{purpose}: a value does not fit its column: {str(error).splitlines()[0]}",
            hint=f"The columns are {', '.join(f'{name} ({kind})' for name, kind in types.items())}.",
        ) from error
