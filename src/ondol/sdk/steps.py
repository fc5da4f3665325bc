"""Steps and pipelines: functions that stay plain, and are recorded inside a run."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, overload

import msgspec

from ondol.kernel.errors import OndolError
from ondol.kernel.spans import parse_duration
from ondol.pipelines.types import PipelineSpec
from ondol.sdk.collector import declare, note_pipeline, wrong
from ondol.sdk.context import StepFunction, current_run

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


@overload
def step(function: Callable[Arguments, Answer], /) -> Callable[Arguments, Answer]: ...
@overload
def step(
    *, retries: int = 0, cache: bool = True
) -> Callable[[Callable[Arguments, Answer]], Callable[Arguments, Answer]]: ...
def step(function: Any = None, /, *, retries: int = 0, cache: bool = True) -> Any:
    """A step of pipelines. Outside a run it is the plain function that it was.

    Inside a run its arguments, what it printed, the numbers it gave back and its
    output are kept. An equal step (same code, same inputs, same arguments) that has
    finished before answers instead, unless `cache` is off. It is tried `retries` more times.
    """

    def mark(plain: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
        if inspect.iscoroutinefunction(plain) or inspect.isgeneratorfunction(plain):
            raise wrong(f"step {plain.__name__!r} must be a plain function that returns its output.")
        recorded = StepFunction(function=plain, name=plain.__name__, retries=retries, cache=cache)

        @functools.wraps(plain)
        def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
            run = current_run()
            if run is None or run.inside_step:
                return plain(*args, **kwargs)
            answer: Answer = run.step(recorded, args, kwargs)
            return answer

        return call

    return mark if function is None else mark(function)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline as it was declared. Calling it outside a run calls the plain function."""

    function: Callable[..., Any]
    spec: PipelineSpec

    @property
    def name(self) -> str:
        return self.spec.name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)


@overload
def pipeline(function: Callable[..., Any], /) -> Pipeline: ...
@overload
def pipeline(*, name: str = "", schedule: str = "") -> Callable[[Callable[..., Any]], Pipeline]: ...
def pipeline(function: Any = None, /, *, name: str = "", schedule: str = "") -> Any:
    """A pipeline: a function that calls steps. Its parameters need defaults that JSON can hold.

    `schedule` (`"7d"`, `"@weekly"`) starts it again and again by the clock of the house.
    """

    def mark(plain: Callable[..., Any]) -> Pipeline:
        chosen = name or plain.__name__
        if schedule:
            try:
                parse_duration(schedule)
            except OndolError as error:
                raise wrong(f"pipeline {chosen!r}: {error.message}", hint=error.hint) from error
        spec = PipelineSpec(
            name=chosen,
            code="",
            parameters=_parameters(chosen, plain),
            schedule=schedule,
            description=inspect.getdoc(plain) or "",
        )
        declare("pipelines", chosen, spec)
        made = Pipeline(plain, spec)
        note_pipeline(made)
        return made

    return mark if function is None else mark(function)


def _parameters(name: str, function: Callable[..., Any]) -> dict[str, Any]:
    defaults: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is inspect.Parameter.empty:
            raise wrong(f"parameter {parameter.name!r} of pipeline {name!r} needs a default.")
        try:
            defaults[parameter.name] = msgspec.json.decode(msgspec.json.encode(parameter.default))
        except TypeError as error:
            raise wrong(f"the default of {parameter.name!r} of pipeline {name!r}: {error}") from error
    return defaults
