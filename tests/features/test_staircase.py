"""Steps and joins against the definition itself, on small tables full of ties, gaps and late rows."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.features.rules import entity_key
from ondol.features.rules.columns import AT, TYPES, entity_keys, instant
from ondol.features.rules.definitions import stairs_of
from ondol.features.rules.join import answers, as_of
from ondol.features.rules.lookup import _in_force
from ondol.features.rules.present import staircases
from ondol.features.rules.pushed import compile_push, plain_steps, steps_of_rows
from ondol.features.rules.pushed import frame_of as rows_frame
from ondol.features.rules.staircase import known_rows, steps_of
from ondol.features.types import Feature
from tests.features.reference import CORRECTED, READINGS, answer, last, over, view

START = datetime(2013, 1, 1, tzinfo=UTC)
SCHEMA = {name: TYPES[kind] for name, kind in READINGS.columns.items()}
WINDOWED = view(*(over(aggregate) for aggregate in ("mean", "sum", "count", "min", "max", "distinct", "last")))
some = settings(deadline=None, max_examples=40)
QUARTERS = st.integers(0, 60).map(lambda number: START + timedelta(minutes=15 * number))


WHOLE = st.one_of(st.none(), st.integers(-3, 3).map(float))


@st.composite
def readings(draw, values=WHOLE):
    found = []
    for number in range(draw(st.integers(0, 14))):
        time = draw(QUARTERS)
        delay = draw(st.one_of(st.none(), st.integers(-2, 12)))
        found.append(
            {
                "id": number,
                "place": draw(st.sampled_from(["a", "b", None])),
                "sensor": draw(st.sampled_from(["x", "y"])),
                "time": time,
                "known": None if delay is None else time + timedelta(minutes=15 * delay),
                "value": draw(values),
            }
        )
    return draw(st.permutations(found))


@st.composite
def corrections(draw, values=WHOLE):
    """A few facts, each of which is told again, perhaps with another value or of another place."""
    found = []
    for number in range(draw(st.integers(0, 6))):
        time, fact = draw(QUARTERS), draw(st.integers(0, 3))
        for delay in draw(st.lists(st.one_of(st.none(), st.integers(-2, 20)), max_size=4, unique=True)):
            place, sensor = draw(st.sampled_from(["a", "a", "b", None])), draw(st.sampled_from(["x", "y"]))
            known = None if delay is None else time + timedelta(minutes=15 * delay)
            row = {"place": place, "sensor": sensor, "time": time, "known": known, "value": draw(values)}
            found.append({"id": fact if known else number + 10} | row)
    unique = {(row["id"], row["known"]): row for row in found}
    return draw(st.permutations(list(unique.values())))


questions = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["x", "y"]), QUARTERS), max_size=8)


def frame_of(rows):
    return pl.DataFrame(rows, schema=SCHEMA)


def offline(spec, rows, asked, dataset=READINGS):
    known = known_rows(frame_of(rows).lazy(), spec, dataset).collect()
    spine = pl.DataFrame(
        [(place, sensor, at) for place, sensor, at in asked],
        schema={"place": pl.String, "sensor": pl.String, "at": pl.Datetime("us", "UTC")},
        orient="row",
    ).with_row_index()
    spine = spine.with_columns(instant("at").alias(AT)).sort(AT)
    parts = [answers(spine, known, spec.entity, stair) for stair in stairs_of(spec)]
    steps = [as_of(spine, steps_of(known, spec.entity, stair), spec.entity, stair) for stair in stairs_of(spec)]
    assert [part.rows() for part in parts] == [part.rows() for part in steps]
    whole = pl.concat([spine.select("index"), *parts], how="horizontal").sort("index")
    return whole.select(feature.name for feature in spec.features).rows()


def online(spec, rows, asked, dataset=READINGS):
    known = known_rows(frame_of(rows).lazy(), spec, dataset).collect()
    answers = [[] for _ in asked]
    for stair in stairs_of(spec):
        stored = {
            key: ([step[0] for step in steps], [step[1] for step in steps])
            for key, steps in staircases(steps_of(known, spec.entity, stair), spec.entity, READINGS.columns)
        }
        for found, (place, sensor, at) in zip(answers, asked, strict=True):
            key = entity_key([{"place": place, "sensor": sensor}[name] for name in spec.entity])
            moment = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
            values = _in_force(stored.get(key, ((), ())), moment, stair.ttl)
            found.extend(values or [None] * len(stair.features))
    return [tuple(found) for found in answers]


def expected(spec, rows, asked, **how):
    return [tuple(answer(spec, rows, {"place": place, "sensor": sensor}, at, **how)) for place, sensor, at in asked]


@some
@given(readings(), questions)
def test_a_window_holds_what_became_known_in_its_tiles(rows, asked):
    assert offline(WINDOWED, rows, asked) == expected(WINDOWED, rows, asked)


@some
@given(readings(), questions, st.sampled_from(["1h", "2h", "5h", "12h"]), st.sampled_from(["30min", "1h"]))
def test_a_window_of_any_number_of_tiles(rows, asked, window, tile):
    spec = view(over("sum", window, tile), over("max", window, tile), entity=["place", "sensor"])
    assert offline(spec, rows, asked) == expected(spec, rows, asked)


@some
@given(corrections(), questions, st.sampled_from(["2h", "5h", "16h"]), st.sampled_from(["30min", "1h"]))
def test_of_a_corrected_fact_a_window_holds_what_was_known_last(rows, asked, window, tile):
    spec = view(*(over(feature.aggregate, window, tile) for feature in WINDOWED.features))
    assert offline(spec, rows, asked, CORRECTED) == expected(spec, rows, asked, corrected=True)
    assert online(spec, rows, asked, CORRECTED) == expected(spec, rows, asked, corrected=True)


@some
@given(
    corrections(), questions, st.sampled_from(["", "30min", "3h"]), st.sampled_from([["place"], ["place", "sensor"]])
)
def test_a_corrected_fact_is_taken_from_the_place_that_it_was_not_of(rows, asked, ttl, entity):
    spec = view(last("value"), ttl=ttl, entity=entity)
    assert offline(spec, rows, asked, CORRECTED) == expected(spec, rows, asked, corrected=True)
    assert online(spec, rows, asked, CORRECTED) == expected(spec, rows, asked, corrected=True)


@some
@given(readings(), questions, st.sampled_from(["1h", "3h", "7h"]))
def test_different_sensors_are_counted_exactly(rows, asked, window):
    spec = view(over("distinct", window, "30min", "sensor"))
    assert offline(spec, rows, asked) == expected(spec, rows, asked)


@some
@given(readings(values=st.one_of(st.none(), st.floats(-1e6, 1e6))), questions, st.sampled_from(["1h", "3h", "7h"]))
def test_the_standard_deviation_is_that_of_the_sample(rows, asked, window):
    spec = view(over("stddev", window, "30min"))
    found = offline(spec, rows, asked)
    assert found == [tuple(map(close, row)) for row in expected(spec, rows, asked)]
    assert online(spec, rows, asked) == found


def close(number):
    return number if number is None else pytest.approx(number, rel=1e-9, abs=1e-6)


@some
@given(readings(), questions, st.sampled_from(["", "30min", "3h"]))
def test_the_last_value_is_that_of_the_newest_row_known_by_then(rows, asked, ttl):
    spec = view(last("value"), ttl=ttl)
    assert offline(spec, rows, asked) == expected(spec, rows, asked)


@some
@given(readings(), questions)
def test_what_is_read_online_is_what_a_training_set_holds(rows, asked):
    slow = Feature(name="slow", expression="value", aggregate="mean", window="6h", tile="2h")
    spec = view(last("newest"), *WINDOWED.features, slow, entity=["place", "sensor"], ttl="2h")
    order = [feature.name for stair in stairs_of(spec) for feature in stair.features]
    names = [feature.name for feature in spec.features]
    wanted = [tuple(row[names.index(name)] for name in order) for row in offline(spec, rows, asked)]
    assert online(spec, rows, asked) == wanted


@some
@given(readings(values=st.one_of(st.none(), st.floats(-1e6, 1e6))), questions, st.randoms())
def test_sums_of_doubles_do_not_depend_on_the_order_of_rows_or_on_older_history(rows, asked, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    everything = offline(WINDOWED, rows, asked)
    assert offline(WINDOWED, shuffled, asked) == everything
    recent = [row for row in rows if row["known"] is not None and row["known"] >= START + timedelta(hours=4)]
    late = [number for number, (_, _, at) in enumerate(asked) if at >= START + timedelta(hours=7)]
    assert [offline(WINDOWED, recent, asked)[number] for number in late] == [everything[number] for number in late]


def test_a_value_that_left_a_window_leaves_no_trace():
    rows = [
        {"id": 0, "place": "a", "sensor": "x", "time": START, "known": START, "value": 1e17},
        {"id": 1, "place": "a", "sensor": "x", "time": START, "known": START + timedelta(hours=2), "value": 0.1},
    ]
    at = START + timedelta(hours=4, minutes=30)
    assert offline(view(over("sum")), rows, [("a", "x", at)]) == [(0.1,)]


def test_a_window_that_empties_is_null_and_not_nought():
    row = {"id": 0, "place": "a", "sensor": "x", "time": START, "known": START, "value": 2.0}
    asked = [("a", "x", START + timedelta(minutes=minutes)) for minutes in (59, 60, 239, 240)]
    assert offline(view(over("count"), over("sum")), [row], asked) == [(None, None), (1, 2), (1, 2), (None, None)]


def test_a_late_report_of_an_earlier_hour_does_not_hide_a_later_one():
    def report(number, time, known):
        moments = {"time": START + timedelta(hours=time), "known": START + timedelta(hours=known)}
        return {"id": number, "place": "a", "sensor": "x", "value": float(time)} | moments

    rows = [report(0, 11, 11), report(1, 10, 12)]
    assert offline(view(last("value")), rows, [("a", "x", START + timedelta(hours=13))]) == [(11.0,)]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (["EWR"], "EWR"), (["a|b"], "a|b"), (["a|b", "c"], "a\\|b|c"), (["a", "b|c"], "a|b\\|c"),
        (["a\\", "b"], "a\\\\|b"), ([7, True], "7|true"), (["a", None], None),
    ],
)  # fmt: skip
def test_rows_and_columns_make_the_same_key(values, key):
    kinds = {str: "string", int: "integer", bool: "boolean", type(None): "string"}
    types = [kinds[type(value)] for value in values]
    assert entity_key(values) == key
    assert entity_keys([pl.Series([value]) for value in values], types) == [key]


def test_no_rows_make_no_steps():
    for spec in (WINDOWED, view(last("value"))):
        assert offline(spec, [], [("a", "x", START)] * 2) == [(None,) * len(spec.features)] * 2
        assert offline(spec, [], []) == []


def test_infinities_and_nan_count_as_nothing():
    row = {"id": 0, "place": "a", "sensor": "x", "time": START, "known": START, "value": math.inf}
    assert offline(view(last("value")), [row], [("a", "x", START)]) == [(None,)]


@some
@given(readings())
def test_pushed_rows_make_the_same_steps(rows):
    spec = view(last("value"), entity=["place", "sensor"])
    complete = [row for row in rows if row["place"] and row["known"]]
    complete.sort(key=lambda row: row["id"])
    known = known_rows(frame_of(complete).lazy(), spec, READINGS).collect()
    (stair,) = stairs_of(spec)
    plan = compile_push(spec, "hash", READINGS)
    sent = [row | {name: row[name].isoformat() for name in ("time", "known")} for row in complete]
    expected = list(staircases(steps_of(known, spec.entity, stair), spec.entity, READINGS.columns))
    assert steps_of_rows(plan, rows_frame(sent, plan.columns)) == expected
    assert plain_steps(plan, sent) == expected


def test_pushed_values_that_need_more_than_a_look_take_the_long_way():
    row = {"place": "a", "sensor": "x", "time": START.isoformat(), "known": START.isoformat(), "value": 3.5}
    plan = compile_push(view(last("value")), "hash", READINGS)
    assert plain_steps(plan, [row]) is not None
    assert plain_steps(plan, [row | {"value": "3.5"}]) is None
    assert plain_steps(plan, [row | {"value": True}]) is None
    assert plain_steps(plan, [row | {"time": "yesterday"}]) is None
    assert plain_steps(compile_push(view(last("value", "value * 2")), "hash", READINGS), [row]) is None
    assert plain_steps(plan, [row | {"value": math.nan}])[0][1][0][1] == (None,)


def test_values_of_another_type_than_declared_are_left_to_the_lake():
    columns = {"time": "timestamp", "value": "double"}
    assert rows_frame([{"time": "2013-01-01T00:00:00Z", "value": "3.5"}], columns) is None
    assert rows_frame([{"time": "yesterday", "value": 3.5}], columns) is None
    assert rows_frame([{"time": "2013-01-01T02:00:00+02:00"}], columns).rows() == [(START, None)]
