"""Training a version once more from what the registry holds, without touching anything.

The pipeline's own code runs in a context whose data stand still: datasets at the versions of then, training
sets rebuilt from them by the definitions of then. At `od.candidate` it stops, with the model in hand.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from ondol.features import service as features
from ondol.features.types import GetView, TrainingSet
from ondol.kernel.errors import NotFound, OndolError, Refused
from ondol.lake import service as lake
from ondol.lake.types import GetDataset
from ondol.pipelines.types import PipelineRun
from ondol.ports.tables import Tables
from ondol.ports.tools import Tools
from ondol.registry.types import Version
from ondol.registry.types.lifecycle import Deviation, Reproduction
from ondol.sdk import values
from ondol.sdk.collector import asking
from ondol.sdk.context import Finished, Origin, Planned, RunContext, StepFunction, describe, running
from ondol.sdk.environment import OWN, content_of
from ondol.sdk.evidence import Definitions
from ondol.sdk.flow.rows import Built, with_ends
from ondol.sdk.project_file import load_project

if TYPE_CHECKING:
    import polars as pl


class _Reached(BaseException):
    """`od.candidate` was called for the model. No `Exception`, so that no step of the person's catches it."""

    def __init__(self, model: Any, metrics: dict[str, float]) -> None:
        self.model = model
        self.metrics = metrics


class _Recorded(msgspec.Struct, frozen=True, kw_only=True):
    version: int


class _Rebuilt:
    """The tables of the lake, with rebuilt training sets in place of stored ones."""

    def __init__(self, tables: Tables, frames: dict[str, pl.DataFrame]) -> None:
        self._tables = tables
        self._frames = frames

    def scan(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        if table in self._frames:
            return self._frames[table].lazy()
        return self._tables.scan(table, version=version)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tables, name)


