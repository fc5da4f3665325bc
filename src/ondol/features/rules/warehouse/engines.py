"""What each engine writes for the neutral words, and for functions that are its own."""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlglot import exp

from ondol.features.rules.warehouse.neutral import (
    BIGINT,
    CLOCK,
    DATE,
    DAYS,
    DOUBLE,
    FINITE,
    INSTANT,
    LOG2,
    LOG10,
    MOMENT,
    OF_CLOCK,
    PARSED,
    PART,
    REMAINDER,
    TRIMMED,
    WALL,
    WHOLE,
    case,
    to,
    whole,
)

_LARGEST = "1.7976931348623157E308"
_LARGE = "9.2E18"
_NUMBER = {
    "integer": ("^[+-]?[0-9]{1,19}$", BIGINT),
    "double": ("^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$", DOUBLE),
}
Rule = Callable[..., exp.Expr]


def _called(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _extracted(name: str, value: exp.Expr) -> exp.Expr:
    return exp.Extract(this=exp.var(name), expression=value)


def _plus(value: exp.Expr, number: int) -> exp.Expr:
    return exp.Add(this=value, expression=whole(number))


def _remainder_of(value: exp.Expr, divisor: int) -> exp.Expr:
    return exp.Mod(this=value, expression=whole(divisor))


def _day(text: str) -> exp.Expr:
    return to(exp.Literal.string(text), exp.DType.DATE)


def _clock(text: str, kind: exp.DType) -> exp.Expr:
    return to(exp.Literal.string(text), kind)


# What most engines agree on.


def _finite(value: exp.Expr) -> exp.Expr:
    within = exp.LTE(this=exp.Abs(this=value), expression=exp.Literal.number(_LARGEST))
    return case((within, value.copy()))


def _whole(value: exp.Expr) -> exp.Expr:
    within = exp.LT(this=exp.Abs(this=value), expression=exp.Literal.number(_LARGE))
    return case((within, to(exp.Trunc(this=value.copy()), BIGINT)))


def _parsed(value: exp.Expr, kind: exp.Expr) -> exp.Expr:
    pattern, wanted = _NUMBER[kind.name]
    number = exp.TryCast(this=value.copy(), to=exp.DataType(this=wanted), safe=True, requires_string=True)
    return case((exp.RegexpLike(this=value, expression=exp.Literal.string(pattern)), number))


def _moment(at: exp.Expr) -> exp.Expr:
    return to(at, exp.DType.TIMESTAMPTZ)


def _remainder(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return exp.Mod(this=left, expression=right)


def _remainder_by_hand(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """MOD takes whole numbers only."""
    quotient = exp.Trunc(this=exp.Div(this=left.copy(), expression=right.copy(), typed=True))
    return exp.Paren(this=exp.Sub(this=left, expression=exp.Mul(this=right, expression=quotient)))


def _trimmed(value: exp.Expr, side: exp.Expr) -> exp.Expr:
    return _called({"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(side.name, "TRIM"), value)


def _native_log(value: exp.Expr, base: str) -> exp.Expr:
    return _called(f"LOG{base}", value)


def _like(node: exp.Expr) -> exp.Expr:
    """Some engines take a backslash for itself, some read it away before: another mark is said to them."""
    pattern = node.args["expression"].name
    if "\\" not in pattern:
        return node
    said = "".join("^" + piece[-1] if len(piece) > 1 or piece == "^" else piece for piece in _pieces(pattern))
    like = exp.Like(this=node.this.copy(), expression=exp.Literal.string(said))
    return exp.Escape(this=like, expression=exp.Literal.string("^"))


def _pieces(pattern: str) -> list[str]:
    return re.findall(r"\\.|.", pattern, re.DOTALL)


# DuckDB


def _duckdb_part(name: exp.Expr, value: exp.Expr, kind: exp.Expr) -> exp.Expr:
    utc = _called("MAKE_TIMESTAMP", _called("EPOCH_US", value)) if kind.name == "timestamp" else value
    return _extracted(name.name, utc)


# Spark


def _spark_clock(microseconds: exp.Expr) -> exp.Expr:
    beginning = _clock("1970-01-01", exp.DType.TIMESTAMPNTZ)
    return _called("TIMESTAMPADD", exp.var("MICROSECOND"), microseconds, beginning)


def _spark_of_clock(value: exp.Expr) -> exp.Expr:
    """By way of text: TIMESTAMPDIFF would take the clock for one in the time zone of the session."""
    said = exp.Concat(expressions=[to(value, exp.DType.VARCHAR), exp.Literal.string("Z")])
    return _called("UNIX_MICROS", to(said, exp.DType.TIMESTAMPTZ))


def _spark_wall(value: exp.Expr, zone: exp.Expr) -> exp.Expr:
    utc = _spark_clock(_called("UNIX_MICROS", value))
    return _called("CONVERT_TIMEZONE", exp.Literal.string("UTC"), zone, utc)


def _spark_part(name: exp.Expr, value: exp.Expr, kind: exp.Expr) -> exp.Expr:
    # EXTRACT from a timestamp goes by the time zone of the session; one without a zone is taken as it stands.
    utc = _spark_clock(_called("UNIX_MICROS", value)) if kind.name == "timestamp" else value
    names = {"DOW": "DAYOFWEEK_ISO", "ISODOW": "DAYOFWEEK_ISO", "ISOYEAR": "YEAROFWEEK"}
    found = _extracted(names.get(name.name, name.name), utc)
    if name.name == "DOW":
        return exp.Paren(this=_remainder_of(found, 7))
    return to(exp.Floor(this=found), BIGINT) if name.name == "SECOND" else found


def _spark_step(node: exp.Expr) -> exp.Expr:
    """FLOOR and CEIL answer integers of 64 bits, the nearest one for what is beyond them."""
    within = exp.LT(this=exp.Abs(this=node.this.copy()), expression=exp.Literal.number(_LARGE))
    return case((within, to(node.copy(), DOUBLE)), default=node.this.copy())


def _spark_whole(value: exp.Expr) -> exp.Expr:
    within = exp.LT(this=exp.Abs(this=value), expression=exp.Literal.number(_LARGE))
    return case((within, to(value.copy(), BIGINT)))


# BigQuery


def _bigquery_wall(value: exp.Expr, zone: exp.Expr) -> exp.Expr:
    return _called("DATETIME", value, zone)


def _bigquery_of_clock(value: exp.Expr) -> exp.Expr:
    return _called(
        "DATETIME_DIFF", value, _called("DATETIME", *map(whole, (1970, 1, 1, 0, 0, 0))), exp.var("MICROSECOND")
    )


def _bigquery_part(name: exp.Expr, value: exp.Expr, kind: exp.Expr) -> exp.Expr:
    names = {"WEEK": "ISOWEEK", "DOY": "DAYOFYEAR", "DOW": "DAYOFWEEK", "ISODOW": "DAYOFWEEK"}
    utc = _bigquery_wall(value, exp.Literal.string("UTC")) if kind.name == "timestamp" else value
    found = _extracted(names.get(name.name, name.name), utc)
    if name.name == "DOW":
        return exp.Paren(this=exp.Sub(this=found, expression=whole(1)))
    if name.name == "ISODOW":
        return exp.Paren(this=_plus(_remainder_of(exp.Paren(this=_plus(found, 5)), 7), 1))
    return found


def _bigquery_extreme(node: exp.Expr) -> exp.Expr:
    """GREATEST and LEAST answer null when one argument is."""
    aggregate = exp.Max if isinstance(node, exp.Greatest) else exp.Min
    values = exp.Array(expressions=[node.this.copy(), *(other.copy() for other in node.expressions)])
    alias = exp.TableAlias(columns=[exp.to_identifier("choice")])
    asked = exp.select(aggregate(this=exp.column("choice"))).from_(exp.Unnest(expressions=[values], alias=alias))
    return asked.subquery(copy=False)


def _bigquery_safe(node: exp.Expr) -> exp.Expr:
    """A result beyond the doubles, or none, is null and no error."""
    return exp.SafeFunc(this=node.copy())


def _bigquery_trimmed(value: exp.Expr, side: exp.Expr) -> exp.Expr:
    """Without a second argument all white space goes."""
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(side.name, "TRIM")
    return _called(name, value, exp.Literal.string(" "))


def _bigquery_split(node: exp.Expr) -> exp.Expr:
    parts = exp.Split(this=node.this.copy(), expression=node.args["delimiter"].copy())
    place = exp.Anonymous(this="SAFE_ORDINAL", expressions=[node.args["part_index"].copy()])
    found = exp.Coalesce(this=exp.Bracket(this=parts, expressions=[place]), expressions=[exp.Literal.string("")])
    return case((exp.Not(this=exp.Is(this=node.this.copy(), expression=exp.Null())), found))


# Snowflake


def _snowflake_wall(value: exp.Expr, zone: exp.Expr) -> exp.Expr:
    return to(_called("CONVERT_TIMEZONE", zone, value), exp.DType.TIMESTAMPNTZ)


def _snowflake_of_clock(value: exp.Expr) -> exp.Expr:
    return _called("DATEDIFF", exp.var("MICROSECOND"), _clock("1970-01-01", exp.DType.TIMESTAMPNTZ), value)


def _snowflake_part(name: exp.Expr, value: exp.Expr, kind: exp.Expr) -> exp.Expr:
    names = {
        "WEEK": "WEEKISO", "DOY": "DAYOFYEAR", "DOW": "DAYOFWEEKISO", "ISODOW": "DAYOFWEEKISO",
        "ISOYEAR": "YEAROFWEEKISO",
    }  # fmt: skip
    utc = _called("CONVERT_TIMEZONE", exp.Literal.string("UTC"), value) if kind.name == "timestamp" else value
    found = _extracted(names.get(name.name, name.name), utc)
    return exp.Paren(this=_remainder_of(found, 7)) if name.name == "DOW" else found


def _exact_quotient(node: exp.Expr) -> exp.Expr:
    """A quotient of integers may be a decimal of few digits: what does not divide is taken off before."""
    left, right = node.this, node.args["expression"]
    rest = exp.Mod(this=exp.paren(left), expression=right.copy())
    whole_part = exp.Paren(this=exp.Sub(this=exp.paren(left), expression=rest))
    return to(exp.Div(this=whole_part, expression=right.copy(), typed=True), BIGINT)


def _days_between(value: exp.Expr) -> exp.Expr:
    return _called("DATEDIFF", exp.var("DAY"), _day("1970-01-01"), value)


def _days_later(days: exp.Expr) -> exp.Expr:
    return to(_called("DATEADD", exp.var("DAY"), days, _day("1970-01-01")), exp.DType.DATE)


# Redshift


def _redshift_wall(value: exp.Expr, zone: exp.Expr) -> exp.Expr:
    return exp.AtTimeZone(this=value, zone=zone)


def _redshift_of_clock(value: exp.Expr) -> exp.Expr:
    return _called("DATEDIFF", exp.var("MICROSECOND"), _clock("1970-01-01", exp.DType.TIMESTAMP), value)


def _redshift_instant(value: exp.Expr) -> exp.Expr:
    return _redshift_of_clock(_redshift_wall(value, exp.Literal.string("UTC")))


def _redshift_part(name: exp.Expr, value: exp.Expr, kind: exp.Expr) -> exp.Expr:
    utc = _redshift_wall(value, exp.Literal.string("UTC")) if kind.name == "timestamp" else value
    if name.name == "ISODOW":
        return exp.Paren(this=_plus(_remainder_of(exp.Paren(this=_plus(_extracted("DOW", utc), 6)), 7), 1))
    if name.name == "ISOYEAR":
        return to(_called("TO_CHAR", utc, exp.Literal.string("IYYY")), BIGINT)
    return _extracted(name.name, utc)


def _redshift_end(node: exp.Expr) -> exp.Expr:
    """STARTS_WITH and ENDS_WITH."""
    sought = node.args["expression"]
    piece = exp.Left if isinstance(node, exp.StartsWith) else exp.Right
    end = piece(this=node.this.copy(), expression=exp.Length(this=sought.copy()))
    return exp.Paren(this=exp.EQ(this=end, expression=sought.copy()))


def _redshift_finite(value: exp.Expr) -> exp.Expr:
    largest = to(exp.Literal.string(_LARGEST), DOUBLE)
    return case((exp.LTE(this=exp.Abs(this=value), expression=largest), value.copy()))


def _redshift_log(value: exp.Expr) -> exp.Expr:
    return _called("LOG", value)


def _log_of_2(value: exp.Expr) -> exp.Expr:
    two = to(whole(2), DOUBLE)
    return exp.Paren(this=exp.Div(this=exp.Ln(this=value), expression=exp.Ln(this=two), typed=True))


def _log_with_base(base: int) -> Rule:
    return lambda value: _called("LOG", whole(base), value)


def _date_arithmetic(days: exp.Expr) -> exp.Expr:
    days = exp.Cast(this=days, to=exp.DataType(this=exp.DType.INT))
    return exp.Paren(this=exp.Add(this=_day("1970-01-01"), expression=days))


COMMON: dict[str, Rule] = {
    FINITE: _finite, WHOLE: _whole, PARSED: _parsed, MOMENT: _moment, REMAINDER: _remainder, TRIMMED: _trimmed,
    LOG10: lambda value: _native_log(value, "10"), LOG2: lambda value: _native_log(value, "2"),
}  # fmt: skip
OF_ENGINE: dict[str, dict[str, Rule]] = {
    "duckdb": {
        INSTANT: lambda value: _called("EPOCH_US", value),
        DAYS: lambda value: exp.Paren(this=exp.Sub(this=value, expression=_day("1970-01-01"))),
        DATE: _date_arithmetic, WALL: lambda value, zone: _called("TIMEZONE", zone, value), "Like": _like,
        CLOCK: lambda value: _called("MAKE_TIMESTAMP", value), OF_CLOCK: lambda value: _called("EPOCH_US", value),
        PART: _duckdb_part,
    },
    "spark": {
        INSTANT: lambda value: _called("UNIX_MICROS", value), DAYS: lambda value: _called("UNIX_DATE", value),
        DATE: lambda days: _called("DATE_FROM_UNIX_DATE", to(days, exp.DType.INT)), WALL: _spark_wall,
        CLOCK: _spark_clock, OF_CLOCK: _spark_of_clock, PART: _spark_part, WHOLE: _spark_whole, "Floor": _spark_step,
        "Ceil": _spark_step, "Like": _like,
    },
    "bigquery": {
        INSTANT: lambda value: _called("UNIX_MICROS", value), DAYS: lambda value: _called("UNIX_DATE", value),
        DATE: lambda days: _called("DATE_FROM_UNIX_DATE", days), WALL: _bigquery_wall,
        CLOCK: lambda value: _bigquery_wall(_called("TIMESTAMP_MICROS", value), exp.Literal.string("UTC")),
        OF_CLOCK: _bigquery_of_clock, PART: _bigquery_part, REMAINDER: _remainder_by_hand,
        "Greatest": _bigquery_extreme, "Least": _bigquery_extreme, "Pow": _bigquery_safe, TRIMMED: _bigquery_trimmed,
        "SplitPart": _bigquery_split, LOG2: _log_of_2,
    },
    "snowflake": {
        INSTANT: lambda value: _extracted("EPOCH_MICROSECOND", value), DAYS: _days_between, DATE: _days_later,
        WALL: _snowflake_wall, OF_CLOCK: _snowflake_of_clock, PART: _snowflake_part, "IntDiv": _exact_quotient,
        CLOCK: lambda value: _called(
            "TIMESTAMPADD", exp.var("MICROSECOND"), value, _clock("1970-01-01", exp.DType.TIMESTAMPNTZ)
        ),
        LOG10: _log_with_base(10), LOG2: _log_with_base(2), "Like": _like,
    },
    "redshift": {
        INSTANT: _redshift_instant, DAYS: _days_between, DATE: _days_later, WALL: _redshift_wall,
        OF_CLOCK: _redshift_of_clock, PART: _redshift_part, REMAINDER: _remainder_by_hand, FINITE: _redshift_finite,
        CLOCK: lambda value: _called(
            "DATEADD", exp.var("MICROSECOND"), value, _clock("1970-01-01", exp.DType.TIMESTAMP)
        ),
        "StartsWith": _redshift_end, "EndsWith": _redshift_end, LOG10: _redshift_log, LOG2: _log_of_2,
        "IntDiv": _exact_quotient, "Like": _like,
    },
}  # fmt: skip
