"""The SQL in which a contract may say what holds in every row: one condition over its columns."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from ondol.kernel.errors import Invalid
from ondol.kernel.lazy import lazy
from ondol.lake.rules import casting
from ondol.lake.types import ColumnType

if TYPE_CHECKING:
    import polars as pl
    from sqlglot import exp
else:
    pl = lazy("polars")
    exp = lazy("sqlglot.expressions")

_ALLOWED = (
    "Column", "Identifier", "Literal", "Boolean", "Null", "Paren", "And", "Or", "Not", "EQ", "NEQ", "GT", "GTE", "LT",
    "LTE", "Is", "Between", "In", "Like", "Add", "Sub", "Mul", "Div", "Mod", "Neg", "Case", "If", "Cast", "DataType",
    "Extract", "Var", "Abs", "Ceil", "Coalesce", "Floor", "Greatest", "Least", "Length", "Lower", "Nullif", "Round",
    "Sqrt", "StartsWith", "Upper", "Year", "Month", "Day", "Hour", "Minute",
)  # fmt: skip
# Polars gives these as 8-bit or unsigned integers: `extract(hour from t) * 60` would wrap around at 127.
_NARROW = ("Extract", "Length", "Year", "Month", "Day", "Hour", "Minute")
_CASTS = {"bigint", "int", "double", "double precision", "boolean", "varchar", "text", "timestamp", "date"}
_LONGEST = 2000


def condition(text: str, columns: Mapping[str, ColumnType], purpose: str) -> pl.Expr:
    """A boolean expression over typed rows; null counts as true. `Invalid` for anything outside of the allow-list,
    for columns that are not there, and for what gives no boolean."""
    return _condition(text, tuple(columns.items()), purpose)


@lru_cache(maxsize=512)
def _condition(text: str, columns: tuple[tuple[str, ColumnType], ...], purpose: str) -> pl.Expr:
    types = dict(columns)
    tree = _parsed(text, purpose)
    for node in tree.walk():
        _check(node, text, types, purpose)
    try:
        made = pl.sql_expr(_widened(tree).sql(dialect="postgres"))
        kind = casting.empty_frame(types).select(made.alias("holds")).dtypes[0]
    except pl.exceptions.PolarsError as error:
        raise Invalid(f"{purpose}: {text!r} does not work: {str(error).splitlines()[0]}") from error
    if kind != pl.Boolean:
        raise Invalid(
            f"{purpose}: {text!r} gives {kind}; a rule is true or false.", hint='Write "arrived >= departed".'
        )
    return made.fill_null(True)


def columns_of(text: str, purpose: str = "expression") -> list[str]:
    """The columns that a condition reads, in order of appearance."""
    return list(dict.fromkeys(column.name for column in _parsed(text, purpose).find_all(exp.Column, bfs=False)))


def _parsed(text: str, purpose: str) -> exp.Expr:
    import sqlglot

    if not text.strip() or len(text) > _LONGEST:
        raise Invalid(f"{purpose}: an expression has 1 to {_LONGEST} characters.", hint='Write "arrived >= departed".')
    try:
        return sqlglot.parse_one(text, dialect="postgres")
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise Invalid(f"{purpose}: {text!r} is not an SQL expression.", hint='Write "arrived >= departed".') from error


def _check(node: exp.Expr, text: str, types: Mapping[str, ColumnType], purpose: str) -> None:
    kind = type(node).__name__
    if kind not in _ALLOWED:
        word = node.name if kind == "Anonymous" else kind.lower()
        raise Invalid(
            f"{purpose}: {text!r} uses {word!r}, which a contract cannot.",
            hint=f"It may use {', '.join(name.lower() for name in _ALLOWED[6:])}.",
        )
    if kind == "Column" and (node.name not in types or node.args.get("table")):
        near = difflib.get_close_matches(node.name, types, n=1)
        raise Invalid(
            f"{purpose}: there is no column {node.sql()!r}.",
            hint=f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(types)}.",
        )
    if kind == "Cast" and node.args["to"].sql().lower() not in _CASTS:
        raise Invalid(f"{purpose}: cast to {', '.join(sorted(_CASTS))}, not to {node.args['to'].sql()}.")
    if kind == "In" and not node.expressions:
        raise Invalid(f"{purpose}: `in` takes a list of values.", hint="Write carrier in ('AA', 'DL').")


def _widened(tree: exp.Expr) -> exp.Expr:
    """Narrow integers become 64 bits wide; a cast of a value that cannot be cast is null."""
    holder = exp.Paren(this=tree.copy())
    for node in reversed(list(holder.walk())):  # the innermost first
        if type(node).__name__ in _NARROW:
            node.replace(exp.Cast(this=node.copy(), to=exp.DataType.build("BIGINT")))
        elif type(node).__name__ == "Cast":
            node.replace(exp.TryCast(this=node.args["this"].copy(), to=node.args["to"].copy()))
    return holder
