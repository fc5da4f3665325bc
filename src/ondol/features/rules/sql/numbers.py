"""Arithmetic and mathematics."""

from __future__ import annotations

import math
from collections.abc import Callable

import polars as pl
from sqlglot import exp

from ondol.features.rules.sql.typed import KINDS, MOMENTS, Mismatch, Typed, doubles, finite, numbers

Compile = Callable[[exp.Expr], Typed]

_DAY = pl.duration(days=1)


def arithmetic(node: exp.Expr, compiled: Compile) -> Typed:
    """`+ - * / % div` of numbers, and moments with spans of time."""
    pair = compiled(node.this), compiled(node.expression)
    if isinstance(node, exp.Add | exp.Sub) and {each.kind for each in pair} & {*MOMENTS, "interval"}:
        return _of_moments(*pair, -1 if isinstance(node, exp.Sub) else 1)
    (a, b), kind = numbers(pair)
    if isinstance(node, exp.Add):
        return Typed(a + b, kind)
    if isinstance(node, exp.Sub):
        return Typed(a - b, kind)
    if isinstance(node, exp.Mul):
        return Typed(a * b, kind)
    if isinstance(node, exp.Div):
        a, b = doubles(pair)
        return Typed(pl.when(b != 0).then(a / b), "double")
    if isinstance(node, exp.Mod):
        return Typed(pl.when(b != 0).then(a.sign() * (a.abs() % b.abs())), kind)
    if kind != "integer":
        raise Mismatch("double where `div` divides integers")
    return Typed(pl.when(b != 0).then(a.sign() * b.sign() * (a.abs() // b.abs())), kind)


def _of_moments(a: Typed, b: Typed, sign: int) -> Typed:
    if b.kind == "interval" and a.kind in ("timestamp", "wall clock", "interval"):
        return Typed(a.value + sign * b.value, a.kind)
    if a.kind == "interval" and sign == 1:
        return _of_moments(b, a, sign)
    if a.kind == "date" and b.kind == "integer":
        return Typed((a.value.cast(pl.Datetime("us")) + sign * b.value * _DAY).cast(pl.Date), "date")
    if a.kind == b.kind and sign == -1:
        days = (a.value - b.value).dt.total_days()
        return Typed(days, "integer") if a.kind == "date" else Typed(a.value - b.value, "interval")
    raise Mismatch(f"{a.kind} {'plus' if sign > 0 else 'minus'} {b.kind}")


def negative(node: exp.Expr, compiled: Compile) -> Typed:
    (value,), kind = numbers([compiled(node.this)])
    return Typed(-value, kind)


def _same(function: Callable[[pl.Expr], pl.Expr]) -> Callable[[exp.Expr, Compile], Typed]:
    """A function that keeps the type."""

    def of(node: exp.Expr, compiled: Compile) -> Typed:
        (value,), kind = numbers([compiled(node.this)])
        return Typed(function(value).cast(KINDS[kind]), kind)

    return of


def _double(function: Callable[..., pl.Expr]) -> Callable[[exp.Expr, Compile], Typed]:
    """A function of doubles that is null where it is not a finite number."""

    def of(node: exp.Expr, compiled: Compile) -> Typed:
        given = [node.this, node.args.get("expression")]
        values = doubles([compiled(each) for each in given if each is not None])
        return Typed(finite(function(*values)), "double")

    return of


def rounded(node: exp.Expr, compiled: Compile) -> Typed:
    """Halves go away from nought."""
    (value,), kind = numbers([compiled(node.this)])
    decimals = node.args.get("decimals")
    places = whole(decimals) if decimals is not None else 0
    return Typed(value if kind == "integer" else value.round(places, mode="half_away_from_zero"), kind)


def whole(node: exp.Expr | None, least: int = 0) -> int:
    """A literal number of things."""
    if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit() and int(node.name) >= least:
        return int(node.name)
    raise Mismatch(f"{node.sql() if node else 'nothing'} where a whole number from {least} on is")


def logarithm(node: exp.Expr, compiled: Compile) -> Typed:
    """`log10(x)`, `log2(x)`, `log(base, x)`; `log(x)` means two things."""
    if node.args.get("expression") is None:
        raise Mismatch("log without a base, which engines take for ln or log10,")
    base, value = node.this, doubles([compiled(node.expression)])[0]
    number = float(base.name) if isinstance(base, exp.Literal) and not base.is_string else 0.0
    if number <= 1:
        raise Mismatch(f"{base.sql()} as the base of a logarithm")
    return Typed(finite(value.log10() if number == 10 else value.log(number)), "double")


NUMBERS: dict[type[exp.Expr], Callable[[exp.Expr, Compile], Typed]] = {
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.IntDiv), arithmetic),
    exp.Neg: negative,
    exp.Abs: _same(pl.Expr.abs),
    exp.Ceil: _same(pl.Expr.ceil),
    exp.Floor: _same(pl.Expr.floor),
    exp.Sign: _same(pl.Expr.sign),
    exp.Trunc: _same(lambda value: pl.when(value < 0).then(value.ceil()).otherwise(value.floor())),
    exp.Round: rounded,
    exp.Sqrt: _double(pl.Expr.sqrt),
    exp.Cbrt: _double(pl.Expr.cbrt),
    exp.Exp: _double(pl.Expr.exp),
    exp.Ln: _double(pl.Expr.log),
    exp.Log: logarithm,
    exp.Pow: _double(pl.Expr.pow),
    exp.Sin: _double(pl.Expr.sin),
    exp.Cos: _double(pl.Expr.cos),
    exp.Tan: _double(pl.Expr.tan),
    exp.Asin: _double(pl.Expr.arcsin),
    exp.Acos: _double(pl.Expr.arccos),
    exp.Atan: _double(pl.Expr.arctan),
    exp.Atan2: _double(pl.arctan2),
    exp.Degrees: _double(pl.Expr.degrees),
    exp.Radians: _double(pl.Expr.radians),
    exp.Pi: lambda node, compiled: Typed(pl.lit(math.pi), "double"),
}
