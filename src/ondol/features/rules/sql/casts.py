"""Literals, columns, and types made into others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl
from sqlglot import exp

from ondol.features.rules.columns import TYPES
from ondol.features.rules.sql.numbers import Compile
from ondol.features.rules.sql.typed import KINDS, Mismatch, Typed, finite, moment_of

_LARGEST = 2**63 - 1
_TYPE = exp.DataType.Type
NAMES: Mapping[object, str] = {
    _TYPE.INT: "integer", _TYPE.BIGINT: "integer", _TYPE.DOUBLE: "double", _TYPE.FLOAT: "double",
    _TYPE.BOOLEAN: "boolean", _TYPE.VARCHAR: "string", _TYPE.TEXT: "string", _TYPE.DATE: "date",
    _TYPE.TIMESTAMP: "timestamp", _TYPE.TIMESTAMPTZ: "timestamp",
}  # fmt: skip
_CASTS: dict[tuple[str, str], Callable[[pl.Expr], pl.Expr]] = {
    ("integer", "double"): lambda value: value.cast(pl.Float64),
    ("integer", "string"): lambda value: value.cast(pl.String),
    ("integer", "boolean"): lambda value: value != 0,
    # Towards nought; what no integer can hold is null.
    ("double", "integer"): lambda value: value.cast(pl.Int64, strict=False),
    ("double", "boolean"): lambda value: value != 0,
    ("boolean", "integer"): lambda value: value.cast(pl.Int64),
    ("boolean", "double"): lambda value: value.cast(pl.Float64),
    ("boolean", "string"): lambda value: pl.when(value).then(pl.lit("true")).when(~value).then(pl.lit("false")),
    ("string", "integer"): lambda value: value.str.strip_chars(" ").cast(pl.Int64, strict=False),
    ("string", "double"): lambda value: finite(value.str.strip_chars(" ").cast(pl.Float64, strict=False)),
    ("timestamp", "date"): lambda value: value.dt.date(),
    ("wall clock", "date"): lambda value: value.dt.date(),
    ("date", "timestamp"): lambda value: value.cast(pl.Datetime("us", "UTC")),
    ("date", "string"): lambda value: value.dt.to_string("iso:strict"),
}


def cast(node: exp.Expr, compiled: Compile) -> Typed:
    """What does not fit is null: text that is no number, a number too large for an integer."""
    given, wanted = compiled(node.this), NAMES.get(node.args["to"].this, "")
    if not wanted or node.args["to"].expressions:
        raise Mismatch(f"a cast to {node.args['to'].sql()}, which is none of {', '.join(sorted(TYPES))},")
    if given.literal is not None and wanted in ("date", "timestamp"):
        return Typed(pl.lit(moment_of(given.literal, wanted), KINDS[wanted]), wanted)
    if given.kind in (wanted, "null"):
        return Typed(given.value.cast(KINDS[wanted]), wanted)
    change = _CASTS.get((given.kind, wanted))
    if change is None:
        raise Mismatch(f"a cast of {given.kind} to {wanted}")
    return Typed(change(given.value), wanted)


def literal(node: exp.Expr, compiled: Compile) -> Typed:
    if node.is_string:
        return Typed(pl.lit(node.name), "string", node.name)
    if node.name.isdigit() and int(node.name) <= _LARGEST:
        return Typed(pl.lit(int(node.name), pl.Int64), "integer")
    return Typed(pl.lit(float(node.name), pl.Float64), "double")


def column(name: str, kind: str) -> Typed:
    """Infinities and NaN in a table are null."""
    return Typed(finite(pl.col(name)) if kind == "double" else pl.col(name), kind)


CASTS: dict[type[exp.Expr], Callable[[exp.Expr, Compile], Typed]] = {
    exp.Cast: cast,
    exp.TryCast: cast,
    exp.Literal: literal,
    exp.Boolean: lambda node, compiled: Typed(pl.lit(bool(node.this)), "boolean"),
    exp.Null: lambda node, compiled: Typed(pl.lit(None), "null"),
    exp.Paren: lambda node, compiled: compiled(node.this),
}
