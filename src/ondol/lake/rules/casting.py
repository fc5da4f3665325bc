"""From text to the types of silver, and which values could not make it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ondol.kernel.lazy import lazy
from ondol.lake.types import ColumnType

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

# What exports write for "no value" in columns that are not text.
_NOTHING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"]
_TRUTH = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
_DAY = "%Y-%m-%d"
_EXACT_IN_DOUBLE = float(1 << 53)
# ISO 8601 only: 01/02/2013 is two different days on two sides of an ocean. Most frequent first.
_MOMENTS = [
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.fZ",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%MZ",
    "%Y-%m-%d %H:%M",
]


def polars_type(kind: ColumnType) -> pl.DataType:
    return {
        "string": pl.String(),
        "integer": pl.Int64(),
        "double": pl.Float64(),
        "boolean": pl.Boolean(),
        "timestamp": pl.Datetime("us", "UTC"),
        "date": pl.Date(),
    }[kind]


def empty_frame(columns: dict[str, ColumnType]) -> pl.DataFrame:
    return pl.DataFrame(schema={name: polars_type(kind) for name, kind in columns.items()})


def typed(text: pl.DataFrame, columns: dict[str, ColumnType]) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """The declared columns in their types, and for each column with values that are none of its
    type a mask of those rows (their values are null in the frame). Missing columns are null."""
    there = {name: kind for name, kind in columns.items() if name in text.columns}
    frame = text.select(
        _straight(name, text[name], kind) if name in there else pl.lit(None, dtype=polars_type(kind)).alias(name)
        for name, kind in columns.items()
    )
    wrong: dict[str, pl.Series] = {}
    for name, kind in there.items():
        if frame[name].null_count() > text[name].null_count():
            column, bad = cast_text(text[name], kind)
            frame = frame.with_columns(column)
            if bad is not None:
                wrong[name] = bad
    return frame, wrong


def _straight(name: str, column: pl.Series, kind: ColumnType) -> pl.Expr:
    """The cast that is right for tidy text; what it leaves null, `cast_text` looks at again."""
    text = pl.col(name)
    if kind == "string":
        return text
    if kind == "integer":
        return text.cast(pl.Int64, strict=False)
    if kind == "double":
        return text.cast(pl.Float64, strict=False).fill_nan(None)
    if kind == "boolean":
        return text.replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
    if kind == "date":
        return text.str.to_date(_DAY, strict=False)
    form = _form_of(column.drop_nulls()[0] if column.null_count() < len(column) else "")
    return text.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC")


def _form_of(moment: str) -> str:
    """The format that this moment seems to be written in."""
    if len(moment) <= len("2013-01-01"):
        return _DAY
    fraction = "%.f" if moment[19:20] == "." else ""
    zone = "Z" if moment.endswith("Z") else "%z" if re.search(r"[+-]\d\d:?\d\d$", moment[19:]) else ""
    return f"{_DAY}{moment[10]}%H:%M:%S{fraction}{zone}"


def cast_text(column: pl.Series, kind: ColumnType) -> tuple[pl.Series, pl.Series | None]:
    """The typed column, and the mask of values that could not be cast (None when all could)."""
    if kind == "string":
        return column, None
    given = column
    if column.is_in(_NOTHING).any():
        given = column.set(column.is_in(_NOTHING), None)
    made = _cast(given, kind)
    if made.null_count() > given.null_count():
        made = _cast(given.str.strip_chars(), kind)
    if made.null_count() > given.null_count():
        return made, given.is_not_null() & made.is_null()
    return made, None


def _cast(column: pl.Series, kind: ColumnType) -> pl.Series:
    if kind == "integer":
        return _integers(column)
    if kind == "double":
        return column.cast(pl.Float64, strict=False).fill_nan(None)
    if kind == "boolean":
        return column.str.to_lowercase().replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
    moments = _moments(column)
    if kind == "timestamp":
        return moments
    days = moments.dt.truncate("1d")
    return moments.set(moments != days, None).dt.date()


def _integers(column: pl.Series) -> pl.Series:
    whole = column.cast(pl.Int64, strict=False)
    if whole.null_count() == column.null_count():
        return whole
    # "517.0": how tools write integers of a column that also has empty cells.
    number = column.cast(pl.Float64, strict=False)
    exact = (number == number.floor()) & (number.abs() <= _EXACT_IN_DOUBLE)
    return whole.fill_null(number.set(~exact, None).cast(pl.Int64, strict=False))


def _moments(column: pl.Series) -> pl.Series:
    found = pl.Series(column.name, [None] * len(column), dtype=pl.Datetime("us", "UTC"))
    for form in _MOMENTS:
        if found.null_count() == column.null_count():
            break
        found = found.fill_null(column.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC"))
    return found
