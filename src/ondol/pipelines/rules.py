"""What a step's row becomes, when a stored output answers, and how names become keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from ondol.kernel.errors import Invalid
from ondol.pipelines.types import BeginStep, FinishStep, PipelineSpec, StepRun

ENDED = ("finished", "failed", "cancelled")
DONE = ("finished", "cached")


def answers(known: StepRun, request: BeginStep) -> bool:
    """Whether a row of the same run is this very step, done: then it is never run again.

    The cache key is not asked: what a step saw of the outside world may have moved on
    since, and a resumed run must go on with what it saw first.
    """
    return known.status in DONE and known.name == request.name and known.params == to_json(request.params)


def to_json(value: Any) -> Any:
    """The value as it will be read back from the database."""
    return msgspec.json.decode(msgspec.json.encode(value))


def begun(request: BeginStep, identity: str, now: datetime) -> StepRun:
    return StepRun(
        id=identity,
        run=request.run,
        name=request.name,
        position=request.position,
        status="running",
        cache_key=request.cache_key,
        inputs=request.inputs,
        started_at=now,
        params=to_json(request.params),
    )


def reused(step: StepRun, source: StepRun, now: datetime) -> StepRun:
    """The step, answered by the output of an equal step of an earlier run."""
    return msgspec.structs.replace(
        step,
        status="cached",
        ended_at=now,
        metrics=source.metrics,
        output=source.output,
        cached_from=source.id,
    )


def ended(step: StepRun, request: FinishStep, now: datetime, seconds: float) -> StepRun:
    return msgspec.structs.replace(
        step,
        status="failed" if request.error else "finished",
        ended_at=now,
        seconds=round(seconds, 3),
        metrics=request.metrics,
        output=request.output,
        error=request.error,
        log=request.log,
    )


def summary(step: StepRun) -> str:
    """One line to read about a step that has ended."""
    if step.error:
        return last_line(step.error)
    return step.output.summary if step.output else ""


def param_names(step: StepRun, steps: Sequence[StepRun]) -> dict[str, str]:
    """The step's parameters by the names they have in the run: `train.leaves`.

    A step called again in the same run says which call it was: `train.5.leaves`.
    """
    repeated = any(other.name == step.name and other.position < step.position for other in steps)
    prefix = f"{step.name}.{step.position}" if repeated else step.name
    return {name: f"{prefix}.{name}" for name in step.params}


def plain(value: Any) -> str | int | float | bool | None:
    """A parameter as tracking keeps it: lists and dicts become JSON text."""
    return value if value is None or isinstance(value, str | int | float) else msgspec.json.encode(value).decode()


def with_defaults(spec: PipelineSpec, given: dict[str, Any]) -> dict[str, Any]:
    """All parameters of a run; `Invalid` for one that the pipeline does not have.

    Text (from a command line) becomes what the parameter's default is.
    """
    if unknown := sorted(set(given) - set(spec.parameters)):
        raise Invalid(
            f"Pipeline {spec.name!r} has no parameter {unknown[0]!r}.",
            hint=f"It has {', '.join(sorted(spec.parameters)) or 'none'}.",
        )
    return {**spec.parameters, **{name: _like(spec, name, value) for name, value in given.items()}}


def _like(spec: PipelineSpec, name: str, value: Any) -> Any:
    default = spec.parameters[name]
    if not isinstance(value, str) or default is None or isinstance(default, str):
        return value
    try:
        return msgspec.convert(msgspec.json.decode(value), type(default))
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Invalid(f"{name} of pipeline {spec.name!r} is {value!r}; its default is {default!r}: {error}") from error


def last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]
