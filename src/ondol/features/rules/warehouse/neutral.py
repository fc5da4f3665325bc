"""Words between `canonical`, which says what is meant, and `dialects`, which says how an engine writes it."""

from __future__ import annotations

from typing import Literal

from sqlglot import exp

from ondol.features.rules.definitions import MICROSECONDS

Kind = Literal[
    "integer", "double", "boolean", "string", "timestamp", "date", "wall clock", "null",
    "interval", "instant", "wall", "day",
]  # fmt: skip
"""The lake's types and a wall clock as an engine's own values; and as integers: spans and instants in microseconds,
wall clocks in microseconds since 1970 on that wall, days since 1970-01-01."""
Typed = tuple[exp.Expr, Kind]

INSTANT = "ONDOL_INSTANT"
"""Of a timestamp: microseconds since 1970 UTC."""
DAYS = "ONDOL_DAYS"
"""Of a date: days since 1970-01-01."""
DATE = "ONDOL_DATE"
"""The date of a number of days since 1970-01-01."""
WALL = "ONDOL_WALL"
"""What clocks of a time zone show at a timestamp."""
CLOCK = "ONDOL_CLOCK"
"""The wall clock of microseconds since 1970 on it."""
OF_CLOCK = "ONDOL_OF_CLOCK"
"""Microseconds since 1970 of a wall clock."""
PART = "ONDOL_PART"
"""A part of a timestamp in UTC, of a date or a wall clock: its name, the value, and the kind of the value."""
WHOLE = "ONDOL_WHOLE"
"""A double without its fraction as an integer; null beyond 64 bits."""
PARSED = "ONDOL_PARSED"
"""A text as a number of a type; null where it is none."""
REMAINDER = "ONDOL_REMAINDER"
"""Of two doubles."""
FINITE = "ONDOL_FINITE"
"""A double, or null when it is infinite or no number."""
MOMENT = "ONDOL_MOMENT"
"""The instant that a text names."""
TRIMMED = "ONDOL_TRIMMED"
"""A text without spaces at BOTH ends, or at the LEADING or TRAILING one."""
LOG10, LOG2 = "ONDOL_LOG10", "ONDOL_LOG2"

BIGINT, DOUBLE = exp.DType.BIGINT, exp.DType.DOUBLE
DAY = 86_400 * MICROSECONDS


def neutral(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def whole(number: int) -> exp.Expr:
    return exp.Literal.number(number) if number >= 0 else exp.Neg(this=exp.Literal.number(-number))


def to(value: exp.Expr, kind: exp.DType) -> exp.Expr:
    return exp.Cast(this=value, to=exp.DataType(this=kind))


def bits(value: exp.Expr) -> exp.Expr:
    """A boolean as 0 and 1: many engines cast booleans to INT and to nothing else."""
    return to(value, exp.DType.INT)


def as_double(value: exp.Expr, kind: Kind) -> exp.Expr:
    if kind == "double":
        return value
    return to(bits(value) if kind == "boolean" else value, DOUBLE)


def case(*branches: tuple[exp.Expr, exp.Expr], default: exp.Expr | None = None) -> exp.Expr:
    return exp.Case(ifs=[exp.If(this=when, true=then) for when, then in branches], default=default)


def finite(value: exp.Expr) -> exp.Expr:
    return neutral(FINITE, value)


def floored(value: exp.Expr, tile: int) -> exp.Expr:
    """The beginning of the tile that an integer is in, also below nought."""
    inner = exp.Mod(this=value, expression=whole(tile))
    around = exp.Paren(this=exp.Add(this=inner, expression=whole(tile)))
    return exp.Sub(this=value.copy(), expression=exp.Mod(this=around, expression=whole(tile)))
