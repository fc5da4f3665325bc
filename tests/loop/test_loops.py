"""From an alarm to a new champion, and to every other end."""

from __future__ import annotations

from functools import partial

import pytest

from ondol import heartbeat
from ondol.kernel.config import Config
from ondol.kernel.errors import Conflict
from tests.loop.player import Player, declare, open_with, retrain
from tests.rollout.world import ENDPOINT, World


@pytest.fixture
def player():
    return Player()


@pytest.fixture
def world(tmp_path, player):
    house = open_with(player, Config(home=str(tmp_path / "home"), clock="2013-04-01"))
    player.play = partial(retrain, house)
    built = World(house).build(rollout=["10% for 5d", "100%"])
    built.start(built.learn(1500))
    declare(built)
    yield built
    house.close()


def _loops(world):
    return world.house.call("loops.list", {"endpoint": ENDPOINT})


def _alarms(world):
    return world.house.call("alarms.list", {"endpoint": ENDPOINT})


def test_drift_leads_to_a_new_champion_without_a_hand_on_the_wheel(world):
    world.live_a_day(600, turned=True)
    [loop] = _loops(world)
    assert loop.status == "canary"
    assert world.shares() == {1: 0.9, 2: 0.1}
    for _ in range(5):
        world.live_a_day(300, turned=True)
    [loop] = _loops(world)
    [alarm] = _alarms(world)
    assert loop.status == "promoted"
    assert "measurably better" in loop.reason
    assert (alarm.status, loop.alarm) == ("closed", alarm.id)
    assert alarm.outcome.startswith("promoted")
    assert world.shares() == {2: 1.0}
    assert world.champion() == 2
    assert [event["status"] for event in world.events("LoopClosed")] == ["promoted"]
    assert world.dead() == []
    chain = {node.id for node in world.house.call("lineage", {"id": loop.canary}).nodes}
    assert {loop.id, loop.alarm, alarm.check, alarm.version, loop.version} <= chain


def test_a_candidate_that_the_gate_refuses_ends_the_loop_with_the_reason_of_the_gate(world, player):
    player.play = partial(retrain, world.house, knows="the opposite")
    world.live_a_day(600, turned=True)
    [loop] = _loops(world)
    assert (loop.status, loop.reason[:8]) == ("refused", "Refused:")
    assert (loop.canary, bool(loop.comparison), bool(loop.version)) == ("", True, True)
    assert world.shares() == {1: 1.0}
    assert _alarms(world)[0].status == "closed"


def test_a_run_that_fails_ends_the_loop_with_its_error(world, player):
    def fail(run):
        raise RuntimeError("out of coal")

    player.play = fail
    world.live_a_day(600, turned=True)
    [loop] = _loops(world)
    assert (loop.status, loop.reason) == ("failed", "out of coal")
    assert _alarms(world)[0].outcome == "failed: out of coal"
    world.live_a_day(300, turned=True)
    assert len(_loops(world)) == 1
    world.live_a_day(300, turned=True)
    assert len(_loops(world)) == 2


def test_a_candidate_past_the_gate_that_is_worse_is_rolled_back(world, player):
    player.play = partial(retrain, world.house, gate=False)
    world.live_a_day(600, turned=True)
    assert _loops(world)[0].status == "canary"
    world.live_a_day(600)
    [loop] = _loops(world)
    assert loop.status == "rolled_back"
    assert "worse than the champion" in loop.reason
    assert world.champion() == 1


def test_no_second_loop_while_one_is_open(world):
    world.live_a_day(600, turned=True)
    for _ in range(2):
        world.live_a_day(300, turned=True)
    assert len(_loops(world)) == len(_alarms(world)) == 1
    with pytest.raises(Conflict, match="is open"):
        world.house.call("loops.start", {"endpoint": ENDPOINT, "pipeline": "training"})


