"""The SQL in which features and labels are written: one expression over the columns of one table."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import lru_cache

import polars as pl
import sqlglot
from sqlglot import exp

from ondol.features.rules.columns import TYPES
from ondol.features.rules.sql.casts import CASTS, column
from ondol.features.rules.sql.conditions import CONDITIONS
from ondol.features.rules.sql.moments import TIMES
from ondol.features.rules.sql.numbers import NUMBERS, Compile
from ondol.features.rules.sql.texts import TEXTS
from ondol.features.rules.sql.typed import Mismatch, Typed, finite
from ondol.kernel.errors import Invalid

ALLOWED: Mapping[type[exp.Expr], Callable[[exp.Expr, Compile], Typed]] = CASTS | CONDITIONS | NUMBERS | TEXTS | TIMES
_WORDS: tuple[type[exp.Expr], ...] = (exp.Column, exp.Identifier, exp.DataType, exp.Var)
_FUNCTIONS = (
    "abs, acos, asin, atan, atan2, cbrt, ceil, coalesce, contains, cos, date_trunc, degrees, ends_with, exp, field, "
    "floor, greatest, if, least, left, length, ln, log10, log2, lower, mod, nullif, pi, position, power, radians, "
    "replace, right, round, sign, sin, split_part, sqrt, starts_with, substring, tan, trim, trunc, upper, "
    "year to second"
)
_HINT = (
    f"Functions are {_FUNCTIONS}; besides, extract(hour from t), t at time zone 'Europe/Paris', interval '3 hours', "
    "case, cast, in, between, like, is null, ||."
)
_SAID = frozenset(
    {
        "this", "expression", "expressions", "low", "high", "ifs", "true", "false", "default", "to", "zone", "unit",
        "substr", "position", "start", "length", "replacement", "delimiter", "part_index", "decimals", "negate",
        "is_string", "quoted", "safe", "typed", "ignore_nulls",
    }
)  # fmt: skip
"""What a node may say. sqlglot puts some of what was written into further arguments: those would be lost silently."""
_MAX_LENGTH = 2000


def columns_of(text: str, columns: Mapping[str, str], purpose: str) -> list[str]:
    """The columns an expression reads, in order of appearance; `Invalid` as for `value_expression`."""
    tree = tree_of(text, columns, purpose)
    return list(dict.fromkeys(each.name for each in tree.find_all(exp.Column, bfs=False)))


def tree_of(text: str, columns: Mapping[str, str], purpose: str) -> exp.Expr:
    """The expression as sqlglot's tree: allowed operators over these columns only, and `field` written as `case`."""
    tree = _parsed(text, purpose).transform(_field_as_case)
    for node in tree.walk():
        if isinstance(node, exp.Column):
            _check_column(node, columns, purpose)
        elif type(node) not in ALLOWED and not isinstance(node, _WORDS):
            word = node.name if isinstance(node, exp.Anonymous) else type(node).__name__.lower()
            raise Invalid(f"{purpose}: {text!r} uses {word!r}, which features cannot.", hint=_HINT)
        elif more := [name for name, value in node.args.items() if value and name not in _SAID and name[0] != "_"]:
            raise Invalid(f"{purpose}: {text!r} uses {more[0]!r}, which features cannot.", hint=_HINT)
    return tree


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
    tree = tree_of(text, types, purpose)
    try:
        made = _compiler(types)(tree)
        pl.DataFrame(schema={name: TYPES[kind] for name, kind in types.items()}).select(made.value.alias("value"))
    except (Mismatch, pl.exceptions.PolarsError, ValueError, TypeError, OverflowError) as error:
        raise Invalid(f"{purpose}: {text!r} has {error}: that does not work.", hint=_HINT) from error
    if made.kind in ("integer", "boolean"):
        return made.value.cast(pl.Float64)
    if made.kind == "double":
        return made.value if isinstance(tree, exp.Column) else finite(made.value)
    if counted and made.kind in TYPES:
        return made.value
    raise Invalid(
        f"{purpose}: {text!r} gives {made.kind}; features are numbers or booleans.",
        hint="Compare it (carrier = 'AA'), number it (field(carrier, 'AA', 'DL')), or take a part of it "
        "(extract(hour from departs_at)).",
    )


def _compiler(types: Mapping[str, str]) -> Compile:
    def compiled(node: exp.Expr) -> Typed:
        if isinstance(node, exp.Column):
            return column(node.name, types[node.name])
        made = ALLOWED[type(node)](node, compiled)
        return Typed(~made.value, made.kind) if node.args.get("negate") else made

    return compiled


def _parsed(text: str, purpose: str) -> exp.Expr:
    if len(text) > _MAX_LENGTH:
        raise Invalid(f"{purpose}: an expression has at most {_MAX_LENGTH} characters.", hint="Split it.")
    try:
        return sqlglot.parse_one(text)
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise Invalid(
            f"{purpose}: {text!r} is not an SQL expression.", hint='Write one like "distance > 500".'
        ) from error


def _field_as_case(node: exp.Expr) -> exp.Expr:
    """`field(x, 'a', 'b')` numbers categories from 1; anything else, null as well, is 0."""
    if not (isinstance(node, exp.Anonymous) and node.name.lower() == "field" and len(node.expressions) > 1):
        return node
    value, *names = node.expressions
    branches = [
        exp.If(this=exp.EQ(this=value.copy(), expression=name.copy()), true=exp.Literal.number(number))
        for number, name in enumerate(names, start=1)
    ]
    return exp.Case(ifs=branches, default=exp.Literal.number(0))


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
