"""Rules as expressions: how many rows break a rule, and which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ondol.kernel.lazy import lazy
from ondol.lake.rules import casting, conditions
from ondol.lake.rules import spec as declared
from ondol.lake.types import DatasetSpec, Rule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

BAD = "__bad "
"""Before a column's name: whether its value could not be read."""
References = Mapping[tuple[str, str], "pl.Series"]
"""The values of columns of other datasets, by dataset and column."""


def count(rule: Rule, spec: DatasetSpec, flags: set[str], references: References) -> pl.Expr:
    """How many rows break the rule; 0 exactly when none does (`unique`: cheaper than to tell which)."""
    names = declared.columns_of(rule)
    if rule.kind == "unique" and len(names) == 1:
        column = pl.col(names[0])
        return column.len() - column.null_count() - column.drop_nulls().n_unique()
    if rule.kind == "not_null" and not flags & set(names):
        return pl.sum_horizontal(pl.col(name).null_count() for name in names)
    return broken(rule, spec, flags, references).sum()


def broken(rule: Rule, spec: DatasetSpec, flags: set[str], references: References) -> pl.Expr:
    """True where a row breaks the rule; only `not_null` looks at missing values.

    `flags` are the columns that have a `BAD` column beside them: what could not be read is no missing value.
    """
    names = declared.columns_of(rule)
    column = pl.col(names[0]) if names and names[0] else pl.lit(None)
    if rule.kind == "not_null":
        unread = [pl.col(BAD + name) for name in names if name in flags]
        return pl.any_horizontal(pl.col(names).is_null()) & ~pl.any_horizontal(pl.lit(False), *unread)
    if rule.kind == "unique":
        return (pl.struct(names).is_duplicated() if len(names) > 1 else column.is_duplicated()) & pl.all_horizontal(
            pl.col(names).is_not_null()
        )
    if rule.kind == "expression":
        return ~conditions.condition(rule.expression, spec.columns, f"{spec.name}: contract")
    return _value_broken(rule, column, spec, references).fill_null(False)


def _value_broken(rule: Rule, column: pl.Expr, spec: DatasetSpec, references: References) -> pl.Expr:
    if rule.kind == "one_of":
        return ~(column if spec.columns[rule.column] == "string" else column.cast(pl.String)).is_in(rule.values)
    if rule.kind == "matches":
        return ~column.str.contains(f"^(?:{rule.pattern})$")
    if rule.kind == "exists_in":
        allowed = references[rule.dataset, rule.other].cast(
            casting.polars_type(spec.columns[rule.column]), strict=False
        )
        return ~column.is_in(allowed.implode())
    low = column < rule.low if rule.low is not None else pl.lit(False)
    high = column > rule.high if rule.high is not None else pl.lit(False)
    return low | high


def wording(rule: Rule) -> str:
    """What the rule asks for."""
    names = ", ".join(rule.columns) or rule.column
    bounds = _bounds(rule)
    return {
        "unique": f"{names} unique",
        "not_null": f"{names} not null",
        "one_of": f"{names} one of {', '.join(rule.values)}",
        "matches": f"{names} like {rule.pattern}",
        "exists_in": f"{names} in {rule.dataset}.{rule.other}",
        "expression": rule.expression,
        "rows": f"rows {bounds}",
    }.get(rule.kind, f"{names} {bounds}")


def _bounds(rule: Rule) -> str:
    if rule.low is not None and rule.high is not None:
        return f"between {rule.low:g} and {rule.high:g}"
    return f"at least {rule.low:g}" if rule.low is not None else f"at most {rule.high or 0:g}"
