"""The SQL of features: what it may say, and what it means."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from ondol.features.rules.columns import TYPES
from ondol.features.rules.expressions import columns_of, value_expression
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


@pytest.mark.parametrize(
    "text",
    [
        "select 1", "(select distance from flights)", "exists(select 1)", "distance in (select 1)", "sum(distance)",
        "sum(distance) over ()", "read_csv('x')", "flights.distance", "distance; delay", "distance as far", "*", "",
        "distance >", "extract(century from departs_at)", "cast(distance as date)", "x" * 3000, "((((" * 600,
        "now()", "random()", "date_part('hour', departs_at)",
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
