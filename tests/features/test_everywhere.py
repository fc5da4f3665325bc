"""One definition, four places: a training set, what is online after batches, after pushes, and the definition's letter.

Rows come late, out of order, twice, corrected (another value, place or time), incomplete, written in the
clocks of several zones, around the nights in which summer time begins and ends.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ondol.features import service as features
from ondol.features.reactions import materialise_views
from ondol.features.types import (
    BuildTrainingSet,
    DeclareService,
    DeclareView,
    Feature,
    MaterializeView,
    PushRows,
    RowFeatures,
    ServiceSpec,
)
from ondol.lake.types import AppendBatch, BatchLanded, DatasetSpec, DeclareDataset
from tests.features.reference import CORRECTED, READINGS, answer, last, over, view

ASKED = DatasetSpec(
    name="asked",
    columns={"ask": "integer", "place": "string", "sensor": "string", "asked_at": "timestamp", "answer": "double"},
    key=["ask"],
    time="asked_at",
)
EVERYTHING = ("sum", "mean", "count", "min", "max", "stddev", "last")
TWICE = "def twice(value):\n    return value * 2\n"
VIEWS = [
    view(*(over(each, "6h") for each in EVERYTHING), over("distinct", "6h", "1h", "sensor"), name="windows"),
    view(last("newest"), Feature(name="doubled", expression="twice(value)", function=TWICE), name="newest"),
    view(last("fresh"), last("halved", "value / 2"), name="fresh", ttl="5h", entity=["place", "sensor"]),
    view(
        Feature(name="slow", expression="value", aggregate="sum", window="2d", tile="6h"),
        Feature(name="twice_mean", expression="twice(value)", aggregate="mean", window="6h", tile="1h", function=TWICE),
        name="mixed",
    ),
]
PLAIN = {"twice(value)": "value", "value / 2": "value"}
FACTORS = {"doubled": 2.0, "halved": 0.5, "twice_mean": 2.0}
ROW = RowFeatures(
    name="clock",
    columns={"asked_at": "timestamp"},
    features=[
        Feature(name="berlin", expression="hour(asked_at at time zone 'Europe/Berlin')"),
        Feature(
            name="new_york",
            expression="hour_in_new_york(asked_at)",
            function="def hour_in_new_york(asked_at):\n"
            "    return asked_at.astimezone(ZoneInfo('America/New_York')).hour\n",
        ),
    ],
)
ZONES = [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")]


def nights_of_change():
    """When Europe's clocks change: the last Sundays of March and October, at one o'clock UTC."""
    for year in range(2027, 2999):
        for month in (3, 10):
            last_day = datetime(year, month, 31, 1, tzinfo=UTC)
            yield last_day - timedelta(days=last_day.isoweekday() % 7)


@st.composite
def streams(draw):
    """Rows (in quarters of an hour before the end), each with its batch, whether it is pushed first, and its zone."""
    rows = []
    for _ in range(draw(st.integers(1, 10))):
        fact, happened = draw(st.integers(0, 3)), draw(st.integers(0, 3 * 96))
        late = draw(st.one_of(st.none(), st.integers(-2, 60)))
        value = draw(st.one_of(st.none(), st.floats(-9, 9, width=16)))
        place = draw(st.sampled_from(["a", "a", "b", None])), draw(st.sampled_from(["x", "y"]))
        how = draw(st.integers(0, 2)), draw(st.booleans()), draw(st.sampled_from(ZONES))
        rows.append((fact, happened, late, value, *place, *how))
    return rows


moments = st.lists(st.tuples(st.integers(1, 80), st.sampled_from("ab"), st.sampled_from("xy")), min_size=1, max_size=6)


@pytest.fixture
def nights(house):
    """A house, and a night of changing clocks and a suffix for each example."""
    return house, enumerate(nights_of_change())


def rows_of(end, stream, *, corrected):
    """The rows as they are and as they are sent, in three batches; a fact becomes known once at a moment."""
    batches, found, seen = ([], [], []), [], set()
    for number, (fact, happened, late, value, place, sensor, batch, pushed, zone) in enumerate(stream):
        time = end - timedelta(minutes=15 * happened)
        known = None if late is None else time + timedelta(minutes=15 * late)
        row = {"id": fact if corrected else number, "place": place, "sensor": sensor, "time": time, "known": known}
        if known is None or (row["id"], known) in seen:
            continue
        seen.add((row["id"], known))
        found.append(row | {"value": value})
        told = {name: row[name].astimezone(zone).isoformat() for name in ("time", "known")}
        batches[batch].append((found[-1] | told, pushed))
    return found, batches


def declare(house, dataset, suffix):
    house.call("datasets.declare", DeclareDataset(spec=replace(dataset, name=f"events{suffix}")))
    house.call("datasets.declare", DeclareDataset(spec=replace(ASKED, name=f"asked{suffix}")))
    for one in VIEWS:
        spec = replace(one, name=one.name + suffix, dataset=f"events{suffix}")
        house.call("views.declare", DeclareView(spec=spec))
    spec = ServiceSpec(
        name=f"all{suffix}", dataset=f"asked{suffix}", key="ask", time="asked_at", label="answer",
        views=[one.name + suffix for one in VIEWS], row_features=[ROW],
    )  # fmt: skip
    return house.call("services.declare", DeclareService(spec=spec))


@settings(
    max_examples=8,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(streams(), moments, st.booleans())
def test_a_value_is_the_same_everywhere(nights, stream, asked, corrected):
    house, following = nights
    number, night = next(following)
    end = night + timedelta(hours=8)
    house.tools().clock.set(end)
    suffix = f"_{number}"
    service = declare(house, CORRECTED if corrected else READINGS, suffix)
    rows, batches = rows_of(end, stream, corrected=corrected)
    for place, batch in enumerate(batches):
        early = [row for row, pushed in batch if pushed and row["place"]]
        for name in ("newest", "fresh") if early else ():
            house.call("views.push", PushRows(view=name + suffix, rows=early))
        for key in (f"{place}", f"{place}") if batch else ():  # sent twice
            request = AppendBatch(dataset=f"events{suffix}", key=key, rows=[row for row, _ in batch])
            landed = house.call("datasets.append", request)
            online = BatchLanded(
                subject=landed.dataset, batch=landed.id, rows=len(batch), version=landed.silver_version
            )
            materialise_views(house.tools(), online)
    questions = [(end - timedelta(minutes=15 * ago), *entity) for ago, *entity in asked]
    online = read(house, service, questions)
    assert online == trained(house, service, questions)
    assert online == [[*map(near, expected(rows, one, corrected))] for one in questions]
    for name in service.spec.views:
        house.call("views.materialize", MaterializeView(view=name, full=True))
    assert read(house, service, questions) == online


def read(house, service, questions):
    rows = [
        {"place": place, "sensor": sensor, "asked_at": at.astimezone(zone).isoformat()}
        for (at, place, sensor), zone in zip(questions, ZONES * 2, strict=False)
    ]
    return house.call("features.read", dict(service=service.name, rows=rows)).rows


def trained(house, service, questions):
    rows = [
        {"ask": number, "place": place, "sensor": sensor, "asked_at": at.isoformat(), "answer": 1.0}
        for number, (at, place, sensor) in enumerate(questions)
    ]
    house.call("datasets.append", AppendBatch(dataset=service.spec.dataset, key="all", rows=rows))
    made = house.call("training_sets.build", BuildTrainingSet(service=service.name))
    frame = features.training_frame(house.tools(), made)
    assert frame.height == len(questions)  # also those whose features are all null
    return [list(row) for row in frame.sort("ask").select(service.features).iter_rows()]


def near(number):
    return number if number is None else pytest.approx(number, rel=1e-12, abs=1e-9)


def expected(rows, question, corrected):
    at, place, sensor = question
    found = []
    for one in VIEWS:
        plain = [
            replace(each, expression=each.expression.replace("twice(value)", "value").replace(" / 2", ""))
            for each in one.features
        ]
        values = answer(replace(one, features=plain), rows, {"place": place, "sensor": sensor}, at, corrected=corrected)
        for feature, value in zip(one.features, values, strict=True):
            found.append(value if value is None else value * FACTORS.get(feature.name, 1.0))
    return [*found, float(at.astimezone(ZONES[1]).hour), float(at.astimezone(ZONES[2]).hour)]
