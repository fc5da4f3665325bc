"""Which column types a Delta table keeps, and how a frame is brought to them without losing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from ondol.kernel.errors import Refused

if TYPE_CHECKING:
    from deltalake import Schema

MOMENT = pl.Datetime("us", "UTC")

_BY_NAME: dict[str, pl.DataType] = {
    "long": pl.Int64(),
    "integer": pl.Int32(),
    "short": pl.Int16(),
    "byte": pl.Int8(),
    "double": pl.Float64(),
    "float": pl.Float32(),
    "boolean": pl.Boolean(),
    "string": pl.String(),
    "binary": pl.Binary(),
    "date": pl.Date(),
    "timestamp": MOMENT,
    "timestamp_ntz": pl.Datetime("us"),
}
# Delta has signed integers only.
_SIGNED: dict[type[pl.DataType], pl.DataType] = {
    pl.UInt8: pl.Int16(),
    pl.UInt16: pl.Int32(),
    pl.UInt32: pl.Int64(),
    pl.UInt64: pl.Int64(),
}
_EXACT_IN_DOUBLE = 2**53


def stored_columns(schema: Schema) -> dict[str, pl.DataType]:
    """The columns of a table as Polars types."""
    return {field.name: _from_delta(field.type) for field in schema.fields}


def _from_delta(kind: Any) -> pl.DataType:
    name = str(kind.type)
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name.startswith("decimal"):
        precision, scale = name[len("decimal(") : -1].split(",")
        return pl.Decimal(int(precision), int(scale))
    if name == "array":
        return pl.List(_from_delta(kind.element_type))
    if name == "struct":
        return pl.Struct({field.name: _from_delta(field.type) for field in kind.fields})
    raise Refused(f"Columns of the type {name} are not supported.", hint="Write them as text, a list or a struct.")


def storable(name: str, dtype: pl.DataType) -> pl.DataType:
    """The type in which a column is kept: instants as UTC microseconds (one without a zone is
    UTC), unsigned integers as the next wider signed ones. `Refused` for what Delta cannot keep."""
    if isinstance(dtype, pl.Datetime):
        return MOMENT
    if isinstance(dtype, (pl.Categorical, pl.Enum)):
        return pl.String()
    if isinstance(dtype, pl.List):
        return pl.List(storable(name, _inner(dtype)))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({field.name: storable(name, _made(field.dtype)) for field in dtype.fields})
    if type(dtype) in _SIGNED:
        return _SIGNED[type(dtype)]
    if isinstance(dtype, pl.Decimal) or dtype in _BY_NAME.values():
        return dtype
    raise Refused(
        f"The column {name!r} has the type {dtype}, which a Delta table cannot keep.",
        hint="Cast it: text, a number, a truth value, a date or an instant.",
        details={"column": name, "type": str(dtype)},
    )


def fit(frame: pl.DataFrame, columns: dict[str, pl.DataType], table: str) -> pl.DataFrame:
    """The frame with exactly these columns in this order: what is missing is null, what has
    another type is converted when every value survives. `Refused` names the first column that does not."""
    fitted = [
        fit_column(frame[name], dtype, table) if name in frame.columns else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in columns.items()
    ]
    return frame.select(fitted)


def fit_column(column: pl.Series, dtype: pl.DataType, table: str) -> pl.Series:
    have = column.dtype
    if have == dtype:
        return column
    if isinstance(dtype, pl.Datetime) and isinstance(have, pl.Datetime):
        return _instants(column, dtype)
    if _may_fit(have, dtype):
        try:
            converted = column.cast(dtype, strict=True)
        except pl.exceptions.PolarsError as error:
            raise _narrowing(column, dtype, table) from error
        if _survived(column, converted):
            return converted
    raise _narrowing(column, dtype, table)


def _instants(column: pl.Series, dtype: pl.Datetime) -> pl.Series:
    zone = column.dtype.time_zone if isinstance(column.dtype, pl.Datetime) else None
    aware = column.dt.replace_time_zone("UTC") if zone is None else column.dt.convert_time_zone("UTC")
    return (aware if dtype.time_zone else aware.dt.replace_time_zone(None)).cast(dtype)


def _may_fit(have: pl.DataType, want: pl.DataType) -> bool:
    """Kinds between which a conversion can be exact; whether it is depends on the values."""
    if have == pl.Null or have.is_nested() or isinstance(have, (pl.Categorical, pl.Enum)):
        return have == pl.Null or type(have) is type(want) or want == pl.String
    if have.is_integer():
        return want.is_integer() or want.is_float() or want.is_decimal()
    return (have.is_float() and want.is_float()) or (have.is_decimal() and want.is_decimal())


def _survived(before: pl.Series, after: pl.Series) -> bool:
    if before.dtype.is_nested():
        return bool(after.cast(before.dtype, strict=False).eq_missing(before).all())
    if before.dtype.is_integer() and after.dtype == pl.Float64:
        return before.len() == before.null_count() or _largest(before) <= _EXACT_IN_DOUBLE
    if before.dtype.is_numeric() and (after.dtype.is_float() or after.dtype.is_decimal()):
        return bool(after.cast(before.dtype, strict=False).eq_missing(before).all())
    return True


def _largest(column: pl.Series) -> int:
    low, high = column.min(), column.max()
    return max(abs(int(low)), abs(int(high))) if isinstance(low, int) and isinstance(high, int) else 0


def _narrowing(column: pl.Series, dtype: pl.DataType, table: str) -> Refused:
    return Refused(
        f"{table}: the column {column.name!r} is kept as {dtype}; {column.dtype} values would be changed by that.",
        hint="Cast the column to the table's type, give it another name, or overwrite the table.",
        details={"table": table, "column": column.name, "stored": str(dtype), "given": str(column.dtype)},
    )


def _inner(dtype: pl.List) -> pl.DataType:
    return _made(dtype.inner)


def _made(dtype: Any) -> pl.DataType:
    made: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return made
