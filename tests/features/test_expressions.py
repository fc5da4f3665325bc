"""The SQL of features: what it may say, and what it means."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import polars as pl
import pytest
import sqlglot

from ondol.features.rules.columns import TYPES
from ondol.features.rules.expressions import ALLOWED, columns_of, counted_expression, value_expression
from ondol.kernel.errors import Invalid

COLUMNS = {
    "departs_at": "timestamp", "distance": "integer", "delay": "double", "carrier": "string", "wet": "boolean",
    "day": "date",
}  # fmt: skip
ROW = {
    "departs_at": datetime(2013, 7, 4, 23, 50, tzinfo=UTC),
    "distance": 700,
    "delay": 15.5,
    "carrier": "UA",
    "wet": True,
    "day": datetime(2013, 7, 4, tzinfo=UTC).date(),
}
NOTHING = dict.fromkeys(ROW)


def value(text, row=ROW):
    frame = pl.DataFrame([row], schema={name: TYPES[kind] for name, kind in COLUMNS.items()})
    found = frame.select(pl.lit(0), value_expression(text, COLUMNS, "Feature x").alias("value"))["value"]
    assert found.dtype == pl.Float64
    return found[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("distance", 700), ("distance / 2", 350), ("distance % 300", 100), ("-delay", -15.5), ("1", 1),
        ("extract(hour from departs_at) * 60 + extract(minute from departs_at)", 23 * 60 + 50),
        ("hour(departs_at) * 100", 2300), ("extract(doy from departs_at) * 200", 37000),
        ("month(departs_at) * 50", 350),
        ("extract(dow from departs_at)", 4), ("extract(epoch from departs_at)", 1372981800), ("day(day)", 4),
        ("length(carrier) - 5", -3), ("delay > 15", 1), ("not wet", 0), ("wet", 1), ("distance = 700 and wet", 1),
        ("carrier in ('UA', 'AA')", 1), ("carrier not in ('UA')", 0), ("carrier like 'U%'", 1),
        ("upper(carrier) = 'UA'", 1),
        ("case when delay > 60 then 2 when delay > 15 then 1 else 0 end", 1), ("if(wet, 3, 4)", 3),
        ("coalesce(delay, 0)", 15.5), ("delay is null", 0), ("delay is not null", 1), ("delay between 15 and 16", 1),
        ("cast(distance as double) / 3 > 233.3", 1), ("cast(carrier as bigint)", None), ("delay::bigint", 15),
        ("greatest(delay, 20)", 20), ("round(delay / 7, 2)", 2.21), ("power(2, 10)", 1024), ("abs(-3)", 3),
        ("sqrt(49)", 7),
        ("nullif(distance, 700)", None), ("1 / (distance - 700)", None), ("ln(0)", None), ("exp(1000)", None),
    ],
)  # fmt: skip
def test_an_expression_is_a_finite_double_or_null(text, expected):
    assert value(text) == (expected if expected is None else pytest.approx(expected))


def test_what_is_unknown_stays_unknown():
    assert value("delay > 15", NOTHING) is None
    assert value("extract(hour from departs_at) * 60", NOTHING) is None
    assert value("delay is null", NOTHING) == 1


GOLDEN = {
    # Integers divide to doubles; a remainder has the sign of what is divided; nothing is divided by nought.
    "distance / 8": 87.5, "-7 / 2": -3.5, "7 div 2": 3, "-7 div 2": -3, "7 div -2": -3, "-7 % 3": -1, "7 % -3": 1,
    "mod(-7, 3)": -1, "-7.5 % 2": -1.5, "7 % 0": None, "7 div 0": None, "delay % 0": None, "1 / 0 > 5": None,
    "0 / 0": None, "distance / null": None, "1e308 * 10": None, "delay + distance": 715.5, "- delay": -15.5,
    "2 + 3 * 4": 14, "(2 + 3) * 4": 20, "9007199254740993 - 9007199254740992": 1,
    # What has no value in the real numbers is null, also on the way.
    "sqrt(-1)": None, "sqrt(-1) > 0": None, "coalesce(sqrt(-1), 7)": 7, "ln(-1)": None, "ln(1)": 0, "exp(0)": 1,
    "exp(1000) > 0": None, "power(-8, 0.5)": None, "power(0, -1)": None, "power(2, -1)": 0.5, "asin(2)": None,
    "acos(1)": 0, "acos(-1.5)": None, "atan(0)": 0, "atan2(1, 1)": math.pi / 4, "cbrt(27)": 3, "cbrt(-27)": -3,
    "log10(1000)": 3, "log2(8)": 3, "log(2, 8)": 3, "log10(0)": None, "sin(0)": 0, "cos(0)": 1, "tan(0)": 0,
    "degrees(pi())": 180, "radians(180)": math.pi, "pi()": math.pi,
    # Halves go away from nought.
    "round(2.5)": 3, "round(-2.5)": -3, "round(0.125, 2)": 0.13, "round(distance)": 700, "ceil(-1.5)": -1,
    "floor(-1.5)": -2, "ceil(1.2)": 2, "trunc(-1.7)": -1, "trunc(1.7)": 1, "abs(-3)": 3, "abs(-0.5)": 0.5,
    "sign(-3)": -1, "sign(0)": 0, "sign(delay)": 1,
    # Null is neither true nor false.
    "null > 1 or true": 1, "null > 1 or false": None, "null > 1 and false": 0, "null > 1 and true": None,
    "not (null > 1)": None, "(null > 1) is null": 1, "(null > 1) is not true": 1, "wet is true": 1, "wet is false": 0,
    "wet = null": None, "nothing is null": 1, "nothing is not distinct from null": 1, "delay is distinct from null": 1,
    "nothing > 1": None, "nothing = nothing": None, "carrier <> 'UA'": 0, "distance != 700": 0, "distance <= 700": 1,
    "delay >= 16": 0,
    "distance in (1, 700)": 1, "distance in (1, 2)": 0, "nothing in (1, 2)": None, "distance in (699.5, 700.0)": 1,
    "distance not in (1, 2)": 1, "delay between 1 and 2": 0, "delay not between 1 and 2": 1,
    "nothing between 1 and 2": None,
    # Choices.
    "case carrier when 'UA' then 1 when 'AA' then 2 end": 1, "case carrier when 'DL' then 1 end": None,
    "case when nothing > 1 then 1 else 2 end": 2, "case when wet then 1 else 2.5 end": 1,
    "case when wet then null else 2 end": None, "if(nothing > 1, 1, 2)": 2, "if(wet, 1)": 1,
    "coalesce(nothing, null, 3)": 3, "coalesce(nothing, delay)": 15.5, "nullif(distance, 700)": None,
    "nullif(distance, 1)": 700, "nullif(distance, nothing)": 700, "greatest(1, nothing, 3)": 3, "least(1, nothing)": 1,
    "greatest(nothing, nothing)": None, "least(delay, distance)": 15.5,
    "field(carrier, 'AA', 'UA')": 2, "field(carrier, 'DL', 'AA')": 0, "field(unnamed, 'DL')": 0,
    "field(distance, 500, 700)": 2,
    # Text counts characters, from 1.
    "length('héé')": 3, "length('')": 0, "length(unnamed)": None, "lower(carrier) = 'ua'": 1, "upper('é') = 'É'": 1,
    "length(trim('  a b '))": 3, "length(ltrim('  a '))": 2, "length(rtrim('  a '))": 3, "left('héllo', 2) = 'hé'": 1,
    "right('héllo', 2) = 'lo'": 1, "right('a', 5) = 'a'": 1, "length(right('abc', 0))": 0,
    "substring('héllo', 2, 3) = 'éll'": 1, "substring('héllo', 4) = 'lo'": 1, "length(substring('a', 5, 2))": 0,
    "carrier || '-' || 'x' = 'UA-x'": 1, "length(carrier || unnamed)": None, "replace('a.b.c', '.', '') = 'abc'": 1,
    "split_part('a-b-c', '-', 2) = 'b'": 1, "split_part('a-b', '-', 5) = ''": 1,
    "length(split_part(unnamed, '-', 1))": None,
    "position('l' in 'héllo')": 3, "position('x' in 'héllo')": 0, "strpos('héllo', 'o')": 5,
    "position('x' in unnamed)": None,
    "starts_with(carrier, 'U')": 1, "ends_with(carrier, 'U')": 0, "contains('a.c', '.')": 1, "contains('abc', '.')": 0,
    "contains(unnamed, 'a')": None, "carrier like '_A'": 1, "carrier like 'A'": 0, "'a%b' like 'a\\%b'": 1,
    "'axb' like 'a\\%b'": 0, "'a.c' like 'a.c'": 1, "'abc' like 'a.c'": 0, "carrier ilike 'u%'": 1,
    "carrier like 'u%'": 0, "unnamed like '%'": None, "carrier not like 'U%'": 0,
    "carrier not ilike 'x%'": 1, "unnamed not like 'x'": None, "'UB' > carrier": 1,
    # Casts: towards nought, and null for what does not fit.
    "cast(-1.7 as bigint)": -1, "cast(1e30 as bigint)": None, "cast('12' as bigint)": 12, "cast(' 12 ' as integer)": 12,
    "cast('x' as bigint)": None, "cast('1e3' as double)": 1000, "cast('inf' as double)": None, "cast(wet as bigint)": 1,
    "cast(unnamed as double)": None, "cast(0 as boolean)": 0, "cast(2 as boolean)": 1, "delay::bigint": 15,
    "length(cast(distance as varchar))": 3, "cast(wet as varchar) = 'true'": 1,
    "cast(day as varchar) = '2013-07-04'": 1,
    "cast(cast(null as bigint) as varchar) is null": 1,
    # Days and instants; weeks begin on Monday, days of the week as in Postgres.
    "year(departs_at)": 2013, "quarter(departs_at)": 3, "month(departs_at)": 7, "week(departs_at)": 27,
    "day(departs_at)": 4, "dayofyear(departs_at)": 185, "hour(departs_at)": 23, "minute(departs_at)": 50,
    "second(departs_at)": 0, "extract(dow from date '2013-07-07')": 0, "extract(isodow from date '2013-07-07')": 7,
    "extract(week from date '2021-01-03')": 53, "extract(isoyear from date '2021-01-03')": 2020,
    "extract(hour from day)": 0, "extract(epoch from day)": 1372896000, "extract(year from never)": None,
    "extract(epoch from timestamp '2013-01-01 00:00:00.5')": 1356998400.5,
    "departs_at > '2013-07-04'": 1, "departs_at = '2013-07-04T23:50:00Z'": 1,
    "departs_at = '2013-07-05T01:50:00+02:00'": 1,
    "day = '2013-07-04'": 1, "day < date '2013-07-04'": 0, "cast(departs_at as date) = day": 1,
    "cast(day as timestamp) < departs_at": 1, "day - date '2013-07-01'": 3, "day + 1 > '2013-07-04'": 1,
    "never > '2013-01-01'": None, "departs_at between '2013-07-04' and '2013-07-05'": 1,
    "extract(epoch from departs_at - timestamp '2013-07-04')": 85800, "departs_at - day": Invalid,
    "departs_at + interval '10 minutes' = '2013-07-05'": 1, "departs_at - interval '1' day < '2013-07-04'": 1,
    "departs_at - interval '1 week' = '2013-06-27T23:50:00'": 1,
    "extract(epoch from interval '36 hours')": 129600,
    "departs_at - timestamp '2013-07-04' > interval '23 hours'": 1,
    "date_trunc('month', day) = '2013-07-01'": 1, "date_trunc('week', departs_at) = '2013-07-01'": 1,
    "date_trunc('hour', departs_at) = '2013-07-04T23:00:00'": 1, "date_trunc('quarter', day) = '2013-07-01'": 1,
    "extract(year from greatest(day, date '2020-02-29'))": 2020,
    # The clock on the wall, on both sides of a change to and from summer time.
    "hour(departs_at at time zone 'America/New_York')": 19, "hour(departs_at at time zone 'Asia/Kolkata')": 5,
    "day(departs_at at time zone 'Europe/Berlin')": 5, "minute(departs_at at time zone 'Asia/Kolkata')": 20,
    "hour(timestamp '2013-03-31T00:59:00' at time zone 'Europe/Berlin')": 1,
    "hour(timestamp '2013-03-31T01:00:00' at time zone 'Europe/Berlin')": 3,
    "hour(timestamp '2013-10-27T00:30:00' at time zone 'Europe/Berlin')": 2,
    "hour(timestamp '2013-10-27T01:30:00' at time zone 'Europe/Berlin')": 2,
    "cast(departs_at at time zone 'Europe/Berlin' as date) = '2013-07-05'": 1,
    "date_trunc('day', departs_at at time zone 'Europe/Berlin') = '2013-07-05'": 1,
    "hour(never at time zone 'Europe/Berlin')": None,
    "extract(epoch from (timestamp '2013-03-31T12:00:00' at time zone 'Europe/Berlin')"
    " - (timestamp '2013-03-30T12:00:00' at time zone 'Europe/Berlin'))": 25 * 3600,
}  # fmt: skip
WIDE = COLUMNS | {"nothing": "double", "unnamed": "string", "never": "timestamp"}
WIDE_ROW = ROW | {"nothing": None, "unnamed": None, "never": None}


def wide(text, row=WIDE_ROW):
    frame = pl.DataFrame([row], schema={name: TYPES[kind] for name, kind in WIDE.items()})
    return (
        frame.lazy().select(pl.lit(0), value_expression(text, WIDE, "Feature x").alias("value")).collect()["value"][0]
    )


@pytest.mark.parametrize(("text", "expected"), GOLDEN.items(), ids=GOLDEN)
def test_what_each_function_means(text, expected):
    if expected is Invalid:
        with pytest.raises(Invalid):
            wide(text)
    else:
        assert wide(text) == (expected if expected is None else pytest.approx(expected, rel=1e-15))


def test_every_function_has_an_example():
    seen = {type(node) for text in GOLDEN for node in sqlglot.parse_one(text).walk()}
    seen |= {
        type(node)
        for text in ("try_cast(a as int)", "timestamp_trunc(a, day)")
        for node in sqlglot.parse_one(text).walk()
    }
    assert ALLOWED.keys() - seen == set()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, None])
@pytest.mark.parametrize(
    "text", ["nothing", "nothing > 1", "nothing * 0", "abs(nothing)", "nothing = nothing", "-nothing"]
)
def test_a_number_that_is_none_counts_as_missing(text, number):
    assert wide(text, WIDE_ROW | {"nothing": number}) is None
    assert wide(f"coalesce(({text}) > 0, 5 > 6)", WIDE_ROW | {"nothing": number}) == 0 if text == "nothing" else True


def test_what_can_be_counted_may_be_of_any_type():
    frame = pl.DataFrame([WIDE_ROW], schema={name: TYPES[kind] for name, kind in WIDE.items()})
    for text, expected in (("carrier", "UA"), ("upper(carrier)", "UA"), ("day", ROW["day"]), ("delay > 1", 1.0)):
        assert frame.select(counted_expression(text, WIDE, "x").alias("x"))["x"][0] == expected
    with pytest.raises(Invalid, match="interval"):
        counted_expression("departs_at - departs_at", WIDE, "x")


@pytest.mark.parametrize(
    "text",
    [
        "select 1", "(select distance from flights)", "exists(select 1)", "distance in (select 1)", "sum(distance)",
        "sum(distance) over ()", "read_csv('x')", "flights.distance", "distance; delay", "distance as far", "*", "",
        "distance >", "extract(century from departs_at)", "cast(distance as date)", "x" * 3000, "((((" * 600,
        "now()", "random()", "date_part('hour', departs_at)", "log(distance)", "wet + 1", "case when delay then 1 end",
        "carrier like carrier", "substring(carrier, 0, 1)", "substring(carrier, distance)", "round(delay, -1)",
        "departs_at at time zone 'Mars/Base'", "departs_at at time zone carrier", "departs_at + interval '1 month'",
        "delay div 2", "date_trunc('century', day)", "date_trunc('hour', day)", "cast(delay as varchar)",
        "cast(carrier as timestamp)", "departs_at > 'yesterday'", "distance > 'x'", "distance in (null)", "dow(day)",
        "coalesce(carrier, 1)", "greatest(wet, wet)", "replace(carrier, '', 'x')", "trim('x' from carrier)",
        "log(0.5, delay)", "departs_at > day", "extract(epoch from departs_at at time zone 'Europe/Paris')",
        "dayofweek(day)", "concat(carrier, 'x')", "carrier is 5", "cast(carrier as varchar(3)) = 'U'",
        "delay between symmetric 3 and 1", "date '2013-13-01' = day", "{fn}", "@x", ":x", "?",
    ],
)  # fmt: skip
def test_what_is_no_expression_over_columns_is_refused(text):
    with pytest.raises(Invalid, match="Feature x"):
        value_expression(text, COLUMNS, "Feature x")


@pytest.mark.parametrize("text", ["carrier", "departs_at", "carrier > 5", "departs_at + 1", "null"])
def test_what_gives_no_number_is_refused(text):
    with pytest.raises(Invalid, match="Feature x"):
        value_expression(text, COLUMNS, "Feature x")


def test_an_unknown_column_is_named_with_the_one_that_was_meant():
    with pytest.raises(Invalid, match="'distanse'") as caught:
        value_expression("distanse > 5", COLUMNS, "Feature x")
    assert caught.value.hint == "Did you mean 'distance'?"
    with pytest.raises(Invalid) as caught:
        value_expression("zzz > 5", COLUMNS, "Feature x")
    assert "carrier" in caught.value.hint


def test_the_columns_of_an_expression():
    assert columns_of("delay > 15 and distance > delay", COLUMNS, "Feature x") == ["delay", "distance"]
