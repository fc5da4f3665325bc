"""Dates, instants and wall clocks. What is computed from them is computed in integers: engines' calendars differ."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from ondol.features.rules.columns import microseconds_of
from ondol.features.rules.definitions import MICROSECONDS
from ondol.features.rules.sql.typed import moment_of
from ondol.features.rules.warehouse.neutral import (
    CLOCK,
    DATE,
    DAY,
    DAYS,
    DOUBLE,
    INSTANT,
    MOMENT,
    OF_CLOCK,
    PART,
    WALL,
    Kind,
    Typed,
    floored,
    neutral,
    to,
    whole,
)

if TYPE_CHECKING:
    from ondol.features.rules.warehouse.canonical import Reader

_PARTS: dict[type[exp.Expr], str] = {
    exp.Year: "YEAR", exp.Quarter: "QUARTER", exp.Month: "MONTH", exp.Week: "WEEK", exp.Day: "DAY",
    exp.DayOfYear: "DOY", exp.Hour: "HOUR", exp.Minute: "MINUTE", exp.Second: "SECOND",
}  # fmt: skip
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400, "WEEK": 604_800}
_TO_MONDAY = 3
"""Days from a Monday to 1970-01-01."""
COUNTED_KINDS: dict[Kind, Kind] = {"timestamp": "instant", "date": "day", "wall clock": "wall"}
"""How a kind is called once it is counted in integers."""
KINDS: frozenset[Kind] = frozenset({*COUNTED_KINDS, *COUNTED_KINDS.values()})
_COUNTING: dict[Kind, str] = {"timestamp": INSTANT, "wall clock": OF_CLOCK, "date": DAYS}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def counted(value: exp.Expr, kind: Kind) -> Typed:
    """A moment as an integer, and how that is called."""
    if kind not in _COUNTING:
        return value, kind
    return neutral(_COUNTING[kind], value), COUNTED_KINDS[kind]


def said(text: str, kind: Kind) -> Typed:
    """A text literal as a moment of this kind."""
    native = next((name for name, made in COUNTED_KINDS.items() if made == kind), kind)
    found = moment_of(text, native)
    if not isinstance(found, datetime):
        days = whole((found - _EPOCH.date()).days)
        return (days, kind) if kind == "day" else (to(exp.Literal.string(found.isoformat()), exp.DType.DATE), kind)
    if kind == "timestamp":
        return neutral(MOMENT, exp.Literal.string(found.isoformat(sep=" "))), kind
    since = whole(microseconds_of(found if found.tzinfo else found.replace(tzinfo=UTC)))
    return (neutral(CLOCK, since) if kind == "wall clock" else since), kind


def arithmetic(reader: Reader, node: exp.Expr, left: Typed, right: Typed) -> Typed:
    """`+` and `-` of moments and spans."""
    (a, a_kind), (b, b_kind) = counted(*left), counted(*right)
    both = {a_kind, b_kind}
    if isinstance(node, exp.Sub) and a_kind == b_kind:
        kind: Kind = "integer" if a_kind == "day" else "interval"
    else:
        order: tuple[Kind, ...] = ("instant", "wall", "day", "interval")
        kind = next(one for one in order if one in both)
    return exp.Paren(this=type(node)(this=a, expression=b)), kind


def extracted(reader: Reader, node: exp.Expr) -> Typed:
    name, of = (_PARTS[type(node)], node.this) if type(node) in _PARTS else (node.name.upper(), node.expression)
    value, kind = reader.read(of)
    if name == "EPOCH":
        value, kind = counted(value, kind)
        if kind == "day":
            return to(_times(value, 86_400), DOUBLE), "double"
        return exp.Div(this=to(value, DOUBLE), expression=whole(MICROSECONDS), typed=True), "double"
    if kind == "null":
        return to(value, exp.DType.BIGINT), "integer"
    if kind in ("date", "day") and name in ("HOUR", "MINUTE", "SECOND"):
        return exp.Paren(this=_times(counted(value, kind)[0], 0)), "integer"
    if kind in ("instant", "wall"):
        value, kind = neutral(CLOCK, value), "wall clock"
    elif kind == "day":
        value, kind = neutral(DATE, value), "date"
    return neutral(PART, exp.var(name), value, exp.var(kind.replace(" ", "_"))), "integer"


def wall_clock(reader: Reader, node: exp.Expr) -> Typed:
    value, kind = reader.read(node.this)
    if kind != "timestamp":
        raise reader.refused(node)
    return neutral(WALL, value, node.args["zone"].copy()), "wall clock"


def truncated(reader: Reader, node: exp.Expr) -> Typed:
    unit = str(node.args["unit"].name).upper()
    value, kind = counted(*reader.read(node.this))
    day = 1 if kind == "day" else DAY
    if unit in ("YEAR", "QUARTER", "MONTH"):
        days = value if kind == "day" else _days(value)
        first = to(exp.DateTrunc(this=neutral(DATE, days), unit=exp.var(unit)), exp.DType.DATE)  # type: ignore[no-untyped-call]
        return exp.Paren(this=_times(neutral(DAYS, first), day)), kind
    if unit == "WEEK":
        from_monday = exp.Paren(this=exp.Add(this=value, expression=whole(_TO_MONDAY * day)))
        monday = exp.Sub(this=floored(from_monday, 7 * day), expression=whole(_TO_MONDAY * day))
        return exp.Paren(this=monday), kind
    tile = day if unit == "DAY" else _SECONDS[unit] * MICROSECONDS
    return exp.Paren(this=floored(value, tile)), kind


def interval(reader: Reader, node: exp.Expr) -> Typed:
    unit = str(node.args["unit"].name).upper().removesuffix("S")
    return whole(round(float(node.this.name) * _SECONDS[unit] * MICROSECONDS)), "interval"


def _times(value: exp.Expr, factor: int) -> exp.Expr:
    return exp.Mul(this=value, expression=whole(factor))


def _days(microseconds: exp.Expr) -> exp.Expr:
    return exp.IntDiv(this=exp.Paren(this=floored(microseconds, DAY)), expression=whole(DAY))


def _day_of(kind: Kind) -> Callable[[exp.Expr], Typed]:
    return lambda value: (_days(counted(value, kind)[0]), "day")


CASTS: dict[tuple[Kind, Kind], Callable[[exp.Expr], Typed]] = {
    ("timestamp", "date"): _day_of("timestamp"),
    ("instant", "date"): _day_of("instant"),
    ("wall clock", "date"): _day_of("wall clock"),
    ("wall", "date"): _day_of("wall"),
    ("date", "timestamp"): lambda value: (exp.Paren(this=_times(neutral(DAYS, value), DAY)), "instant"),
    ("day", "timestamp"): lambda value: (exp.Paren(this=_times(value, DAY)), "instant"),
    ("date", "string"): lambda value: (to(value, exp.DType.VARCHAR), "string"),
    ("day", "string"): lambda value: (to(neutral(DATE, value), exp.DType.VARCHAR), "string"),
}
TIMES: dict[type[exp.Expr], Callable[[Reader, exp.Expr], Typed]] = {
    exp.Extract: extracted,
    **dict.fromkeys(_PARTS, extracted),
    exp.AtTimeZone: wall_clock,
    **dict.fromkeys((exp.DateTrunc, exp.TimestampTrunc), truncated),
    exp.Interval: interval,
}
