"""However rows arrive, what is online at the end is what a training set would hold at that moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ondol.features import service as features
from ondol.features.reactions import materialise_views
from ondol.features.types import DeclareService, DeclareView, Feature, MaterializeView, RowFeatures, ServiceSpec
from ondol.lake.types import AppendBatch, BatchLanded, DeclareDataset
from tests.features.reference import READINGS, answer, last, over, view

SLOW = Feature(name="slow", expression="value", aggregate="mean", window="2d", tile="6h")
VIEWS = [
    view(*(over(aggregate) for aggregate in ("mean", "sum", "count", "min", "max")), name="windows"),
    view(last("newest"), name="newest"),
    view(last("fresh"), name="fresh", ttl="5h", entity=["place", "sensor"]),
    view(last("either"), SLOW, name="mixed"),
]
NAMES = [feature.name for one in VIEWS for feature in one.features]


@st.composite
def arrivals(draw):
    """Rows of the last four days (in quarters of an hour before now), and the batch in which each lands."""
    rows = []
    for number in range(draw(st.integers(1, 12))):
        happened = draw(st.integers(0, 4 * 96))
        late = draw(st.one_of(st.none(), st.integers(-2, 150)))
        value = draw(st.one_of(st.none(), st.integers(-3, 3).map(float)))
        place = draw(st.sampled_from(["a", "b"])), draw(st.sampled_from(["x", "y"]))
        rows.append((number, *place, happened, late, value, draw(st.integers(0, 2))))
    return rows


@pytest.fixture
def numbered(house):
    """A house, and a counter for the datasets that each example declares for itself."""
    return house, iter(range(1000))


def row_of(now, arrival):
    number, place, sensor, happened, late, value, _ = arrival
    time = now - timedelta(minutes=15 * happened)
    known = None if late is None else time + timedelta(minutes=15 * late)
    return {"id": number, "place": place, "sensor": sensor, "time": time, "known": known, "value": value}


def sent(row):
    return row | {name: row[name] and row[name].isoformat() for name in ("time", "known")}


def declare(house, suffix):
    dataset = f"readings{suffix}"
    house.call("datasets.declare", DeclareDataset(spec=replace(READINGS, name=dataset)))
    for one in VIEWS:
        house.call("views.declare", DeclareView(spec=replace(one, name=one.name + suffix, dataset=dataset)))
    service = ServiceSpec(
        name=f"all{suffix}", dataset=dataset, key="id", time="time", label="value",
        views=[one.name + suffix for one in VIEWS],
        row_features=[RowFeatures(name="row", columns={}, features=[Feature(name="one", expression="1")])],
    )  # fmt: skip
    return dataset, house.call("services.declare", DeclareService(spec=service))


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals(), st.lists(st.integers(0, 12), min_size=3, max_size=3))
def test_any_order_of_arrival_ends_in_the_same_values(numbered, found, pauses):
    house, numbers = numbered
    dataset, service = declare(house, str(next(numbers)))
    begin = house.tools().now() + timedelta(days=6)
    rows = [row_of(begin, arrival) for arrival in found]
    for batch, pause in enumerate(pauses):
        house.tools().clock.set(max(house.tools().now(), begin) + timedelta(hours=pause))
        landing = [row for row, arrival in zip(rows, found, strict=True) if arrival[-1] == batch]
        if landing:
            landed = house.call(
                "datasets.append", AppendBatch(dataset=dataset, key=str(batch), rows=list(map(sent, landing)))
            )
            event = BatchLanded(subject=dataset, batch=landed.id, rows=len(landing), version=landed.silver_version)
            materialise_views(house.tools(), event)
            materialise_views(house.tools(), event)
    step_by_step = read_all(house, service)
    assert step_by_step == expected(house, rows)
    for name in service.spec.views:
        house.call("views.materialize", MaterializeView(view=name, full=True))
    assert read_all(house, service) == step_by_step


def questions(house):
    """Every entity, from a day ago to three days ahead."""
    moments = [house.tools().now() + timedelta(hours=hours) for hours in (-24, -13, -1, 0, 1, 5, 30, 72)]
    return [(place, sensor, at) for place in ("a", "b") for sensor in ("x", "y") for at in moments]


def read_all(house, service):
    rows = [{"place": place, "sensor": sensor, "time": at.isoformat()} for place, sensor, at in questions(house)]
    found = house.call("features.read", dict(service=service.name, rows=rows))
    assert found.features == [*NAMES, "one"]
    return [row[:-1] for row in found.rows]


def expected(house, rows):
    return [
        [value for one in VIEWS for value in answer(one, rows, {"place": place, "sensor": sensor}, at)]
        for place, sensor, at in questions(house)
    ]


def test_vectors_have_no_rows_for_no_rows(house):
    import polars as pl

    _, service = declare(house, "")
    empty = pl.DataFrame(schema={"place": pl.String, "sensor": pl.String})
    assert features.vectors(house.tools(), service, empty, house.tools().now()).shape == (0, len(NAMES) + 1)
