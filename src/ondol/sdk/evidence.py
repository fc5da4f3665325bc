"""What a run hands to the registry beside the model: data, definitions, code, environment, plots."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.features.types import GetService, GetView, Service, TrainingSet, View
from ondol.kernel.errors import NotFound
from ondol.project.service import snapshot_path
from ondol.project.types import Snapshot
from ondol.registry.types.evidence import Environment, Generation, Role, Split, VersionEvidence
from ondol.sdk import plots
from ondol.sdk.environment import environment, lock

if TYPE_CHECKING:
    from ondol.sdk.context import RunContext
    from ondol.sdk.flow.rows import Rows

CODE, DEFINITIONS, LOCK = "code.json", "features.json", "lock.txt"
LARGEST_PLOT = 200_000
"""Rows: more than these say nothing new in a plot of 400 pixels."""


class Definitions(msgspec.Struct, frozen=True, kw_only=True):
    """`features.json` of a package: the training sets it read, and the definitions that made their features."""

    format: int = 1
    training_sets: list[TrainingSet] = []
    service: Service | None = None
    views: list[View] = []


SEARCH = "search"
"""Under this name a step keeps what it has found out of a search."""


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """How the parameters were searched, as `od.candidate(..., search={...})` says it."""

    method: str
    runs: int
    ranges: dict[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is known about a trained model when it is about to be registered."""

    model: Any
    framework: str
    made_from: TrainingSet | None
    learned: Sequence[tuple[Rows, str]]
    judged: Sequence[tuple[Rows, str]]
    params: Mapping[str, Any]
    search: Search | None = None


@dataclass(kw_only=True)
class Gathered:
    evidence: VersionEvidence
    files: dict[str, bytes] = field(default_factory=dict)


def gather(run: RunContext, source: Source) -> Gathered:
    """The evidence, and the files that carry it into the package."""
    files: dict[str, bytes] = {}
    found = environment()
    files[LOCK] = lock(found.packages).encode()
    definitions = _definitions(run, source.made_from)
    if definitions.service:
        files[DEFINITIONS] = msgspec.json.format(msgspec.json.encode(definitions), indent=1)
    drawn = dict(_plots(run, source))
    files |= drawn
    splits = [_split("train", *each) for each in source.learned] + [_split("test", *each) for each in source.judged]
    evidence = VersionEvidence(
        splits=splits,
        environment=found,
        generation=_generation(run, source, found, files),
        featurise=_featurise(definitions),
        predict=_predict(run, source.model),
        plots=sorted(drawn),
    )
    return Gathered(evidence=evidence, files=files)


def _split(role: Role, rows: Rows, changed: str) -> Split:
    record = rows.built.training_set
    rule = f"{rows.rule}, then {changed}" if changed else rows.rule
    return Split(
        role=role, training_set=record.id, table=record.table, table_version=record.table_version,
        rows=rows.size, since=rows.since, until=rows.until, rule=rule,
    )  # fmt: skip


def _definitions(run: RunContext, made_from: TrainingSet | None) -> Definitions:
    if made_from is None:
        return Definitions()
    service: Service = run.call("services.get", GetService(service=made_from.service))
    if service.hash != made_from.service_hash:
        # Declared anew since the training set was built: these are not the definitions that made it.
        return Definitions(training_sets=list(run.training_sets.values()))
    views: list[View] = [run.call("views.get", GetView(view=name)) for name in service.spec.views]
    return Definitions(training_sets=list(run.training_sets.values()), service=service, views=views)


def _featurise(definitions: Definitions) -> list[str]:
    if definitions.service is None:
        return []
    views = [(f"{view.name}@{view.hash[:8]}", view.spec.features) for view in definitions.views]
    rows = [(each.name, each.features) for each in definitions.service.spec.row_features]
    return [f"{name}: {', '.join(feature.name for feature in features)}" for name, features in [*views, *rows]]


def _predict(run: RunContext, model: Any) -> str:
    runtime = next((one for one in run.tools.runtimes if one.recognises(model)), None)
    return f"the {runtime.flavor} runtime: one score a row" if runtime else ""


def _generation(run: RunContext, source: Source, found: Environment, files: dict[str, bytes]) -> Generation:
    entry, sources = "", []
    with contextlib.suppress(NotFound):
        content = run.tools.blobs.get(snapshot_path(run.run.code))
        snapshot = msgspec.json.decode(content, type=Snapshot)
        entry, sources = snapshot.entry, sorted(snapshot.files)
        files[CODE] = content
    package = {"sklearn": "scikit-learn"}.get(source.framework, source.framework)
    pin = found.packages.get(package)
    search = source.search or Search(method="one training", runs=1)
    return Generation(
        framework=f"{package} {pin.version}" if pin else package,
        method=search.method,
        runs=search.runs,
        ranges=search.ranges,
        chosen=dict(source.params),
        pipeline=run.run.pipeline,
        parameters=run.run.parameters,
        entry=entry,
        sources=sources,
    )


def _plots(run: RunContext, source: Source) -> Iterator[tuple[str, bytes]]:
    """A plot that cannot be drawn is no reason to lose a model that was trained."""
    runtime = next((one for one in run.tools.runtimes if one.recognises(source.model)), None)
    if runtime is None:
        return
    gains = runtime.signature(source.model).get("importance") or {}
    if any(gains.values()):
        yield "plots/importance.svg", plots.importance(gains).encode()
    if not source.judged:
        return
    rows = source.judged[0][0].frame.head(LARGEST_PLOT)
    labels = rows["label"].drop_nulls().to_list()
    if len(labels) != rows.height or set(labels) - {0, 1}:
        return
    try:
        scores = runtime.load(runtime.dump(source.model)).predict(rows)
    except Exception as failure:
        print(f"no curves were drawn: {failure}")
        return
    yield "plots/roc.svg", plots.roc(labels, scores).encode()
    yield "plots/calibration.svg", plots.calibration(labels, scores).encode()