class Replay(RunContext):
    """A run of which nothing is stored."""

    def __init__(self, tools: Tools, version: Version, definitions: Definitions, root: Path) -> None:
        generation = version.evidence.generation
        run = PipelineRun(
            id="run_again",
            pipeline=generation.pipeline,
            status="running",
            reason="reproduced",
            parameters=generation.parameters,
            code=version.code,
            job="",
            started_at=datetime.now(UTC),
        )
        super().__init__(tools=tools, call=self._ask, run=run, root=root)
        self._version = version
        self._sets = {made.service: made for made in definitions.training_sets}
        self._time = definitions.service.spec.time if definitions.service else ""
        self._own = False
        self._count = 0

    def step(self, recorded_step: StepFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._own = True
        try:
            return super().step(recorded_step, args, kwargs)
        finally:
            self._own = False

    def perform(self, planned: Planned, work: Callable[[], Finished]) -> tuple[Any, Origin]:
        self._count += 1
        value = self._worked(planned, work) if self._own else self._standing(planned)
        origin = Origin(step=f"step_{self._count}", digest=f"{self._count}")
        for item in value if isinstance(value, tuple) else (value,):
            self._known[id(item)] = (item, origin)
        return value, origin

    def _worked(self, planned: Planned, work: Callable[[], Finished]) -> Any:
        self.inside_step = True
        try:
            finished = work()
        finally:
            self.inside_step = False
        kept: dict[str, bytes] = {}

        def put(name: str, content: bytes) -> str:
            kept[name] = content
            return name

        return values.Writer(planned.name, put, self.tools.runtimes, planned.kind).write(finished.value)[1]

    def _standing(self, planned: Planned) -> Any:
        """What a step of the house comes to, when nothing may change."""
        if planned.name == "ingest":
            return {name: self._dataset(name) for name in planned.params["datasets"]}
        if planned.name == "validate":
            return dict(planned.params["versions"])
        if planned.name == "features":
            return self._training_set(planned.params["service"])
        if planned.name == "register" and planned.params["model"] == self._version.model:
            raise _Reached(*planned.subject)
        raise Refused(
            f"The pipeline comes to the step {planned.name!r} before od.candidate({self._version.model!r}).",
            hint="It cannot be replayed without changing things.",
        )

    def _training_set(self, service: str) -> Built:
        if service not in self._sets:
            raise NotFound(f"The package does not tell which training set of {service!r} was used.")
        return with_ends(self, self._sets[service], self._time)

    def _dataset(self, name: str) -> int:
        tables = self._version.tables
        return tables.get(f"silver/{name}", tables.get(f"gold/{name}", -1))

    def _ask(self, operation: str, request: msgspec.Struct, /) -> Any:
        if isinstance(request, GetDataset):
            return _Recorded(version=self._dataset(request.dataset))
        raise Refused(f"A pipeline that is replayed asked for {operation}.")


def reproduce(tools: Tools, version: Version, definitions: Definitions, entry: Path) -> Reproduction:
    """Train a version again. `entry` is the project file of its code snapshot, unpacked.

    Raises what the code raises, as `Refused`; `NotFound` when data of then are gone.
    """
    began = time.perf_counter()
    frames, notes = _rebuild(tools, definitions)
    still = replace(tools, tables=cast(Tables, _Rebuilt(tools.tables, frames)))
    reached = _train(Replay(still, version, definitions, entry.parent), entry)
    digests = _digests(tools, reached.model)
    recorded = {name: sha for name, sha in version.files.items() if name in digests}
    return Reproduction(
        version=version.id,
        model=version.model,
        number=version.number,
        equal=bool(version.metrics) and reached.metrics == version.metrics,
        identical=digests == recorded,
        metrics=version.metrics,
        again=reached.metrics,
        data=notes,
        splits=version.evidence.splits,
        differences=[*_metrics(version.metrics, reached.metrics), *_files(recorded, digests)],
        environment=_environment(version),
        seconds=time.perf_counter() - began,
    )


def _rebuild(tools: Tools, definitions: Definitions) -> tuple[dict[str, pl.DataFrame], list[str]]:
    """Training sets from the table versions of then, and how they compare with the stored ones."""
    frames, notes = {}, []
    for made in definitions.training_sets:
        if definitions.service is None or definitions.service.name != made.service:
            notes.append(f"{made.id}: its definitions were not kept; the stored table is used")
            continue
        specs = [view.spec for view in definitions.views]
        frame = features.rebuild_training_set(tools, made, definitions.service, specs)
        frames[made.table] = frame
        tables = ", ".join(f"{table}@{number}" for table, number in sorted(made.tables.items()))
        notes.append(f"{made.id}: {frame.height:,} rows rebuilt from {tables}; {_against_stored(tools, made, frame)}")
    return frames, notes


def _against_stored(tools: Tools, made: TrainingSet, frame: pl.DataFrame) -> str:
    with suppress(NotFound):
        stored = tools.tables.scan(made.table, version=made.table_version).select(frame.columns).collect()
        return "equal to the stored table" if frame.equals(stored) else "NOT equal to the stored table"
    return "the stored table is gone"


def _looked_up(tools: Tools, operation: str, fields: dict[str, Any]) -> Any:
    """What another project declares, when the code names it."""
    with tools.transaction(write=False) as inner:
        if operation == "datasets.get":
            return lake.get_dataset(inner, GetDataset(**fields))
        return features.get_view(inner, GetView(**fields))


def _train(context: Replay, entry: Path) -> _Reached:
    pipeline = context.run.pipeline
    try:
        with asking(functools.partial(_looked_up, context.tools)):
            _, collector = load_project(entry, stay=True)
        if pipeline not in collector.pipelines:
            raise NotFound(f"{entry.name} has no pipeline {pipeline!r}.", hint="The package holds other code.")
        with running(context):
            collector.pipelines[pipeline].function(**context.run.parameters)
    except _Reached as reached:
        return reached
    except OndolError:
        raise
    except Exception as failure:
        raise Refused(describe(failure, entry.parent)) from failure
    raise Refused(f"The pipeline {pipeline!r} ended without od.candidate.")


def _digests(tools: Tools, model: Any) -> dict[str, str]:
    runtime = next(one for one in tools.runtimes if one.recognises(model))
    return {name: hashlib.sha256(content).hexdigest() for name, content in runtime.dump(model).items()}


def _metrics(before: dict[str, float], after: dict[str, float]) -> Iterable[Deviation]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Deviation(what=name, recorded=str(before.get(name, "none")), found=str(after.get(name, "none")))


def _files(before: dict[str, str], after: dict[str, str]) -> Iterable[Deviation]:
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield Deviation(what=name, recorded=before.get(name, "none")[:12], found=after.get(name, "none")[:12])


def _environment(version: Version) -> list[Deviation]:
    """What of the recorded environment is other here."""
    recorded = version.evidence.environment
    pairs = [
        ("python", recorded.python, platform.python_version()),
        ("platform", recorded.platform, platform.platform()),
    ]
    for name, pin in recorded.packages.items():
        found, content = _installed(name)
        if name == OWN and not content:
            continue  # A working copy: there is nothing to compare but its version, which need not be installed.
        pairs.append((name, pin.version, found))
        if found == pin.version and pin.content and content:
            pairs.append((f"{name} {found}, its files", pin.content[:12], content[:12]))
    return [Deviation(what=what, recorded=then, found=now) for what, then, now in pairs if then != now]


def _installed(name: str) -> tuple[str, str]:
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed", ""
    record = found.read_text("RECORD")
    return found.version, content_of(record.splitlines()) if record else ""
