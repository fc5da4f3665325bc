"""Served against offline: equal in a sound world, and a figure, an event and a word when they are not."""

from __future__ import annotations

import logging
from datetime import timedelta

import polars as pl
import pytest

from ondol import heartbeat
from ondol.kernel.errors import Invalid, NotFound
from ondol.monitoring.rules.skew import compare
from tests.rollout.world import ENDPOINT, World


@pytest.fixture
def world(house):
    built = World(house).build()
    built.start(built.learn())
    return built


def check(world, **fields):
    return world.house.call("skew.check", {"endpoint": ENDPOINT, **fields})


def serve(world, rows, **changes):
    """Ask about the rows as they will land, or with other values."""
    given = {name: [changes.get(name, row[name]) for row in rows] for name in ("id", "x", "y")}
    world.plane.infer(ENDPOINT, given | {"seen_at": [row["seen_at"].isoformat() for row in rows]})
    world.plane.flush()


def test_a_sound_world_has_no_skew_and_rows_that_have_not_landed_wait(world):
    rows = world.rows(40)
    serve(world, rows)
    world.land(rows[:30])
    world.pass_time(timedelta(minutes=1))
    found = check(world)
    assert (found.rows, found.waiting, found.share, found.exceeded) == (30, 10, 0.0, False)
    assert [(one.feature, one.differing, one.largest) for one in found.features] == [("fx", 0, 0.0), ("fy", 0, 0.0)]
    assert world.house.call("skew.get", {"check": found.id}) == found


def test_other_values_than_offline_has_are_counted_and_people_told_once(world, caplog):
    rows = world.rows(20)
    serve(world, rows[:15])
    serve(world, rows[15:], y=100.0)
    world.land(rows)
    world.pass_time(timedelta(minutes=1))
    with caplog.at_level(logging.INFO):
        checks = [check(world, limit=0.1) for _ in range(2)]
        heartbeat.settle(world.house)
    worst = checks[0].features[0]
    assert (worst.feature, worst.differing, worst.share, checks[0].share) == ("fy", 5, 0.25, 0.125)
    assert worst.largest == pytest.approx(max(100 - row["y"] for row in rows[15:]))
    assert [one.exceeded for one in checks] == [True, True]
    assert caplog.text.count("is served other values than offline has") == 1
    assert [one.id for one in world.house.call("skew.list", {"service": "hit_inputs"})] == [
        one.id for one in reversed(checks)
    ]
    assert world.house.call("skew.list", {"endpoint": "nobody"}) == []


def test_a_row_asked_for_twice_counts_twice_and_a_sample_is_even(world):
    rows = world.rows(10)
    serve(world, rows)
    serve(world, rows)
    world.land(rows)
    world.pass_time(timedelta(minutes=1))
    assert check(world).rows == 20
    assert check(world, rows=5).rows == 5


def test_a_monitor_watches_skew_by_its_schedule(world):
    spec = {"endpoint": ENDPOINT, "labels": "hits", "minimum_rows": 10_000, "skew_limit": 0.05}
    world.house.call("monitors.declare", {"spec": spec})
    world.live_a_day(50)
    (found,) = world.house.call("skew.list", {"endpoint": ENDPOINT})
    assert (found.rows, found.share, found.limit) == (50, 0.0, 0.05)


def test_nothing_served_is_no_skew(world):
    found = check(world)
    assert (found.rows, found.waiting, found.share, found.exceeded) == (0, 0, 0.0, False)


@pytest.mark.parametrize(
    ("fields", "error"), [({"rows": 0}, Invalid), ({"limit": 2}, Invalid), ({"endpoint": "nobody"}, NotFound)]
)
def test_a_check_of_what_makes_no_sense_is_refused(world, fields, error):
    with pytest.raises(error):
        check(world, **fields)
    with pytest.raises(NotFound):
        world.house.call("skew.get", {"check": "skew_none"})


def test_nulls_on_one_side_differ_and_the_last_digits_do_not():
    served = pl.DataFrame({"a": [1.0, None, None, 2.0, 1e12], "b": [0.0, 0.0, 1.0, 1.0, 1.0]})
    offline = pl.DataFrame({"a": [1.0 + 1e-9, None, 3.0, None, 1e12 + 1], "b": [0.0, 0.0, 1.0, 1.0, 3.0]})
    a, b = compare(served, offline, ["b", "a"])
    assert (a.feature, a.rows, a.differing, a.served_missing, a.offline_missing, a.largest) == ("a", 5, 2, 1, 1, 1.0)
    assert (b.differing, b.share, b.largest, b.mean_difference) == (1, 0.2, 2.0, 0.4)
