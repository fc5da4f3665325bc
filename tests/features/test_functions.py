"""Features that are Python functions: the same in a batch and for a request, and nothing but pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import polars as pl
import pytest

import ondol as od
from ondol.features.rules.columns import TYPES
from ondol.features.rules.functions import columns_of, compiled, row_expression
from ondol.kernel.errors import Invalid
from ondol.sdk.functions import source_of

COLUMNS = {"lat": "double", "lon": "double", "carrier": "string", "at": "timestamp", "seats": "integer"}
ROW = {"lat": 60.0, "lon": 0.5, "carrier": "UA", "at": datetime(2013, 7, 4, 23, 50, tzinfo=UTC), "seats": 3}
RADIUS = 6371.0
BIG = {"UA", "AA"}


def radians(degrees: float) -> float:
    return degrees * math.pi / 180


def kilometres(lat: float, lon: float) -> float:
    """How far from nought."""
    a = math.sin(radians(lat) / 2) ** 2 + math.cos(radians(lat)) * math.sin(radians(lon) / 2) ** 2
    return 2 * RADIUS * math.asin(math.sqrt(a))  # the haversine


def value(function, **row):
    call, source = source_of(function)
    frame = pl.DataFrame([ROW | row], schema={name: TYPES[kind] for name, kind in COLUMNS.items()})
    return frame.lazy().select(row_expression(call, source, COLUMNS, "Feature x").alias("x")).collect()["x"][0]


def test_a_function_comes_with_what_it_refers_to():
    call, source = source_of(kilometres)
    assert call == "kilometres(lat, lon)"
    assert columns_of(call, source, COLUMNS, "x") == ["lat", "lon"]
    assert all(part in source for part in ("RADIUS = 6371.0", "def radians"))
    assert "haversine" not in source
    assert value(kilometres) == pytest.approx(6671.84, abs=0.01)


def known_carrier(carrier):
    return carrier in BIG


def hour_in_new_york(at):
    from_utc = at.astimezone(ZoneInfo("America/New_York"))
    return from_utc.hour


def share(seats: int, lat: float | None):
    return 1 / seats if lat is None else lat / seats


def table(carrier):
    codes = {"UA": 1, "AA": 2}
    return codes[carrier]


def nothing(carrier):
    return None


def largest(lat, lon, seats):
    found = [each for each in (lat, lon, seats) if each > 0]
    total = 0
    for each in sorted(found):
        total += each
    return f"{max(found):.1f}" == "60.0" and round(total, 1)


from zoneinfo import ZoneInfo  # noqa: E402 - a name that functions may use


@pytest.mark.parametrize(
    ("function", "row", "expected"),
    [
        (known_carrier, {}, 1.0), (known_carrier, {"carrier": "DL"}, 0.0), (known_carrier, {"carrier": None}, None),
        (hour_in_new_york, {}, 19.0), (hour_in_new_york, {"at": datetime(2013, 1, 4, 23, 50, tzinfo=UTC)}, 18.0),
        (share, {}, 20.0), (share, {"lat": None}, 1 / 3), (share, {"seats": 0}, None), (share, {"seats": None}, None),
        (share, {"lat": math.nan}, 1 / 3), (share, {"lat": math.inf}, 1 / 3),
        (share, {"lat": 1e308, "seats": 1}, 1e308),
        (table, {}, 1.0), (table, {"carrier": "DL"}, None), (nothing, {}, None), (largest, {}, 63.5),
        (kilometres, {"lat": None}, None),
    ],
)  # fmt: skip
def test_the_value_of_a_row(function, row, expected):
    assert value(function, **row) == expected


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import os\ndef f(a):\n    return 1", "import"), ("def f(a):\n    return open(a)", "'open'"),
        ("def f(a):\n    return a.__class__", "a.__class__"), ("def f(a):\n    return eval(a)", "'eval'"),
        ("def f(a):\n    return datetime.now()", "datetime.now"), ("def f(a):\n    import os\n    return 1", "import"),
        ("def f(a):\n    return '{0.x}'.format(a)", "format"), ("def f(a):\n    return (lambda: 1)()", "lambda"),
        ("def f(a):\n    while True:\n        pass", "while"), ("def f(a):\n    global b\n    return 1", "global"),
        ("def f(a):\n    return a.astimezone()", "astimezone"), ("x = abs(-1)\ndef f(a):\n    return x", "computed"),
        ("def f(a):\n    return {1, 2}", "set"), ("def f(a):\n    return math._x", "math._x"), ("x = 1", "end with"),
        ("def f(a):\n    return __builtins__", "__builtins__"), ("def f(*a):\n    return 1", "plain parameters"),
        ("def f(a):\n    a.year = 3\n    return 1", "a.year"), ("def f(a=3):\n    return 1", "no default"),
        ("@abs\ndef f(a):\n    return 1", "decorated"), ("def f(a:\n", "parse"), ("class A:\n    pass", "end with"),
        ("def f(a):\n    try:\n        return 1\n    finally:\n        pass", "try"),
        ("def f(a):\n    yield 1", "yield"), ("def f(a):\n    return 1\n" + "#" * 30_000, "characters"),
        ("def f(a):\n    __import__ = 3\n    return __import__", "__import__"),
    ],
)  # fmt: skip
def test_what_is_not_pure_is_refused_by_the_house(source, problem):
    with pytest.raises(Invalid, match="Feature x") as caught:
        compiled(source, "Feature x")
    assert problem in caught.value.message


def text(carrier):
    return carrier


def wrong(carrier):
    return carrier + 1


def test_a_function_that_gives_no_number_says_for_which_row():
    with pytest.raises(Invalid, match="text gave 'UA'"):
        value(text)
    with pytest.raises(Invalid, match="wrong\\(carrier='UA'\\) failed: TypeError"):
        value(wrong)


def test_a_function_takes_columns_that_are_there():
    call, source = source_of(known_carrier)
    with pytest.raises(Invalid, match="no column 'carrier'"):
        row_expression(call, source, {"lat": "double"}, "x")
    with pytest.raises(Invalid, match="does not call"):
        row_expression("known_carrier(1)", source, COLUMNS, "x")
    with pytest.raises(Invalid, match="does not call"):
        row_expression("other(carrier)", source, COLUMNS, "x")


def test_a_declaration_takes_functions_where_it_takes_expressions():
    flights = od.dataset("f", columns=COLUMNS | {"id": "string"}, key="id", time="at")
    view = od.feature_view(
        "places", entity="carrier", dataset=flights, version=2,
        features={"km": kilometres, "mean_km": od.mean(kilometres, window="6h")},
    )  # fmt: skip
    assert view.name == "places@2"
    assert [(each.expression, each.aggregate, each.tile) for each in view.spec.features] == [
        ("kilometres(lat, lon)", "last", "1d"), ("kilometres(lat, lon)", "mean", "5min"),
    ]  # fmt: skip
    row = od.row_features("row", [known_carrier, "seats"])
    service = od.feature_service("s", [view, row], dataset=flights, label="seats > 1")
    assert service.spec.row_features[0].columns == {"carrier": "string", "seats": "integer"}


def test_a_declaration_refuses_what_it_cannot_take_along():
    house = object()

    def impure(lat):
        return lat + len(str(house))

    for function, problem in ((impure, "refers to 'house'"), (lambda lat: lat, "cannot be read"), (3, "no feature")):
        with pytest.raises(Invalid, match=problem):
            source_of(function)
