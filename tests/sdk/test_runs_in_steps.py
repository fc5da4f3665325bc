"""`od.start_run` inside a step of a pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ondol as od
from ondol.home import House
from ondol.kernel.server_note import write_note
from ondol.pipelines.types import BeginPipelineRun, PipelineRun
from ondol.sdk.context import RunContext, running
from ondol.sdk.evidence import Search
from ondol.sdk.flow.release import _searched
from ondol.sdk.runs import channel, state
from tests.sdk.training import points


@od.step(cache=True)
def search(trials: int) -> dict[str, float]:
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))

    def objective(trial: Any) -> float:
        return trial.suggest_float("x", -1, 1) ** 2 + len(trial.suggest_categorical("kind", ["a", "bb"]))

    study.optimize(objective, n_trials=trials)
    return {"best": study.best_value}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_said", set())


@od.step(cache=False)
def train(rounds: int) -> dict[str, float]:
    run = od.start_run()
    for number in range(rounds):
        run.log({"loss": 1 / (number + 1)}, step=number)
    run.log({"rows": 7})
    with od.start_run(name="side", params={"leaves": 3}, capture=False) as side:
        side.log({"auc": 0.7})
    assert od.start_run() is run
    return {"auc": 0.7}


def test_a_step_logs_to_the_run_of_its_pipeline_and_to_runs_below_it(open_doors, house: House, tmp_path: Path) -> None:
    house.call("pipelines.declare", {"spec": {"name": "training", "code": "c" * 64}})
    started = house.call("pipelines.run", {"pipeline": "training"})
    begun: PipelineRun = house.call("pipeline_runs.begin", BeginPipelineRun(run=started.id))
    write_note(house.config.home_path, open_doors.url)
    context = RunContext(tools=house.tools(), call=house.call, run=begun, root=tmp_path)
    with running(context):
        train(5)
        joined = state.steps_run(begun.id)
        assert joined is not None
        joined.finish()
    found = open_doors.runs.get(run=begun.id)
    assert found.status == "running"
    assert [step for step, _ in points(open_doors, begun.id, "loss")] == [0, 1, 2, 3, 4]
    assert open_doors.pipeline_runs.get(run=begun.id).steps[0].metrics == {"auc": 0.7, "rows": 7.0}
    side = next(run for run in open_doors.runs.list().items if run.name == "side")
    assert (side.experiment, side.status, side.params) == ("training", "finished", {"leaves": 3})
    assert side.tags["mlflow.parentRunId"] == begun.id


def test_a_study_of_optuna_in_a_step_says_how_parameters_were_found(open_doors, house: House, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="Optuna is not installed")
    house.call("pipelines.declare", {"spec": {"name": "training", "code": "c" * 64}})
    write_note(house.config.home_path, open_doors.url)
    od.autolog()
    try:
        for _ in range(2):  # The second time the step's output is reused.
            started = house.call("pipelines.run", {"pipeline": "training"})
            begun: PipelineRun = house.call("pipeline_runs.begin", BeginPipelineRun(run=started.id))
            context = RunContext(tools=house.tools(), call=house.call, run=begun, root=tmp_path)
            with running(context):
                search(3)
                found = _searched(context)
            ranges = {"x": [-1.0, 1.0], "kind": ["a", "bb"]}
            assert found == Search(method="Optuna, RandomSampler", runs=3, ranges=ranges)
            house.call("pipeline_runs.finish", {"run": started.id, "status": "finished"})
    finally:
        od.autolog(disable=True)
