"""Rows as text: what bronze keeps, and the one form from which silver is typed.

Whatever a batch comes as (JSON, CSV, Parquet), each value becomes the text that a
person would have written for it. So bronze never meets a conflict of types, and
silver can be made again from bronze with the same result.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.kernel.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")


def text_of_rows(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """A frame of text columns in order of first appearance; a value that a row lacks is null."""
    names = dict.fromkeys(chain.from_iterable(rows))
    return text_of_frame(pl.DataFrame([_column(name, _values(rows, name)) for name in names]))


def text_of_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """The same columns as text. Moments without a zone are UTC."""
    plain: list[pl.Expr] = []
    for column in frame.get_columns():
        dtype = column.dtype
        if isinstance(dtype, pl.Datetime):
            utc = pl.col(column.name).dt
            moment = utc.convert_time_zone("UTC") if dtype.time_zone else utc.replace_time_zone("UTC")
            plain.append(moment.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
        elif dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            frame = frame.with_columns(_one_by_one(column.name, column.to_list()))
            plain.append(pl.col(column.name))
        else:
            plain.append(pl.col(column.name).cast(pl.String))
    return frame.select(plain)


def text_of_json(content: bytes) -> pl.DataFrame:
    """A JSON array of objects, or one object a line. Raises `msgspec.DecodeError`."""
    form = list[dict[str, Any]]
    if content.lstrip().startswith(b"["):
        return text_of_rows(msgspec.json.decode(content, type=form))
    return text_of_rows(msgspec.convert(msgspec.json.Decoder().decode_lines(content), form))


def _values(rows: Sequence[dict[str, Any]], name: str) -> list[Any]:
    try:
        return list(map(itemgetter(name), rows))
    except KeyError:
        return [row.get(name) for row in rows]


def _column(name: str, values: list[Any]) -> pl.Series:
    try:
        column = pl.Series(name, values, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return _one_by_one(name, values)
    if column.dtype.is_numeric() or column.dtype in (pl.String, pl.Boolean, pl.Null):
        return column
    return _one_by_one(name, values)


def _one_by_one(name: str, values: list[Any]) -> pl.Series:
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    return msgspec.json.encode(value).decode()
