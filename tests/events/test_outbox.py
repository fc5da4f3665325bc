"""Events reach every reaction, in order, at least once; a reaction that fails blocks nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ondol import catalog, heartbeat
from ondol.events import repo, rules
from ondol.home import House
from ondol.kernel.event import Event, Reaction


class Knocked(Event, frozen=True, kw_only=True):
    times: int


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What two reactions heard; `deaf` always fails."""
    found: list[tuple[str, int]] = []

    def listen(tools, event: Knocked) -> None:
        found.append((event.subject, event.times))

    def deaf(tools, event: Knocked) -> None:
        raise RuntimeError("I hear nothing")

    for name, function in (("door.deaf", deaf), ("door.listen", listen)):
        monkeypatch.setitem(catalog.REACTIONS, name, Reaction(name=name, event=Knocked, function=function))
    monkeypatch.setitem(catalog.EVENTS, "Knocked", Knocked)
    return found


def knock(house: House, times: int) -> None:
    with house.tools().transaction(write=True) as tools:
        tools.emit(Knocked(subject="front", times=times))


def test_events_arrive_in_order_and_once(house: House, heard: list) -> None:
    for times in range(3):
        knock(house, times)
    heartbeat.deliver_all(house)
    heartbeat.deliver_all(house)
    assert heard == [("front", 0), ("front", 1), ("front", 2)]


def test_an_event_of_a_transaction_that_failed_never_happened(house: House, heard: list) -> None:
    def knock_and_fall() -> None:
        with house.tools().transaction(write=True) as tools:
            tools.emit(Knocked(subject="front", times=1))
            raise RuntimeError("fell")

    with pytest.raises(RuntimeError, match="fell"):
        knock_and_fall()
    heartbeat.deliver_all(house)
    assert heard == []


def test_a_reaction_that_keeps_failing_becomes_a_dead_letter_and_can_be_retried(house: House, heard: list) -> None:
    knock(house, 1)
    for _ in range(rules.MAX_ATTEMPTS):
        make_due(house)
        heartbeat.deliver_all(house)
    (dead,) = house.call("events.dead")
    assert (dead.reaction, dead.attempts) == ("door.deaf", rules.MAX_ATTEMPTS)
    assert "I hear nothing" in dead.error
    assert heard == [("front", 1)]
    house.call("events.retry", {"event_id": dead.event_id, "reaction": dead.reaction})
    assert house.call("events.dead") == []


def test_a_delivery_whose_house_died_is_delivered_again(house: House, heard: list) -> None:
    knock(house, 1)
    with house.tools().transaction(write=True) as tools:
        for _ in range(2):
            repo.claim_next(tools.connection, tools.wall(), tools.wall() + rules.CLAIM)
    heartbeat.deliver_all(house)
    assert heard == []
    make_due(house)
    heartbeat.deliver_all(house)
    assert heard == [("front", 1)]


def make_due(house: House) -> None:
    """As if the time until the next attempt had passed."""
    with house.tools().transaction(write=True) as tools:
        past = tools.wall() - timedelta(seconds=1)
        tools.connection.execute(repo.deliveries.update().values(next_at=past))
