"""What the house writes down, as tables of the schema `house`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.features import service as features
from ondol.features.types import ListServices, ListTrainingSets, ListViews
from ondol.kernel.errors import NotFound
from ondol.kernel.lazy import lazy
from ondol.lake import service as lake
from ondol.lake.types import ListBatches, ListDatasets
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.registry.types import ListModels, ListVersions
from ondol.sqlml.types import SqlTableInfo
from ondol.tracking import service as tracking
from ondol.tracking.types import ListRuns, Run

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

SCHEMA = "house"
_PAGE = 1000
_MOST = 100_000
"""Of each kind of record the newest."""
_KINDS = {str: "string", int: "integer", float: "double", datetime: "timestamp"}

Row = dict[str, Any]


def frame(tools: Tools, name: str) -> pl.DataFrame:
    """The records of one kind, in the open transaction; maps and lists are JSON text."""
    if name not in _TABLES:
        raise NotFound(f"There is no table house.{name}.", hint=f"There are {', '.join(sorted(_TABLES))}.")
    _, columns, read = _TABLES[name]
    kinds: dict[type, Any] = {
        str: pl.String,
        int: pl.Int64,
        float: pl.Float64,
        bool: pl.Boolean,
        datetime: pl.Datetime("us", "UTC"),
    }
    schema = {column: kinds[kind] for column, kind in columns.items()}
    rows = [[_plain(row.get(column)) for column in columns] for row in read(tools)]
    return pl.DataFrame(rows, schema=schema, orient="row")


def infos() -> list[SqlTableInfo]:
    return [
        SqlTableInfo(
            name=f"{SCHEMA}.{name}",
            kind="house",
            columns={column: _KINDS[kind] for column, kind in columns.items()},
            description=words,
        )
        for name, (words, columns, _) in _TABLES.items()
    ]


def _plain(value: Any) -> Any:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value


def _all_runs(tools: Tools) -> Iterator[Run]:
    token, seen = "", 0
    while seen < _MOST:
        page = tracking.list_runs(tools, ListRuns(limit=_PAGE, token=token))
        yield from page.items
        seen += len(page.items)
        if not page.next_token:
            return
        token = page.next_token


def _runs(tools: Tools) -> Iterator[Row]:
    for run in _all_runs(tools):
        yield msgspec.structs.asdict(run)


def _metrics(tools: Tools) -> Iterator[Row]:
    for run in _all_runs(tools):
        for key, value in run.metrics.items():
            yield {"run": run.id, "experiment": run.experiment, "metric": key, "value": float(value)}


def _params(tools: Tools) -> Iterator[Row]:
    for run in _all_runs(tools):
        for key, value in run.params.items():
            yield {"run": run.id, "experiment": run.experiment, "param": key, "value": str(value)}


def _versions(tools: Tools) -> Iterator[Row]:
    for model in registry.list_models(tools, ListModels()):
        named = {number: alias for alias, number in sorted(model.aliases.items(), reverse=True)}
        for version in registry.list_versions(tools, ListVersions(model=model.name)):
            yield {**msgspec.structs.asdict(version), "alias": named.get(version.number)}


def _datasets(tools: Tools) -> Iterator[Row]:
    for dataset in lake.list_datasets(tools, ListDatasets()):
        yield {**msgspec.structs.asdict(dataset), "owner": dataset.spec.owner, "description": dataset.spec.description}


def _batches(tools: Tools) -> Iterator[Row]:
    for dataset in lake.list_datasets(tools, ListDatasets()):
        for batch in lake.list_batches(tools, ListBatches(dataset=dataset.name, limit=_PAGE)):
            told = [violation.message for violation in batch.violations]
            yield {**msgspec.structs.asdict(batch), "violations": told}


def _features(tools: Tools) -> Iterator[Row]:
    for view in features.list_views(tools, ListViews()):
        for feature in view.spec.features:
            yield {
                "view": view.name, "feature": feature.name, "expression": feature.expression,
                "aggregate": feature.aggregate, "window": feature.window, "entity": view.spec.entity,
                "dataset": view.spec.dataset, "owner": view.spec.owner, "hash": view.hash, "used_by": view.used_by,
            }  # fmt: skip


def _services(tools: Tools) -> Iterator[Row]:
    for service in features.list_services(tools, ListServices()):
        yield {**msgspec.structs.asdict(service), "label": service.spec.label, "dataset": service.spec.dataset}


def _training_sets(tools: Tools) -> Iterator[Row]:
    for made in features.list_training_sets(tools, ListTrainingSets(limit=_PAGE)):
        yield msgspec.structs.asdict(made)


_TABLES: dict[str, tuple[str, dict[str, type], Callable[[Tools], Iterator[Row]]]] = {
    "runs": (
        "Runs, the newest 100,000.",
        {"id": str, "experiment": str, "name": str, "status": str, "started_at": datetime, "ended_at": datetime,
         "person": str, "params": str, "metrics": str, "tags": str},
        _runs,
    ),
    "metrics": (
        "The newest value of every metric of every run.",
        {"run": str, "experiment": str, "metric": str, "value": float},
        _metrics,
    ),
    "params": ("Parameters of runs.", {"run": str, "experiment": str, "param": str, "value": str}, _params),
    "model_versions": (
        "Versions of models.",
        {"id": str, "model": str, "number": int, "alias": str, "created_at": datetime, "created_by": str,
         "flavor": str, "run": str, "training_set": str, "service": str, "label": str, "features": str,
         "params": str, "metrics": str, "tags": str, "stage": str},
        _versions,
    ),
    "datasets": (
        "Datasets.",
        {"name": str, "version": int, "rows": int, "batches": int, "quarantined": int, "newest": datetime,
         "updated_at": datetime, "owner": str, "description": str},
        _datasets,
    ),
    "batches": (
        "What came into each dataset, the newest 1,000 each.",
        {"id": str, "dataset": str, "key": str, "status": str, "rows": int, "landed_rows": int, "duplicates": int,
         "at": datetime, "origin": str, "silver_version": int, "violations": str},
        _batches,
    ),
    "features": (
        "Features and who uses them.",
        {"view": str, "feature": str, "expression": str, "aggregate": str, "window": str, "entity": str,
         "dataset": str, "owner": str, "hash": str, "used_by": str},
        _features,
    ),
    "feature_services": (
        "Lists of features that models read.",
        {"name": str, "dataset": str, "label": str, "features": str, "hash": str, "updated_at": datetime},
        _services,
    ),
    "training_sets": (
        "Training sets, the newest 1,000.",
        {"id": str, "service": str, "label": str, "features": str, "table": str, "table_version": int, "rows": int,
         "since": datetime, "until": datetime, "positive_share": float, "at": datetime},
        _training_sets,
    ),
}  # fmt: skip
