"""Optuna: a study is a run, each of its trials a run below it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import msgspec

from ondol.sdk.context import current_run
from ondol.sdk.evidence import SEARCH
from ondol.sdk.runs import state
from ondol.sdk.runs.autolog import hooks
from ondol.sdk.runs.autolog.session import quietly
from ondol.sdk.runs.run import Run, StepsRun
from ondol.sdk.runs.start import start_run

Objective = Callable[[Any], Any]


def install(module: ModuleType) -> None:
    hooks.replace(module.Study, "optimize", _optimized)


def _optimized(original: Callable[..., Any]) -> Callable[..., Any]:
    def optimize(self: Any, func: Objective, *args: Any, **kwargs: Any) -> Any:
        above = state.active_run()
        own = above is None or isinstance(above, StepsRun)
        run = start_run(name=str(self.study_name)) if own or above is None else above
        try:
            answer = original(self, _as_run(run, func), *args, **kwargs)
        except BaseException as error:
            if own:
                run.fail(error)
            raise
        quietly("best trial", lambda: _best(run, self))
        quietly("search", lambda: _tell_step(self))
        if own:
            run.finish()
        return answer

    return optimize


def _as_run(study: Run, objective: Objective) -> Objective:
    def trial_as_run(trial: Any) -> Any:
        with start_run(study.experiment, name=f"trial {trial.number}", capture=False) as run:
            report = trial.report

            def reported(value: float, step: int) -> None:
                run.log({"value": value}, step=step)
                report(value, step)

            trial.report = reported
            try:
                answer = objective(trial)
            except sys.modules["optuna"].TrialPruned:
                run.set_tags({"pruned": "true"})
                run.log_params(trial.params)
                run.finish()
                raise
            run.log_params(trial.params)
            quietly("value", lambda: _value(run, answer))
        return answer

    return trial_as_run


def _value(run: Run, answer: Any) -> None:
    values = answer if isinstance(answer, list | tuple) else [answer]
    names = ["value"] if len(values) == 1 else [f"value_{place}" for place in range(len(values))]
    run.log(dict(zip(names, values, strict=True)))


def _best(run: Run, study: Any) -> None:
    if len(study.directions) == 1 and any(trial.state.name == "COMPLETE" for trial in study.trials):
        run.log({"best_value": study.best_value})
        run.set_tags({"best_params": msgspec.json.encode(study.best_params).decode()})


def _tell_step(study: Any) -> None:
    """A model that is registered by this run knows how its parameters were found."""
    step = current_run()
    if step is None or not step.inside_step:
        return
    ranges: dict[str, Any] = {}
    for trial in study.trials:
        for name, kind in trial.distributions.items():
            choices = getattr(kind, "choices", None)
            ranges[name] = [kind.low, kind.high] if choices is None else list(choices)
    method = f"Optuna, {type(study.sampler).__name__}"
    step.note_result(SEARCH, {"method": method, "runs": len(study.trials), "ranges": ranges})
