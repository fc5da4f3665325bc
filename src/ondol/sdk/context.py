"""A run from the inside: what happens when a step is called while a pipeline runs."""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ondol.features.types import TrainingSet
from ondol.kernel.errors import Invalid, OndolError
from ondol.pipelines.types import BeginStep, FinishStep, Output, PipelineRun, StepRun, StepTicket
from ondol.ports.tools import Tools
from ondol.sdk import fingerprints, values
from ondol.sdk.logs import recorded
from ondol.tracking import service as tracking

_TRACEBACK_LINES = 30


class Call(Protocol):
    """Runs an operation of the house by its name."""

    def __call__(self, operation: str, request: msgspec.Struct, /) -> Any: ...


class StepFailed(Exception):
    """A step has failed, and its row says so; the run ends with this error."""

    def __init__(self, step: str, error: str) -> None:
        super().__init__(f"step {step!r} failed\n{error}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFunction:
    function: Callable[..., Any]
    name: str
    retries: int
    cache: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a value comes from: the step run that made it, and a digest of it."""

    step: str
    digest: str


class Traced:
    """A value of our own steps, that knows where it comes from."""

    origin: Origin

    def argument(self) -> Any:
        """What a step of the person's own gets for it."""
        return self


Reading = tuple[Any, str]
"""Rows that a step got, and what was done to them before (nothing, most often)."""


@dataclass(slots=True, kw_only=True)
class Finished:
    """What the work of a step came to: its value, one line about it, the ids to note on the run, its metrics."""

    value: Any
    summary: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A step that is about to be asked for. `kind`: the struct that its JSON becomes."""

    name: str
    cache_key: str
    cacheable: bool
    inputs: Sequence[str] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    retries: int = 0
    kind: Any = None
    subject: Any = None
    """What a replay takes instead of doing the work."""


class RunContext:
    """One run of one pipeline in this process. Not thread-safe: steps run one after the other."""

    def __init__(self, *, tools: Tools, call: Call, run: PipelineRun, root: Path, commit: str = "") -> None:
        self.tools = tools
        self.call = call
        self.run = run
        self.commit = commit
        self.inside_step = False
        self.steps: dict[str, StepRun] = {}
        self.training_sets: dict[str, TrainingSet] = {}
        self.readings: dict[str, list[Reading]] = {}
        """By step run: the rows of training sets that went into it."""
        self._derived: dict[int, Reading] = {}
        self._root = root
        self._position = 0
        self._metrics: dict[str, float] = {}
        self._results: dict[str, Any] = {}
        # The values are kept, so that an id is not given to another object meanwhile.
        self._known: dict[int, tuple[Any, Origin]] = {}

    def step(self, recorded_step: StepFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a step of the person's own, or take its stored output."""
        bound = inspect.signature(recorded_step.function).bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        params = {
            name: value
            for name, value in arguments.items()
            if fingerprints.is_simple(value) and self.origin(value) is None
        }
        origins = list(self._origins(arguments))
        digests = [part for name, value in arguments.items() for part in (name, self.digest(value))]
        code = fingerprints.code_digest(recorded_step.function, self._root)
        planned = Planned(
            name=recorded_step.name,
            cache_key=fingerprints.sha256(recorded_step.name, code, *digests),
            cacheable=recorded_step.cache,
            inputs=list(dict.fromkeys(origin.step for origin in origins)),
            params=params,
            retries=recorded_step.retries,
            kind=_struct_of(recorded_step.function),
        )

        def work() -> Finished:
            for name, value in arguments.items():
                bound.arguments[name] = value.argument() if isinstance(value, Traced) else value
            answer = recorded_step.function(*bound.args, **bound.kwargs)
            return Finished(value=answer, metrics=values.numbers(answer))

        answer, origin = self.perform(planned, work)
        self.readings[origin.step] = [
            reading for value in arguments.values() for reading in self._read(value) if reading is not None
        ]
        return answer

    def _read(self, value: Any) -> Iterator[Reading | None]:
        for item in value if isinstance(value, list | tuple) else [value]:
            yield (item, "") if isinstance(item, Traced) else self._derived.get(id(item))

    def perform(self, planned: Planned, work: Callable[[], Finished]) -> tuple[Any, Origin]:
        """Run a step, or take its stored output. Raises `StepFailed` after its failure has been stored."""
        position, self._position = self._position, self._position + 1
        ticket: StepTicket = self.call(
            "steps.begin",
            BeginStep(
                run=self.run.id,
                name=planned.name,
                position=position,
                cache_key=planned.cache_key,
                cacheable=planned.cacheable,
                inputs=list(planned.inputs),
                params=dict(planned.params),
            ),
        )
        if ticket.action == "reuse" and ticket.step.output is not None:
            value = values.read(ticket.step.output, self.tools.blobs.get, self.tools.runtimes, planned.kind)
            return value, self._remember(value, ticket.step, ticket.step.output)
        folder = f"steps/{position:02d}-{planned.name}"
        with recorded() as log:
            finished, output, error = self._attempts(planned, work, folder)
        path = f"{folder}/log.txt" if log.getvalue() else ""
        if path:
            self._put(path, log.getvalue().encode())
        step: StepRun = self.call(
            "steps.finish",
            FinishStep(
                step=ticket.step.id,
                output=output,
                metrics={**finished.metrics, **self._metrics} if finished else {},
                results={**finished.results, **self._results} if finished else {},
                log=path,
                error=error,
            ),
        )
        if finished is None or output is None:
            raise StepFailed(planned.name, error)
        return finished.value, self._remember(finished.value, step, output)

    def note_metric(self, key: str, value: float) -> None:
        self._metrics[key] = value

    def note_result(self, key: str, value: Any) -> None:
        """Something that the step which runs now found out; kept with it, and there again when its output is reused."""
        self._results[key] = value

    def digest(self, value: Any) -> str:
        """A digest of a value that goes into a step: by where it comes from, or by its content."""
        if isinstance(value, Traced):
            return value.origin.digest
        if known := self._known.get(id(value)):
            return known[1].digest
        if fingerprints.is_simple(value):
            return fingerprints.sha256(fingerprints.stable(value))
        if isinstance(value, dict):
            pairs = sorted((str(key), self.digest(item)) for key, item in value.items())
            return fingerprints.sha256(*(part for pair in pairs for part in pair))
        if isinstance(value, list | tuple):
            return fingerprints.sha256(*(self.digest(item) for item in value))
        return values.Writer("", lambda name, content: name, self.tools.runtimes).write(value)[0].digest

    def origin(self, value: Any) -> Origin | None:
        """Where a value comes from; None for one that no step of this run made."""
        if isinstance(value, Traced):
            return value.origin
        known = self._known.get(id(value))
        return known[1] if known else None

    def derive(self, value: Any, source: Traced, how: str) -> Any:
        """Note that a value was made from another outside of any step, and how."""
        self._known[id(value)] = (value, Origin(step=source.origin.step, digest=self.digest(value)))
        self._derived[id(value)] = (source, how)
        return value

    def ancestors(self, step: str) -> Iterator[StepRun]:
        """The step run and all whose outputs went into it, the nearest first."""
        waiting, seen = [step], set()
        while waiting:
            identity = waiting.pop(0)
            if identity in seen or identity not in self.steps:
                continue
            seen.add(identity)
            yield self.steps[identity]
            waiting += self.steps[identity].inputs

    def _origins(self, arguments: Mapping[str, Any]) -> Iterator[Origin]:
        for value in arguments.values():
            for item in value if isinstance(value, list | tuple) else [value]:
                if origin := self.origin(item):
                    yield origin

    def _attempts(
        self, planned: Planned, work: Callable[[], Finished], folder: str
    ) -> tuple[Finished | None, Output | None, str]:
        for attempt in range(planned.retries + 1):
            self._metrics, self._results = {}, {}
            self.inside_step = True
            try:
                finished = work()
                output, finished.value = self._writer(planned, folder).write(finished.value)
                if finished.summary:
                    output = msgspec.structs.replace(output, summary=finished.summary)
                return finished, output, ""
            except Exception as failure:
                error = describe(failure, self._root)
                print(f"attempt {attempt + 1} of {planned.retries + 1} failed\n{error}")
            finally:
                self.inside_step = False
            if attempt < planned.retries:
                time.sleep(min(2.0**attempt, 30.0) * 0.1)
        return None, None, error

    def _writer(self, planned: Planned, folder: str) -> values.Writer:
        def put(name: str, content: bytes) -> str:
            return self._put(f"{folder}/{name}", content)

        return values.Writer(planned.name, put, self.tools.runtimes, planned.kind)

    def _remember(self, value: Any, step: StepRun, output: Output) -> Origin:
        self.steps[step.id] = step
        origin = Origin(step=step.id, digest=output.digest)
        if not fingerprints.is_simple(value) or isinstance(value, dict | list):
            self._known[id(value)] = (value, origin)
        if output.format == "tuple":
            for item, part in zip(value, msgspec.convert(output.facts["items"], list[Output]), strict=True):
                self._remember(item, step, part)
        return origin

    def _put(self, path: str, content: bytes) -> str:
        tracking.put_artifact(self.tools, self.run.id, path, content)
        return tracking.artifact_path(self.run.id, path)


_current: ContextVar[RunContext | None] = ContextVar("ondol_run", default=None)


def current_run() -> RunContext | None:
    return _current.get()


def required_run(what: str) -> RunContext:
    run = _current.get()
    if run is None:
        raise Invalid(f"{what} works inside the run of a pipeline.", hint="ondol run PIPELINE")
    return run


@contextmanager
def running(context: RunContext) -> Iterator[RunContext]:
    """Steps that are called inside the block belong to this run."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def describe(failure: BaseException, root: Path) -> str:
    """The traceback's last lines, from the person's own code on, with paths relative to the project;
    the last line says what happened, and the file and line where their code stood.
    """
    frames = traceback.extract_tb(failure.__traceback__)
    own = [number for number, frame in enumerate(frames) if Path(frame.filename).is_relative_to(root)]
    what = "".join(traceback.format_exception_only(failure)).strip()
    if isinstance(failure, OndolError):
        what = f"{failure.message} ({failure.hint})" if failure.hint else failure.message
    if not own:
        # One of our own steps: the person's code is not below the failure, but above us.
        callers = [frame for frame in traceback.extract_stack() if Path(frame.filename).is_relative_to(root)]
        below = [] if isinstance(failure, OndolError) else traceback.format_list(frames[-3:])
        place = f" (at {Path(callers[-1].filename).relative_to(root)}:{callers[-1].lineno})" if callers else ""
        return "".join([*below, what, place])
    last = frames[own[-1]]
    place = f"{Path(last.filename).relative_to(root)}:{last.lineno}"
    lines = "".join(traceback.format_list(frames[own[0] :])).replace(f"{root}/", "").splitlines()
    return "\n".join([*lines[-_TRACEBACK_LINES:], f"{what} (at {place})"])


def _struct_of(function: Callable[..., Any]) -> Any:
    """The struct that a function says it gives back, to read its JSON into; None for anything else."""
    kind = function.__annotations__.get("return")
    if isinstance(kind, str):
        kind = function.__globals__.get(kind)
    return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None
