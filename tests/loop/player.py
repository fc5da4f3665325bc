"""An executor that plays the pipeline's process in this one: the same calls, without starting Python again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from ondol.home import House, open_house
from ondol.ports.executor import Task
from tests.rollout.world import ENDPOINT, World

_A_DAY = timedelta(hours=26)
"""A day's rows are from the hour before it was asked about them."""


class Player:
    """The `Executor` port: a task is over when `start` returns; `play(run)` does what its steps would do."""

    def __init__(self) -> None:
        self.house: House | None = None
        self.play: Callable[[Any], None] = lambda run: None
        self.codes: dict[str, int] = {}

    def start(self, task: Task) -> str:
        assert self.house is not None
        job = self.house.call("jobs.get", {"job": task.job_id})
        run = self.house.call("pipeline_runs.begin", {"run": job.payload["run"]})
        error = ""
        try:
            self.play(run)
        except Exception as failure:
            error = str(failure)
        self.house.call("pipeline_runs.finish", {"run": run.id, "error": error})
        self.codes[task.job_id] = 0
        return task.job_id

    def exit_code(self, handle: str) -> int | None:
        return self.codes.get(handle, -1)

    def stop(self, handle: str) -> None: ...

    def close(self) -> None: ...


def open_with(player: Player, config: Any) -> House:
    """A house whose jobs are played."""
    house = open_house(config)
    player.house = House(config, replace(house.tools(), executor=player))
    return player.house


def declare(world: World, **changes: Any) -> None:
    """The pipeline `training`, and the monitor that starts it."""
    world.house.call("pipelines.declare", {"spec": {"name": "training", "code": "c0de"}})
    spec = {
        "endpoint": ENDPOINT,
        "labels": "hits",
        "window": "1d",
        "on_drift": "training",
        "cooldown": "2d",
        "minimum_rows": 200,
        **changes,
    }
    world.house.call("monitors.declare", {"spec": spec})


def retrain(house: House, run: Any, knows: str = "all", gate: bool = True) -> None:
    """Do what steps do: train on the world as it has turned, compare, start a canary if the gate agrees."""
    world = World(house, seed=7)
    made = _step(house, run, 0, "train", lambda: {"version": world.train(knows, turned=True).id})
    _step(house, run, 1, "gate", lambda: {"comparison": _compare(world, run, made["version"])} if gate else {})
    results = house.call("pipeline_runs.get", {"run": run.id}).results
    if not gate or house.call("evals.get", {"comparison": results["comparison"]}).passed:
        request = {"endpoint": ENDPOINT, "version": made["version"], "key": run.id, "reason": "retrained"}
        _step(house, run, 2, "deploy", lambda: {"canary": house.call("canary.start", request).id})


def _step(house: House, run: Any, position: int, name: str, work: Callable[[], dict[str, str]]) -> dict[str, str]:
    ticket = house.call(
        "steps.begin",
        {"run": run.id, "name": name, "position": position, "cache_key": f"{run.id}{name}", "cacheable": False},
    )
    results = work()
    house.call("steps.finish", {"step": ticket.step.id, "results": results})
    return results


def _compare(world: World, run: Any, version: str) -> str:
    made = world.house.call("training_sets.build", {"service": "hit_inputs"})
    now = world.now()
    request = {"candidate": version, "training_set": made.id, "since": now - _A_DAY, "until": now, "key": run.id}
    return world.house.call("evals.compare", request).id
