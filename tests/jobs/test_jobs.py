"""Jobs survive the death of their process and of their house; schedules go by the clock of the house."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol import heartbeat
from ondol.home import House
from ondol.jobs import repo, rules, service
from ondol.jobs.types import Job, SubmitJob
from ondol.kernel.errors import Conflict, Invalid

MOMENT = datetime(2013, 4, 1, tzinfo=UTC)


def submit(house: House, key: str) -> Job:
    with house.tools().transaction(write=True) as tools:
        return service.submit_job(tools, SubmitJob(kind="nothing", key=key, max_attempts=2))


def test_the_same_key_is_one_job(house: House) -> None:
    assert submit(house, "a").id == submit(house, "a").id
    assert len(house.call("jobs.list")) == 1


def test_a_job_whose_process_keeps_dying_fails_after_its_attempts(house: House) -> None:
    job = submit(house, "a")
    heartbeat.settle(house)
    ended = house.call("jobs.get", {"job": job.id})
    assert (ended.status, ended.attempts) == ("failed", 2)
    assert "exit code" in ended.error


def test_a_job_of_a_house_that_died_is_queued_again() -> None:
    wall = MOMENT + timedelta(days=9000)
    job = Job(
        id="job_1", kind="x", payload={}, key="x", status="running", priority=0, attempts=1, max_attempts=3,
        created_at=MOMENT, house="other", lease_until=wall - timedelta(seconds=1),
    )  # fmt: skip
    assert rules.is_abandoned(job, "mine", wall)
    assert not rules.is_abandoned(job, "other", wall)
    assert not rules.is_abandoned(job, "mine", wall - timedelta(seconds=2))
    assert rules.after_crash(job, "house other died", MOMENT).status == "queued"


def test_a_cancelled_job_is_not_started(house: House) -> None:
    job = submit(house, "a")
    house.call("jobs.cancel", {"job": job.id})
    heartbeat.settle(house)
    assert house.call("jobs.get", {"job": job.id}).status == "cancelled"
    with pytest.raises(Conflict):
        house.call("jobs.cancel", {"job": job.id})


@given(st.integers(0, 10_000), st.integers(1, 500))
def test_the_next_moment_lies_on_the_grid_and_in_the_future(late_minutes: int, every_minutes: int) -> None:
    now = MOMENT + timedelta(minutes=late_minutes)
    step = timedelta(minutes=every_minutes)
    following = rules.next_due(MOMENT, f"{every_minutes}min", now)
    assert now < following <= now + step
    assert (following - MOMENT) % step == timedelta(0)


def test_a_schedule_calls_its_operation_when_the_clock_of_the_house_says_so(house: House) -> None:
    request = {"experiment": "by schedule"}
    house.call("schedules.declare", {"name": "nightly", "operation": "runs.create", "every": "1d", "request": request})
    heartbeat.call_due(house)
    assert house.call("runs.list").items == []
    house.call("clock.set", {"now": "2013-04-04T01:00:00Z"})
    heartbeat.call_due(house)
    heartbeat.call_due(house)
    assert [run.experiment for run in house.call("runs.list").items] == ["by schedule"]
    (schedule,) = house.call("schedules.list")
    assert schedule.next_at == datetime(2013, 4, 5, tzinfo=UTC)


def test_a_schedule_is_called_by_one_house_until_its_claim_runs_out(house: House, monkeypatch) -> None:
    request = {"experiment": "by schedule"}
    house.call("schedules.declare", {"name": "nightly", "operation": "runs.create", "every": "1d", "request": request})
    house.call("clock.set", {"now": "2013-04-04T01:00:00Z"})
    with house.tools().transaction(write=True) as tools:
        (due,) = service.due_schedules(tools, tools.now())
        assert service.claim_schedule(tools, due)
        assert not service.claim_schedule(tools, due)
    heartbeat.call_due(house)
    assert house.call("runs.list").items == []
    # That house renews its claim while it lives, and is taken for dead when it does not.
    with house.tools().transaction(write=True) as tools:
        service.extend_claim(tools, due)
    monkeypatch.setattr(rules, "is_free", lambda schedule, wall: True)
    heartbeat.call_due(house)
    assert len(house.call("runs.list").items) == 1
    (schedule,) = house.call("schedules.list")
    assert schedule.claimed_until is None
    with house.tools().transaction(write=True) as tools:
        service.extend_claim(tools, due)
    assert house.call("schedules.list") == [schedule]


def test_what_takes_long_keeps_its_claim(house: House, monkeypatch) -> None:
    monkeypatch.setattr(heartbeat, "RENEW_SECONDS", -1)
    renewed = []
    with heartbeat.claims_of(house).held(renewed.append):
        heartbeat.claims_of(house).renew(house)
    heartbeat.claims_of(house).renew(house)
    assert len(renewed) == 1


def test_a_schedule_that_fails_says_why_and_goes_on(house: House) -> None:
    house.call("schedules.declare", {"name": "broken", "operation": "runs.get", "every": "1d", "request": {"run": "x"}})
    house.call("clock.set", {"now": "2013-04-03T00:00:00Z"})
    heartbeat.call_due(house)
    (schedule,) = house.call("schedules.list")
    assert "x" in schedule.error
    assert schedule.next_at > house.tools().now()


def test_the_clock_only_moves_forward(house: House) -> None:
    with pytest.raises(Invalid):
        house.call("clock.set", {"now": "2012-01-01T00:00:00Z"})


def test_extended_leases_are_only_ours(house: House) -> None:
    job = submit(house, "a")
    with house.tools().transaction(write=True) as tools:
        repo.update_job(tools.connection, rules.started(job, "other", "", tools.now(), MOMENT))
        repo.extend_leases(tools.connection, "mine", MOMENT + timedelta(days=1))
    assert house.call("jobs.get", {"job": job.id}).lease_until == MOMENT + rules.LEASE
