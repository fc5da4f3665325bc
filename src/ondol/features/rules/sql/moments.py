"""Dates, instants, and the clocks on the walls of time zones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import polars as pl
from sqlglot import exp

from ondol.features.rules.sql.numbers import Compile
from ondol.features.rules.sql.texts import literal
from ondol.features.rules.sql.typed import MOMENTS, Mismatch, Typed, only

_OF_DAYS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "YEAR": lambda moment: moment.dt.year(),
    "ISOYEAR": lambda moment: moment.dt.iso_year(),
    "QUARTER": lambda moment: moment.dt.quarter(),
    "MONTH": lambda moment: moment.dt.month(),
    "WEEK": lambda moment: moment.dt.week(),
    "DAY": lambda moment: moment.dt.day(),
    "DOW": lambda moment: moment.dt.weekday() % 7,
    "ISODOW": lambda moment: moment.dt.weekday(),
    "DOY": lambda moment: moment.dt.ordinal_day(),
    "HOUR": lambda moment: moment.dt.hour(),
    "MINUTE": lambda moment: moment.dt.minute(),
    "SECOND": lambda moment: moment.dt.second(),
}
PARTS = (*_OF_DAYS, "EPOCH")
_STEPS = {"YEAR": "1y", "QUARTER": "1q", "MONTH": "1mo", "WEEK": "1w", "DAY": "1d", "HOUR": "1h", "MINUTE": "1m"}
_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400, "WEEK": 604_800}


def extracted(node: exp.Expr, compiled: Compile) -> Typed:
    """Weeks are those of ISO 8601; dow is 0 on Sunday, isodow 7; seconds are whole, the epoch's have fractions."""
    return _part(node.name.upper(), compiled(node.expression))


def _part(part: str, moment: Typed) -> Typed:
    if part == "EPOCH":
        if moment.kind == "interval":
            return Typed(moment.value.dt.total_microseconds() / 1_000_000, "double")
        if moment.kind not in ("timestamp", "date", "null"):
            raise Mismatch(f"the epoch of a {moment.kind}")
        return Typed(moment.value.cast(pl.Datetime("us")).cast(pl.Int64) / 1_000_000, "double")
    if part not in _OF_DAYS:
        raise Mismatch(f"{part.lower()} where one of {', '.join(PARTS).lower()} is")
    if moment.kind not in (*MOMENTS, "null"):
        raise Mismatch(f"the {part.lower()} of {moment.kind}")
    value = moment.value.cast(pl.Datetime("us")) if moment.kind in ("date", "null") else moment.value
    return Typed(_OF_DAYS[part](value).cast(pl.Int64), "integer")


def _named(part: str) -> Callable[[exp.Expr, Compile], Typed]:
    return lambda node, compiled: _part(part, compiled(node.this))


def wall_clock(node: exp.Expr, compiled: Compile) -> Typed:
    """What the clocks of a zone show at an instant, summer time and all."""
    zone = literal(node.args.get("zone"), "a time zone")
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, LookupError) as error:
        raise Mismatch(f"{zone!r}, which is no time zone of the IANA database,") from error
    instant = only(compiled(node.this), "timestamp")
    return Typed(instant.dt.convert_time_zone(zone).dt.replace_time_zone(None), "wall clock")


def truncated(node: exp.Expr, compiled: Compile) -> Typed:
    """The beginning of the year, quarter, month, week (Monday), day, hour or minute."""
    unit, moment = str(node.args["unit"].name).upper(), compiled(node.this)
    if unit not in _STEPS or (moment.kind == "date" and unit in ("HOUR", "MINUTE")):
        raise Mismatch(f"{unit.lower()} where one of {', '.join(_STEPS).lower()} is")
    if moment.kind not in MOMENTS:
        raise Mismatch(f"date_trunc of {moment.kind}")
    return Typed(moment.value.dt.truncate(_STEPS[unit]), moment.kind)


def interval(node: exp.Expr, compiled: Compile) -> Typed:
    """Spans of a fixed length: seconds to weeks."""
    unit = str(node.args["unit"].name).upper().removesuffix("S") if node.args.get("unit") else ""
    try:
        span = timedelta(seconds=float(node.this.name) * _SECONDS[unit])
    except (KeyError, ValueError, OverflowError, AttributeError) as error:
        raise Mismatch(f"{node.sql()} where a span like interval '3 hours' (seconds to weeks) is") from error
    return Typed(pl.lit(span, pl.Duration("us")), "interval")


TIMES: dict[type[exp.Expr], Callable[[exp.Expr, Compile], Typed]] = {
    exp.Extract: extracted,
    exp.Year: _named("YEAR"),
    exp.Quarter: _named("QUARTER"),
    exp.Month: _named("MONTH"),
    exp.Week: _named("WEEK"),
    exp.Day: _named("DAY"),
    exp.DayOfYear: _named("DOY"),
    exp.Hour: _named("HOUR"),
    exp.Minute: _named("MINUTE"),
    exp.Second: _named("SECOND"),
    exp.AtTimeZone: wall_clock,
    **dict.fromkeys((exp.DateTrunc, exp.TimestampTrunc), truncated),
    exp.Interval: interval,
}
