"""Candidate against champion, from the lake to the stored decision."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from ondol.evals import service
from ondol.evals.types import Compare, GetComparison, ListComparisons
from ondol.kernel.errors import Invalid, NotFound, Refused
from ondol.lineage import service as lineage
from ondol.lineage.types import Trace
from ondol.registry import service as registry
from ondol.registry.types import GateRule, PointAlias
from tests.registry.weights import declare, register, with_weights

SINCE, UNTIL = datetime(2013, 3, 1, tzinfo=UTC), datetime(2013, 4, 1, tzinfo=UTC)
GATE = [
    GateRule(kind="at_least", metric="auc", value=0.6),
    GateRule(kind="no_worse", metric="auc", value=0.005),
]


@pytest.fixture
def arena(house, monkeypatch):
    """A house with a model, a gate and a training set of 90 days in which only `signal` tells the label."""
    monkeypatch.setattr(house, "_tools", with_weights(house.tools()))
    monkeypatch.setattr(house, "_tools_of", {})
    source = random.Random(4)
    rows = []
    for hour in range(24 * 90):
        late = source.random() < 0.3
        rows.append(
            {
                "flight_id": str(hour),
                "departs_at": UNTIL - timedelta(days=60) + timedelta(hours=hour),
                "signal": late + source.gauss(0, 1.0),
                "noise": source.gauss(0, 1.0),
                "label": late,
            }
        )
    house.tools().tables.append("gold/training/ts_1", pl.DataFrame(rows))
    declare(house, gate=GATE)
    return house


def compare(house, candidate, key="k", **fields):
    request = dict(
        candidate=getattr(candidate, "id", candidate),
        training_set="ts_1",
        since=SINCE,
        until=UNTIL,
        key=key,
        run="run_1",
    )
    return house.call(service.compare, Compare(**(request | fields)))


def crown(house, version):
    house.call(registry.point_alias, PointAlias(model="flight-delay", alias="champion", version=version.id))


def test_the_first_candidate_needs_to_be_good_enough_only(arena):
    good = register(arena, {"signal": 1.0}, "good")
    found = compare(arena, good)
    assert (found.passed, found.champion, found.champion_scores, found.p_value) == (True, "", None, None)
    assert found.candidate_scores.rows == 31 * 24
    assert found.candidate_scores.auc > 0.7
    bad = compare(arena, register(arena, {"noise": 1.0}, "bad"), key="k2")
    assert bad.passed is False
    assert "AUC" in bad.reason


def test_a_worse_candidate_is_refused_and_a_better_one_passes(arena):
    fair = register(arena, {"signal": 1.0, "noise": 0.7}, "fair")
    crown(arena, fair)
    worse = compare(arena, register(arena, {"signal": 1.0, "noise": 1.5}, "worse"), key="worse")
    assert (worse.passed, worse.champion) == (False, fair.id)
    assert worse.lead < -0.005
    assert worse.p_value > 0.9
    assert worse.reason.startswith("Refused")
    assert [result.passed for result in worse.results] == [True, False]
    better = compare(arena, register(arena, {"signal": 1.0}, "better"), key="better")
    assert better.passed
    assert better.lead > 0
    assert better.p_value < 0.05
    assert better.lead == pytest.approx(better.candidate_scores.auc - better.champion_scores.auc)


def test_the_same_key_is_one_comparison(arena):
    good = register(arena, {"signal": 1.0}, "good")
    first = compare(arena, good)
    assert compare(arena, good) == first
    assert arena.call(service.get_comparison, GetComparison(comparison=first.id)) == first
    assert arena.call(service.list_comparisons, ListComparisons(model="flight-delay")) == [first]
    assert arena.call(service.list_comparisons, ListComparisons(model="other")) == []
    events = [event for event in arena.call("events.list", {}) if event.name == "GateDecided"]
    assert [(event.payload["comparison"], event.payload["passed"]) for event in events] == [(first.id, True)]


def test_a_champion_of_another_label_is_no_rival(arena):
    crown(arena, register(arena, {"signal": 1.0}, "fair", label="arrival_delay > 30"))
    found = compare(arena, register(arena, {"signal": 1.0, "noise": 1.0}, "new"))
    assert (found.passed, found.champion) == (True, "")
    assert "another label" in found.reason


def test_a_champion_of_features_that_are_gone_is_no_rival(arena):
    crown(arena, register(arena, {"signal": 1.0, "gone": 1.0}, "old"))
    found = compare(arena, register(arena, {"signal": 1.0}, "new"))
    assert (found.passed, found.champion) == (True, "")
    assert "gone" in found.reason


def test_a_comparison_is_part_of_the_lineage(arena):
    fair, good = register(arena, {"signal": 1.0, "noise": 1.0}, "fair"), register(arena, {"signal": 1.0}, "good")
    crown(arena, fair)
    found = compare(arena, good)
    with arena.tools().transaction(write=False) as tools:
        graph = lineage.trace(tools, Trace(id=found.id, depth=1))
    assert {(edge.origin, edge.relation) for edge in graph.edges if edge.made == found.id} == {
        (good.id, "judged"),
        (fair.id, "compared_with"),
        ("ts_1", "measured_on"),
        ("run_1", "decided_in"),
    }


def test_a_window_means_the_same_rows_with_and_without_an_offset(arena):
    good = register(arena, {"signal": 1.0}, "good")
    aware = compare(arena, good)
    naive = compare(arena, good, key="k2", since=SINCE.replace(tzinfo=None), until=UNTIL.replace(tzinfo=None))
    assert naive.candidate_scores == aware.candidate_scores
    assert (naive.since, naive.until) == (SINCE, UNTIL)


def test_a_window_that_says_nothing_is_refused(arena):
    good = register(arena, {"signal": 1.0}, "good")
    with pytest.raises(Refused, match="no labelled rows"):
        compare(arena, good, since=UNTIL + timedelta(days=900), until=UNTIL + timedelta(days=901))
    with pytest.raises(Invalid, match="before it begins"):
        compare(arena, good, since=UNTIL, until=SINCE)
    with pytest.raises(Invalid, match="no column 'when'"):
        compare(arena, good, time="when")
    with pytest.raises(NotFound):
        compare(arena, good, training_set="ts_x")
    with pytest.raises(NotFound):
        compare(arena, "mv_x")
    with pytest.raises(NotFound):
        arena.call(service.get_comparison, GetComparison(comparison="cmp_x"))
    assert arena.call(service.list_comparisons, ListComparisons()) == []


def test_two_columns_of_timestamps_need_a_choice(arena):
    frame = pl.DataFrame(
        {
            "departs_at": [SINCE, SINCE + timedelta(hours=1)],
            "arrives_at": [SINCE, UNTIL],
            "signal": [1.0, 0.0],
            "label": [True, False],
        }
    )
    arena.tools().tables.append("gold/training/ts_2", frame)
    good = register(arena, {"signal": 1.0}, "good")
    with pytest.raises(Invalid, match="departs_at, arrives_at"):
        compare(arena, good, training_set="ts_2")
    chosen = compare(arena, good, training_set="ts_2", time="departs_at")
    assert chosen.candidate_scores.rows == 2
