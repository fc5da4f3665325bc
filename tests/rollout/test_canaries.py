"""Canaries on real traffic, with models whose worth is known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ondol import heartbeat
from ondol.home import open_house
from ondol.kernel.errors import Conflict, Invalid
from tests.rollout.world import ENDPOINT, World

_DAY = timedelta(days=1)


@pytest.fixture
def world(house):
    return World(house).build()


def _canary(world, canary):
    return world.house.call("canary.get", {"canary": canary.id})


def test_the_first_version_takes_all_traffic_at_once(world):
    version = world.train("x")
    canary = world.start(version)
    assert (canary.status, canary.share, canary.reason) == ("promoted", 1.0, "there is no champion yet")
    assert world.shares() == {1: 1.0}
    assert world.champion() == 1
    assert world.house.call("schedules.list") == []
    [span] = world.house.call("aliases.history", {"model": "hits"})
    assert span.evidence == canary.id


def test_a_version_with_another_label_takes_all_traffic_at_once_because_nothing_can_be_compared(world):
    world.start(world.train("x"))
    package = world.train("x")
    other = world.house.call("versions.register", _again(world, package, label="hit > 1"))
    canary = world.start(other)
    assert canary.status == "promoted"
    assert "another question" in canary.reason
    assert world.shares() == {other.number: 1.0}


def _again(world, version, **changes):
    fields = ("model", "flavor", "package", "files", "label", "service", "features", "signature")
    return {name: getattr(version, name) for name in fields} | {"key": "again", **changes}


def test_a_shuffled_model_is_rolled_back_at_the_first_check_and_its_damage_is_its_share(world):
    world.start(world.train("x"))
    bad = world.train("nothing")
    canary = world.start(bad)
    assert world.shares() == {1: 0.9, 2: 0.1}
    world.live_a_day()
    ended = _canary(world, canary)
    assert ended.status == "rolled_back"
    assert "worse than the champion" in ended.reason
    assert len(ended.checks) == 1
    assert world.shares() == {1: 1.0}
    assert world.champion() == 1
    [event] = world.events("CanaryRolledBack")
    assert event["share_served"] <= 0.35
    assert event["share_served"] == pytest.approx(ended.checks[0].candidate_share)
    assert world.house.call("schedules.list") == []
    assert world.dead() == []


def test_every_labelled_row_counts_for_both_models(world):
    world.start(world.train("x"))
    canary = world.start(world.train("all"))
    world.live_a_day(600)
    [check] = _canary(world, canary).checks
    assert (check.labelled_rows, check.requests, check.verdict) == (600, 20, "wait")
    assert check.candidate_labelled_rows < 300
    assert check.paired_lead > 0.02


def test_a_better_model_wins_at_the_end_of_its_stage_and_not_before(world):
    world.start(world.train("x"))
    canary = world.start(world.train("all"))
    for _ in range(5):
        world.live_a_day(300)
        assert world.shares() == {1: 0.9, 2: 0.1}
    world.live_a_day(300)
    ended = _canary(world, canary)
    assert ended.status == "promoted"
    assert ended.checks[-1].p_better_by_days < 0.05
    assert len(ended.checks) == 6
    assert world.shares() == {2: 1.0}
    assert world.champion() == 2
    assert [event["version"] for event in world.events("CanaryWon")][-1] == ended.candidate
    assert world.house.call("schedules.list") == []


def test_an_equal_model_is_not_promoted(world):
    world.start(world.train("all"))
    canary = world.start(world.train("all", seed=5))
    for _ in range(6):
        world.live_a_day(300)
    ended = _canary(world, canary)
    assert ended.status == "rolled_back"
    assert "not" in ended.reason
    assert world.champion() == 1


def test_stages_follow_each_other(house):
    world = World(house).build(rollout=["10% for 2d", "50% for 40 requests", "100%"])
    world.start(world.train("x"))
    canary = world.start(world.train("all"))
    world.live_a_day(300)
    world.live_a_day(300)
    moved = _canary(world, canary)
    assert (moved.status, moved.stage, moved.share) == ("open", 1, 0.5)
    assert world.shares() == {1: 0.5, 2: 0.5}
    assert world.endpoint().traffic[0].number == 1
    [schedule] = world.house.call("schedules.list")
    assert schedule.every == "1h"
    while _canary(world, canary).status == "open":
        world.live_a_day(900)
    assert _canary(world, canary).status == "promoted"
    in_stage = [
        request
        for request in world.house.call("requests.list", {"endpoint": ENDPOINT, "limit": 1000})
        if request.number == 2 and request.at >= moved.stage_since
    ]
    assert len(in_stage) >= 40


def test_without_labels_a_canary_waits(world):
    world.start(world.train("x"))
    canary = world.start(world.train("all"))
    for _ in range(7):
        world.ask(world.rows(60))
        world.pass_time(_DAY)
    waiting = _canary(world, canary)
    assert waiting.status == "open"
    assert "labelled rows" in waiting.checks[-1].reason


def test_a_candidate_whose_label_is_no_longer_asked_for_makes_room(world):
    world.start(world.train("x"))
    canary = world.start(world.train("all"))
    world.relabel("hit < 1")
    world.live_a_day(300)
    ended = _canary(world, canary)
    assert (ended.status, world.shares()) == ("rolled_back", {1: 1.0})
    assert "hit < 1" in ended.reason


def test_one_canary_at_a_time_and_the_same_key_is_one_canary(world):
    world.start(world.train("x"))
    canary = world.start(world.train("all"), key="loop 1")
    assert world.start(world.train("all"), key="loop 1").id == canary.id
    with pytest.raises(Conflict, match="tries version 2"):
        world.start(world.train("all"))
    assert len(world.house.call("canary.list", {"endpoint": ENDPOINT})) == 2


def test_the_champion_is_no_candidate_and_strangers_are_refused(world):
    first = world.train("x")
    world.start(first)
    with pytest.raises(Conflict, match="champion"):
        world.start(first)
    world.house.call("models.declare", {"spec": {"name": "other"}})
    with pytest.raises(Invalid, match="serves"):
        world.start(world.house.call("versions.register", _again(world, first, model="other")))


def test_a_person_may_end_a_canary_either_way_and_twice(world):
    world.start(world.train("x"))
    canary = world.start(world.train("all"))
    for _ in range(2):
        ended = world.house.call("canary.promote", {"canary": canary.id, "reason": "trust me"})
    assert (ended.status, ended.reason) == ("promoted", "trust me")
    assert world.shares() == {2: 1.0}
    with pytest.raises(Conflict):
        world.house.call("canary.roll_back", {"canary": canary.id})
    other = world.start(world.train("x"))
    for _ in range(2):
        world.house.call("canary.roll_back", {"canary": other.id})
    assert world.shares() == {2: 1.0}
    assert len(world.events("CanaryRolledBack")) == 1


def test_a_check_without_a_canary_says_so(world):
    assert world.house.call("canary.check", {"endpoint": ENDPOINT}).canary is None


def test_a_house_that_was_killed_goes_on_with_its_canary(world):
    world.start(world.train("x"))
    canary = world.start(world.train("nothing"))
    rows = world.rows(600)
    world.ask(rows)
    world.land(rows)
    world.house.call("clock.set", {"now": world.now() + _DAY})
    again = open_house(world.house.config)
    heartbeat.settle(again)
    assert again.call("canary.get", {"canary": canary.id}).status == "rolled_back"
    assert again.call("endpoints.get", {"endpoint": ENDPOINT}).traffic[0].share == 1.0
    again.close()


def test_the_chain_of_a_canary_leads_to_both_versions(world):
    first, second = world.train("x"), world.train("all")
    world.start(first)
    canary = world.start(second)
    graph = world.house.call("lineage", {"id": canary.id})
    assert {first.id, second.id} <= {node.id for node in graph.nodes}
