"""Monitors over real answers, in a world that stays and in one that turns."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from ondol.kernel.errors import Invalid, NotFound
from ondol.monitoring.service import observe
from tests.rollout.world import ENDPOINT, World

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def world(house):
    return World(house).build()


def _watch(world, **changes):
    spec = {"endpoint": ENDPOINT, "labels": "hits", "window": "3d", "cooldown": "4d", "minimum_rows": 200, **changes}
    return world.house.call("monitors.declare", {"spec": spec})


def _checks(world):
    return world.house.call("checks.list", {"endpoint": ENDPOINT})


def _alarms(world):
    return world.house.call("alarms.list", {"endpoint": ENDPOINT})


def test_a_world_that_stays_raises_no_alarm(world):
    world.start(world.learn())
    _watch(world)
    for _ in range(3):
        world.live_a_day(300)
    checks = _checks(world)
    assert [check.verdict for check in checks] == ["fine", "fine", "fine"]
    assert checks[0].quality.auc == pytest.approx(checks[0].quality.expected_auc, abs=0.04)
    assert (checks[0].quality.rows, checks[0].quality.labelled_rows) == (900, 900)
    assert _alarms(world) == []
    assert world.dead() == []


def test_a_world_that_turns_raises_one_alarm_after_its_strikes(world, caplog):
    version = world.learn()
    world.start(version)
    _watch(world, strikes=2, window="1d")
    world.live_a_day(300, turned=True, shift=1.5)
    assert _alarms(world) == []
    with caplog.at_level(logging.INFO):
        world.live_a_day(300, turned=True, shift=1.5)
    [alarm] = _alarms(world)
    assert (alarm.version, alarm.status, alarm.features) == (version.id, "open", ["fx"])
    assert "hits has drifted" in caplog.text
    assert "was expected" in alarm.reasons[0]
    check = world.house.call("checks.get", {"check": alarm.check})
    [x, y] = check.features
    assert (x.feature, x.drifted, y.drifted, check.strikes, check.alarm) == ("fx", True, False, 2, alarm.id)
    assert sum(x.baseline.shares) == pytest.approx(1)
    assert sum(x.live.shares) == pytest.approx(1)
    assert x.live.shares[-1] > x.baseline.shares[-1] * 3
    assert x.live_mean - x.baseline_mean == pytest.approx(1.5, abs=0.2)
    assert check.score is not None
    world.live_a_day(300, turned=True)
    assert len(_alarms(world)) == 1
    assert world.house.call("monitors.get", {"endpoint": ENDPOINT}).open_alarm == alarm.id
    [event] = world.events("DriftAlarm")
    assert (event["alarm"], event["pipeline"]) == (alarm.id, "")


def test_after_an_alarm_is_closed_the_next_one_waits_for_the_cooldown(world):
    world.start(world.learn())
    _watch(world, window="1d", cooldown="3d")
    world.live_a_day(300, turned=True)
    [alarm] = _alarms(world)
    for _ in range(2):
        closed = world.house.call("alarms.close", {"alarm": alarm.id, "outcome": "looked at"})
    assert (closed.status, closed.outcome) == ("closed", "looked at")
    assert len(world.events("AlarmClosed")) == 1
    for _ in range(2):
        world.live_a_day(300, turned=True)
        assert len(_alarms(world)) == 1
    world.live_a_day(300, turned=True)
    newest, _ = _alarms(world)
    assert newest.status == "open"
    assert world.house.call("checks.get", {"check": newest.check}).strikes == 4


def test_answers_of_an_older_version_do_not_count(world):
    world.start(world.learn())
    _watch(world, strikes=3, window="3d")
    world.live_a_day(300, turned=True)
    world.live_a_day(300, turned=True)
    assert _checks(world)[0].strikes == 2
    canary = world.start(world.learn(turned=True))
    world.house.call("canary.promote", {"canary": canary.id})
    world.live_a_day(150, turned=True)
    thin = _checks(world)[0]
    assert (thin.number, thin.verdict, thin.strikes, thin.quality.labelled_rows) == (2, "too_few_rows", 0, 150)
    world.live_a_day(300, turned=True)
    assert _checks(world)[0].verdict == "fine"
    assert _alarms(world) == []


def test_a_list_of_checks_is_light_and_quality_is_a_line_over_time(world):
    world.start(world.learn())
    _watch(world, window="1d")
    world.live_a_day(300, shift=3.0)
    world.live_a_day(300)
    calm, drifted = _checks(world)
    assert calm.features == []
    assert [(feature.feature, feature.live.edges) for feature in drifted.features] == [("fx", [])]
    points = world.house.call("quality.list", {"endpoint": ENDPOINT})
    assert [(point.number, point.drifted) for point in points] == [(1, 1), (1, 0)]
    assert points[0].at < points[1].at


def test_the_expected_auc_is_what_the_gate_measured(world):
    version = world.learn()
    made = world.house.call("training_sets.list", {"service": "hit_inputs"})[0]
    comparison = world.house.call(
        "evals.compare",
        {
            "candidate": version.id,
            "training_set": made.id,
            "since": world.now() - timedelta(days=9),
            "until": world.now(),
            "key": "gate",
        },
    )
    baseline = world.house.call("baselines.get", {"version": version.id})
    assert baseline.expected_auc == comparison.candidate_scores.auc
    assert 0.001 < baseline.expected_auc_error < 0.02
    assert baseline.rows == made.rows
    assert sum(feature.importance for feature in baseline.features.values()) == pytest.approx(1)
    assert baseline.score.histogram.missing == 0


def test_a_baseline_is_made_once_and_kept_among_the_blobs(world):
    version = world.learn()
    made = world.house.call("baselines.get", {"version": version.id})
    stored = world.house.tools().blobs.get(f"baselines/{version.id}.json")
    assert observe.read_baseline(stored) == made
    observe._known.clear()
    assert world.house.call("baselines.get", {"version": version.id}) == made


def test_a_version_without_a_training_set_is_watched_by_its_quality_alone(world):
    world.start(world.train("all"))
    _watch(world, window="1d")
    world.live_a_day(300, turned=True)
    [alarm] = _alarms(world)
    assert alarm.features == []


def test_a_version_is_not_blamed_for_labels_that_it_never_learned(world):
    world.start(world.learn())
    _watch(world, window="1d")
    world.relabel("hit < 1")
    world.live_a_day(300)
    [check] = _checks(world)
    assert (check.verdict, check.quality.rows, check.quality.labelled_rows) == ("too_few_rows", 300, 0)
    assert "hit < 1" in check.reasons[0]
    assert _alarms(world) == []


def test_baselines_of_format_1_are_read_as_they_were_written():
    content = (FIXTURES / "baseline-1.json").read_bytes()
    baseline = observe.read_baseline(content)
    assert baseline.features["temp"].histogram.edges == [30.0, 40.0, 50.0]
    assert baseline.expected_auc_error == 0.01
    assert msgspec.json.decode(msgspec.json.encode(baseline)) == msgspec.json.decode(content)


def test_a_baseline_of_a_later_release_is_refused_by_its_format():
    content = (FIXTURES / "baseline-1.json").read_bytes().replace(b'"format":1', b'"format":2')
    with pytest.raises(Invalid, match="format 2"):
        observe.read_baseline(content)


def test_nothing_is_checked_before_a_champion_serves(world):
    _watch(world)
    with pytest.raises(NotFound, match="no champion"):
        world.house.call("drift.check", {"endpoint": ENDPOINT})


def test_a_monitor_that_is_declared_again_follows_its_new_words(world):
    first = _watch(world)
    assert _watch(world) == first
    assert _watch(world, every="2d").spec.every == "2d"
    [schedule] = world.house.call("schedules.list")
    assert (schedule.name, schedule.every) == ("monitor:hits", "2d")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        pytest.param({"endpoint": "nowhere"}, NotFound, id="endpoint"),
        pytest.param({"labels": "nothing"}, NotFound, id="labels"),
        pytest.param({"on_drift": "nobody"}, NotFound, id="pipeline"),
        pytest.param({"window": "long"}, Invalid, id="window"),
    ],
)
def test_a_monitor_of_what_is_not_there_is_refused(world, changes, error):
    with pytest.raises(error):
        _watch(world, **changes)
