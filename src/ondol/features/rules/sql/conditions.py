"""Comparisons, logic of three values, and choices."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce

import polars as pl
from sqlglot import exp

from ondol.features.rules.sql.numbers import Compile
from ondol.features.rules.sql.typed import KINDS, MOMENTS, NUMBERS, Mismatch, Typed, only, together

_COMPARISONS: dict[type[exp.Expr], Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.NullSafeEQ: pl.Expr.eq_missing,
    exp.NullSafeNEQ: pl.Expr.ne_missing,
}


def compared(node: exp.Expr, compiled: Compile) -> Typed:
    (a, b), _ = together([compiled(node.this), compiled(node.expression)])
    return Typed(_COMPARISONS[type(node)](a, b), "boolean")


def between(node: exp.Expr, compiled: Compile) -> Typed:
    (value, low, high), _ = together([compiled(node.this), compiled(node.args["low"]), compiled(node.args["high"])])
    return Typed((value >= low) & (value <= high), "boolean")


def among(node: exp.Expr, compiled: Compile) -> Typed:
    if not node.expressions or any(isinstance(each, exp.Null) for each in node.expressions):
        raise Mismatch("`in` without a list of values")
    (value, *others), _ = together([compiled(each) for each in (node.this, *node.expressions)])
    return Typed(reduce(operator.or_, [value == other for other in others]), "boolean")


def is_(node: exp.Expr, compiled: Compile) -> Typed:
    value = compiled(node.this)
    if isinstance(node.expression, exp.Null):
        return Typed(value.value.is_null(), "boolean")
    if isinstance(node.expression, exp.Boolean):
        return Typed(only(value, "boolean").eq_missing(pl.lit(bool(node.expression.this))), "boolean")
    raise Mismatch(f"`is {node.expression.sql()}`")


def logic(node: exp.Expr, compiled: Compile) -> Typed:
    if isinstance(node, exp.Not):
        return Typed(~only(compiled(node.this), "boolean"), "boolean")
    a, b = only(compiled(node.this), "boolean"), only(compiled(node.expression), "boolean")
    return Typed(a & b if isinstance(node, exp.And) else a | b, "boolean")


def case(node: exp.Expr, compiled: Compile) -> Typed:
    branches = node.args["ifs"]
    default = node.args.get("default")
    tests = [exp.EQ(this=node.this, expression=branch.this) if node.this else branch.this for branch in branches]
    results = [branch.args["true"] for branch in branches]
    return _chosen(tests, [*results, default or exp.Null()], compiled)


def if_(node: exp.Expr, compiled: Compile) -> Typed:
    return _chosen([node.this], [node.args["true"], node.args.get("false") or exp.Null()], compiled)


def _chosen(tests: Sequence[exp.Expr], results: Sequence[exp.Expr], compiled: Compile) -> Typed:
    *found, default = (values := together([compiled(each) for each in results]))[0]
    chosen = default
    for test, result in reversed(list(zip(tests, found, strict=True))):
        chosen = pl.when(only(compiled(test), "boolean")).then(result).otherwise(chosen)
    return Typed(chosen, values[1])


def coalesced(node: exp.Expr, compiled: Compile) -> Typed:
    values, kind = together([compiled(each) for each in (node.this, *node.expressions)])
    return Typed(pl.coalesce(values), kind)


def nullified(node: exp.Expr, compiled: Compile) -> Typed:
    (a, b), kind = together([compiled(node.this), compiled(node.expression)])
    return Typed(pl.when((a == b).fill_null(False)).then(None).otherwise(a).cast(KINDS[kind]), kind)


def extreme(node: exp.Expr, compiled: Compile) -> Typed:
    """The largest or smallest of those that are not null."""
    values, kind = together([compiled(each) for each in (node.this, *node.expressions)])
    if kind not in (*NUMBERS, *MOMENTS):
        raise Mismatch(f"{kind} where numbers or moments are")
    found = pl.max_horizontal(values) if isinstance(node, exp.Greatest) else pl.min_horizontal(values)
    return Typed(found, kind)


CONDITIONS: dict[type[exp.Expr], Callable[[exp.Expr, Compile], Typed]] = {
    **dict.fromkeys(_COMPARISONS, compared),
    exp.Between: between,
    exp.In: among,
    exp.Is: is_,
    **dict.fromkeys((exp.And, exp.Or, exp.Not), logic),
    exp.Case: case,
    exp.If: if_,
    exp.Coalesce: coalesced,
    exp.Nullif: nullified,
    **dict.fromkeys((exp.Greatest, exp.Least), extreme),
}
