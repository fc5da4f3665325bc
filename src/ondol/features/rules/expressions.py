"""The SQL in which features and labels are written: one expression over the columns of one table."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache

import polars as pl
import sqlglot
from sqlglot import exp

from ondol.features.rules.columns import TYPES
from ondol.kernel.errors import Invalid

_OPERATORS: tuple[type[exp.Expr], ...] = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren,
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.Between, exp.In, exp.Like,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg,
    exp.Case, exp.If, exp.Cast, exp.DataType, exp.Extract, exp.Var,
)  # fmt: skip
_FUNCTIONS: dict[type[exp.Expr], str] = {
    exp.Abs: "abs", exp.Ceil: "ceil", exp.Coalesce: "coalesce", exp.Cos: "cos", exp.Exp: "exp", exp.Floor: "floor",
    exp.Greatest: "greatest", exp.Least: "least", exp.Length: "length", exp.Ln: "ln", exp.Lower: "lower",
    exp.Nullif: "nullif", exp.Pi: "pi", exp.Pow: "power", exp.Round: "round", exp.Sign: "sign", exp.Sin: "sin",
    exp.Sqrt: "sqrt", exp.StartsWith: "starts_with", exp.Tan: "tan", exp.Upper: "upper", exp.Year: "year",
    exp.Quarter: "quarter", exp.Month: "month", exp.Day: "day", exp.Hour: "hour", exp.Minute: "minute",
}  # fmt: skip
_ALLOWED: tuple[type[exp.Expr], ...] = (*_OPERATORS, *_FUNCTIONS)
_PARTS = {"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DOW", "ISODOW", "DOY", "HOUR", "MINUTE", "SECOND", "EPOCH"}
_CASTS = {
    exp.DataType.Type.INT: "BIGINT", exp.DataType.Type.BIGINT: "BIGINT", exp.DataType.Type.DOUBLE: "DOUBLE",
    exp.DataType.Type.FLOAT: "DOUBLE", exp.DataType.Type.BOOLEAN: "BOOLEAN", exp.DataType.Type.VARCHAR: "VARCHAR",
    exp.DataType.Type.TEXT: "VARCHAR",
}  # fmt: skip
# Polars gives these as 8-bit or unsigned integers: `extract(hour from t) * 60` would wrap around at 127.
_NARROW = (exp.Extract, exp.Length, exp.Sign, exp.Year, exp.Quarter, exp.Month, exp.Day, exp.Hour, exp.Minute)
_HINT = f"Functions are {', '.join(sorted(_FUNCTIONS.values()))}, extract(hour from t), case, cast, in, between, like."
_MAX_LENGTH = 2000


def columns_of(text: str, columns: Mapping[str, str], purpose: str) -> list[str]:
    """The columns an expression reads, in order of appearance; `Invalid` as for `value_expression`."""
    tree = _parsed(text, purpose)
    _check(tree, text, columns, purpose)
    return list(dict.fromkeys(column.name for column in tree.find_all(exp.Column, bfs=False)))


def counted_expression(text: str, columns: Mapping[str, str], purpose: str) -> pl.Expr:
    """As `value_expression`; but text, dates and moments stay what they are: they can be counted."""
    return _value_expression(text, tuple(columns.items()), purpose, True)


def value_expression(text: str, columns: Mapping[str, str], purpose: str) -> pl.Expr:
    """A SQL expression as a finite double or null: booleans are 0 and 1, infinities and NaN are null.

    `columns` are the table's columns with the lake's types; `purpose` names the feature
    in errors. Raises `Invalid` for anything but an expression of the allowed operators
    and functions over these columns that gives a number or a boolean.
    """
    return _value_expression(text, tuple(columns.items()), purpose, False)


@lru_cache(maxsize=1024)
def _value_expression(text: str, columns: tuple[tuple[str, str], ...], purpose: str, counted: bool) -> pl.Expr:
    types = dict(columns)
    tree = _parsed(text, purpose)
    _check(tree, text, types, purpose)
    expression, kind = _typed(_widened(tree).sql(identify=True), text, types, purpose)
    if not (kind.is_numeric() or kind == pl.Boolean):
        if counted and kind in TYPES.values():
            return expression
        raise Invalid(
            f"{purpose}: {text!r} gives {kind}; features are numbers or booleans.",
            hint="Compare it (carrier = 'AA'), or take a part of it (extract(hour from departs_at)).",
        )
    value = expression.cast(pl.Float64)
    return pl.when(value.is_finite()).then(value) if kind.is_float() else value


def _parsed(text: str, purpose: str) -> exp.Expr:
    if len(text) > _MAX_LENGTH:
        raise Invalid(f"{purpose}: an expression has at most {_MAX_LENGTH} characters.", hint="Split it.")
    try:
        return sqlglot.parse_one(text)
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise Invalid(
            f"{purpose}: {text!r} is not an SQL expression.", hint='Write one like "distance > 500".'
        ) from error


def _check(tree: exp.Expr, text: str, columns: Mapping[str, str], purpose: str) -> None:
    for node in tree.walk():
        if not isinstance(node, _ALLOWED):
            word = node.name if isinstance(node, exp.Anonymous) else type(node).__name__.lower()
            raise Invalid(f"{purpose}: {text!r} uses {word!r}, which features cannot.", hint=_HINT)
        if isinstance(node, exp.Column):
            _check_column(node, columns, purpose)
        elif isinstance(node, exp.Extract) and node.name.upper() not in _PARTS:
            raise Invalid(f"{purpose}: extract knows {', '.join(sorted(_PARTS)).lower()}, not {node.name!r}.")
        elif isinstance(node, exp.Cast) and node.to.this not in _CASTS:
            raise Invalid(f"{purpose}: cast to bigint, double, boolean or varchar, not {node.to.sql()}.")
        elif isinstance(node, exp.In) and not node.expressions:
            raise Invalid(f"{purpose}: `in` takes a list of values.", hint="Write carrier in ('AA', 'DL').")


def _check_column(node: exp.Column, columns: Mapping[str, str], purpose: str) -> None:
    if node.table:
        raise Invalid(f"{purpose}: {node.sql()!r} names a table; write {node.name!r}.")
    if node.name in columns:
        return
    near = difflib.get_close_matches(node.name, columns, n=1)
    raise Invalid(
        f"{purpose}: there is no column {node.name!r}.",
        hint=f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(columns)}.",
        details={"column": node.name, "columns": list(columns)},
    )


def _widened(tree: exp.Expr) -> exp.Expr:
    """Narrow integers become 64 bits wide; casts give null instead of failing on a value."""
    holder = exp.Paren(this=tree.copy())
    for node in reversed(list(holder.walk())):  # the innermost first
        if isinstance(node, _NARROW) and not (isinstance(node, exp.Extract) and node.name.upper() == "EPOCH"):
            node.replace(exp.Cast(this=node.copy(), to=exp.DataType.build("BIGINT")))
        elif isinstance(node, exp.Cast):
            node.replace(exp.TryCast(this=node.this.copy(), to=exp.DataType.build(_CASTS[node.to.this])))
    return holder


def _typed(sql: str, text: str, types: Mapping[str, str], purpose: str) -> tuple[pl.Expr, pl.DataType]:
    """The expression, and the type it gives, from a try on no rows."""
    try:
        expression = pl.sql_expr(sql)
        nothing = pl.DataFrame(schema={name: TYPES[kind] for name, kind in types.items()})
        kind = nothing.select(expression.alias("value")).dtypes[0]
    except pl.exceptions.PolarsError as error:
        raise Invalid(f"{purpose}: {text!r} does not work: {str(error).splitlines()[0]}", hint=_HINT) from error
    return expression, kind