def test_a_loop_started_by_hand_answers_for_an_alarm_that_comes_meanwhile(world, player):
    player.play = partial(retrain, world.house, gate=False)
    by_hand = world.house.call("loops.start", {"endpoint": ENDPOINT, "pipeline": "training"})
    world.live_a_day(600, turned=True)
    assert [loop.id for loop in _loops(world)] == [by_hand.id]
    assert _alarms(world)[0].status == "open"
    for _ in range(5):
        world.live_a_day(300, turned=True)
    assert _loops(world)[0].status == "promoted"
    assert _alarms(world)[0].status == "closed"


def test_every_event_delivered_twice_changes_nothing(world, monkeypatch):
    deliver = heartbeat._deliver
    monkeypatch.setattr(heartbeat, "_deliver", lambda *args: (deliver(*args), deliver(*args)))
    world.live_a_day(600, turned=True)
    for _ in range(5):
        world.live_a_day(300, turned=True)
    assert [loop.status for loop in _loops(world)] == ["promoted"]
    assert len(world.house.call("pipeline_runs.list")) == 1
    assert len(world.house.call("canary.list")) == 2
    assert len(world.events("LoopClosed")) == len(world.events("AlarmClosed")) == 1


@pytest.mark.postgres
def test_the_loop_closes_on_postgres_as_well(tmp_path, player, postgres_url):
    house = open_with(player, Config(home=str(tmp_path / "home"), clock="2013-04-01", database=postgres_url))
    player.play = partial(retrain, house)
    world = World(house).build(rollout=["10% for 5d", "100%"])
    world.start(world.learn(1500))
    declare(world)
    world.live_a_day(600, turned=True)
    for _ in range(5):
        world.live_a_day(300, turned=True)
    assert [loop.status for loop in _loops(world)] == ["promoted"]
    assert [alarm.status for alarm in _alarms(world)] == ["closed"]
    assert world.champion() == 2
    monitor = house.call("monitors.get", {"endpoint": ENDPOINT})
    assert (monitor.last_check, monitor.open_alarm) == (world.now(), "")
    assert world.house.call("loops.worth", {"endpoint": ENDPOINT}).total.versions == [1, 2]
    assert world.dead() == []
    house.close()


class _Killed(BaseException):
    """Goes through every `except Exception`, as SIGKILL does."""


def test_a_house_that_dies_after_every_single_delivery_still_ends_with_the_new_champion(world, player, monkeypatch):
    deliver = heartbeat._deliver
    deaths = []

    def deliver_and_die(*args):
        deliver(*args)
        deaths.append(args)
        raise _Killed

    monkeypatch.setattr(heartbeat, "_deliver", deliver_and_die)

    def settle(house):
        while True:
            try:
                return _settle(house)
            except _Killed:
                house.close()
                house = open_with(player, house.config)
                player.play = partial(retrain, house)
                world.house = house
                world.plane._tools = house.tools()

    _settle = heartbeat.settle
    monkeypatch.setattr(heartbeat, "settle", settle)
    world.live_a_day(600, turned=True)
    for _ in range(5):
        world.live_a_day(300, turned=True)
    assert [loop.status for loop in _loops(world)] == ["promoted"]
    assert world.champion() == 2
    assert len(world.house.call("pipeline_runs.list")) == 1
    assert len(deaths) > 8


def test_a_first_champion_needs_no_canary(tmp_path, player):
    house = open_with(player, Config(home=str(tmp_path / "fresh"), clock="2013-04-01"))
    player.play = partial(retrain, house, gate=False)
    fresh = World(house).build()
    house.call("pipelines.declare", {"spec": {"name": "training", "code": "c0de"}})
    house.call("loops.start", {"endpoint": ENDPOINT, "pipeline": "training"})
    heartbeat.settle(house)
    [loop] = house.call("loops.list")
    assert (loop.status, loop.reason) == ("promoted", "there is no champion yet")
    assert fresh.champion() == 1
    house.close()
