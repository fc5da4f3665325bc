"""Runs that another tracker has kept: taken over with their ids, their moments and their histories."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from ondol.kernel.errors import Conflict, Invalid
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lineage import service as lineage
from ondol.lineage.types import Node
from ondol.ports.tools import Tools
from ondol.tracking import rules
from ondol.tracking.service import experiments
from ondol.tracking.types import KeyValue
from ondol.tracking.types.importing import ImportedLoggedModel, ImportedRun, ImportLoggedModel, ImportRun

if TYPE_CHECKING:
    from ondol.tracking.repo import counts, inputs, metrics, models, runs
    from ondol.tracking.repo import experiments as experiment_rows
    from ondol.tracking.rules import limits
else:
    counts, inputs = lazy("ondol.tracking.repo.counts"), lazy("ondol.tracking.repo.inputs")
    metrics, runs = lazy("ondol.tracking.repo.metrics"), lazy("ondol.tracking.repo.runs")
    models = lazy("ondol.tracking.repo.models")
    experiment_rows = lazy("ondol.tracking.repo.experiments")
    limits = lazy("ondol.tracking.rules.limits")


@operation("runs.import", "POST", "/v1/runs/{run}/import", scope="write")
def import_run(tools: Tools, request: ImportRun) -> ImportedRun:
    """Take over a run of another tracker, or more of its history. Doing it again changes nothing.

    A run of this id in another experiment is a `Conflict`, and so is a parameter with another value.
    """
    _check(request)
    experiment = experiments.find_named(tools, request.experiment)
    identity = experiment.id if experiment else experiments.ensure(tools, request.experiment).id
    place = runs.find_run(tools.connection, request.run)
    if place is not None and place.experiment != identity:
        raise Conflict(f"Run {request.run} belongs to another experiment.", hint=f"ondol runs get {request.run}")
    number = _insert(tools, request, identity) if place is None else place.number
    if place is not None and place.deleted_ms is not None and runs.is_clearing(tools.connection, number):
        raise Conflict(f"The run {request.run} is being cleared away.", hint="ondol runs gc")
    known = runs.read_params(tools.connection, number)
    given = {key: (value[: limits.PARAM_LENGTH], "text") for key, value in request.params.items()}
    runs.insert_params(tools.connection, number, rules.fresh_params(request.run, known, given, strict=False))
    runs.put_tags(tools.connection, number, {key: value[: limits.TAG_LENGTH] for key, value in request.tags.items()})
    rows = [(point.key, point.timestamp, point.step, point.value) for point in request.points]
    metrics.put_points(tools.connection, number, rows)
    for dataset in request.datasets:
        inputs.put_dataset(tools.connection, identity, number, dataset)
    changes = {"status": request.status, "ended_ms": request.ended_ms, "deleted_ms": request.deleted_ms}
    runs.update_run(tools.connection, number, name=request.name or request.run, person=request.person, **changes)
    held = counts.count_run(tools.connection, number)
    return ImportedRun(run=request.run, experiment_id=str(identity), **held._asdict())


@operation("logged_models.import", "POST", "/v1/logged-models/{model}/import", scope="write")
def import_logged_model(tools: Tools, request: ImportLoggedModel) -> ImportedLoggedModel:
    """Take over a model that a run of another tracker has logged. Doing it again changes nothing."""
    limits.check_experiment_name(request.experiment)
    limits.check_model_name(request.name)
    if not _MODEL_ID.fullmatch(request.model):
        raise Invalid(f"{request.model!r} is no id of a logged model.", hint="They look like m-0123abcd.")
    for key, value in [*request.params.items(), *request.tags.items()]:
        limits.check_entry(key, value)
    experiment = experiments.find_named(tools, request.experiment)
    identity = experiment.id if experiment else experiments.ensure(tools, request.experiment).id
    known = models.read_models(tools.connection, [request.model])
    if known and known[0].experiment != identity:
        raise Conflict(f"Logged model {request.model} belongs to another experiment.")
    if not known:
        fields = {name: getattr(request, name) for name in ("name", "kind", "status", "source_run", "created_ms")}
        models.insert_model(
            tools.connection,
            id=request.model,
            experiment=identity,
            status_message="",
            updated_ms=request.created_ms,
            deleted_ms=request.deleted_ms,
            **fields,
        )
    for put, texts in ((models.put_model_params, request.params), (models.put_model_tags, request.tags)):
        put(tools.connection, request.model, [KeyValue(key=key, value=value) for key, value in texts.items()])
    return ImportedLoggedModel(model=request.model, experiment_id=str(identity))


_MODEL_ID = re.compile(r"m-[A-Za-z0-9_-]{1,60}")


def _check(request: ImportRun) -> None:
    limits.check_run_id(request.run)
    limits.check_experiment_name(request.experiment)
    for key, value in [*request.params.items(), *request.tags.items()]:
        limits.check_entry(key, value)
    for point in request.points:
        limits.check_key(point.key, "key")
    for given in request.datasets:
        limits.check_dataset(msgspec.structs.asdict(given.dataset), given.tags)


def _insert(tools: Tools, request: ImportRun, experiment: int) -> int:
    """No `RunStarted`: it started long ago, somewhere else."""
    name = request.name or request.run
    row = runs.NewRun(request.run, experiment, name, request.status, request.person, request.started_ms)
    facts = {"experiment": request.experiment, "imported": "true"}
    node = Node(id=request.run, kind="run", title=name, facts=facts, at=rules.from_ms(request.started_ms))
    lineage.record(tools, nodes=[node])
    return runs.insert_run(tools.connection, row)
