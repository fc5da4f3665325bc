"""Steps as the database sees them: what answers, what is run, what a run that was given up leaves."""

from __future__ import annotations

from typing import Any

import pytest

from ondol import heartbeat
from ondol.home import House
from ondol.kernel.errors import Conflict
from ondol.pipelines.types import Output, PipelineRun, StepTicket

OUTPUT = Output(path="x.json", format="json", digest="d", summary="one")


@pytest.fixture
def run(house: House) -> PipelineRun:
    return start(house)


def start(house: House) -> PipelineRun:
    house.call("pipelines.declare", {"spec": {"name": "p", "code": "c" * 64}})
    started = house.call("pipelines.run", {"pipeline": "p"})
    begun: PipelineRun = house.call("pipeline_runs.begin", {"run": started.id})
    return begun


def begin(house: House, run: PipelineRun, position: int = 0, **fields: Any) -> StepTicket:
    request = {"run": run.id, "name": "s", "position": position, "cache_key": "k", "cacheable": True, **fields}
    ticket: StepTicket = house.call("steps.begin", request)
    return ticket


def finish(house: House, ticket: StepTicket, **fields: Any) -> None:
    house.call("steps.finish", {"step": ticket.step.id, "output": OUTPUT, **fields})


def test_a_step_that_was_begun_and_not_finished_is_run_again_in_its_place(house: House, run: PipelineRun) -> None:
    begin(house, run)
    again = begin(house, run)
    assert again.action == "run"
    assert len(house.call("pipeline_runs.get", {"run": run.id}).steps) == 1


def test_a_finished_step_of_this_run_answers_also_when_its_key_has_moved_on(house: House, run: PipelineRun) -> None:
    finish(house, begin(house, run, cacheable=False))
    again = begin(house, run, cache_key="another", cacheable=False)
    assert again.action == "reuse"
    assert again.step.output == OUTPUT
    assert begin(house, run, params={"leaves": 3}, cacheable=False).action == "run"


def test_an_equal_step_of_another_run_answers_only_a_cacheable_one(house: House, run: PipelineRun) -> None:
    first = begin(house, run)
    finish(house, first, results={"training_set": "ts_1"}, metrics={"auc": 0.7})
    other = start(house)
    reused = begin(house, other)
    assert (reused.action, reused.step.status, reused.step.cached_from) == ("reuse", "cached", first.step.id)
    assert house.call("pipeline_runs.get", {"run": other.id}).results == {"training_set": "ts_1"}
    assert house.call("runs.get", {"run": other.id}).metrics == {"auc": 0.7}
    assert begin(house, start(house), cacheable=False).action == "run"


def test_a_failed_step_never_answers(house: House, run: PipelineRun) -> None:
    house.call("steps.finish", {"step": begin(house, run).step.id, "error": "ValueError: no"})
    assert begin(house, run).action == "run"
    assert begin(house, start(house)).action == "run"


def test_parameters_of_a_step_that_is_called_twice_have_names_of_their_own(house: House, run: PipelineRun) -> None:
    for position, leaves in enumerate([31, 63]):
        finish(house, begin(house, run, position, cache_key=str(leaves), params={"leaves": leaves}))
    assert house.call("runs.get", {"run": run.id}).params == {"s.leaves": 31, "s.1.leaves": 63}


def test_an_ended_run_takes_no_steps_and_stays_as_it_ended(house: House, run: PipelineRun) -> None:
    begin(house, run)
    ended = house.call("pipeline_runs.finish", {"run": run.id, "error": "no luck"})
    assert (ended.status, ended.steps[0].status, ended.steps[0].error) == ("failed", "failed", "no luck")
    assert house.call("pipeline_runs.finish", {"run": run.id}).status == "failed"
    with pytest.raises(Conflict, match="cannot begin"):
        begin(house, run)


def test_a_run_whose_job_is_cancelled_is_cancelled(house: House, run: PipelineRun) -> None:
    house.call("jobs.cancel", {"job": run.job})
    heartbeat.deliver_all(house)
    assert house.call("pipeline_runs.get", {"run": run.id}).status == "cancelled"
    assert house.call("runs.get", {"run": run.id}).status == "failed"


def test_a_run_whose_process_keeps_dying_fails(house: House) -> None:
    house.call("pipelines.declare", {"spec": {"name": "p", "code": "0" * 64}})
    started = house.call("pipelines.run", {"pipeline": "p"})
    heartbeat.settle(house, limit_seconds=100)
    ended = house.call("pipeline_runs.get", {"run": started.id})
    assert ended.status == "failed"
    assert "exit code" in ended.error


def test_a_schedule_follows_the_declaration(house: House) -> None:
    spec = {"name": "p", "code": "c" * 64, "schedule": "@weekly"}
    house.call("pipelines.declare", {"spec": spec})
    (schedule,) = house.call("schedules.list")
    assert (schedule.name, schedule.operation, schedule.every) == ("pipeline:p", "pipelines.run", "@weekly")
    house.call("pipelines.declare", {"spec": {**spec, "schedule": ""}})
    assert house.call("schedules.list") == []
