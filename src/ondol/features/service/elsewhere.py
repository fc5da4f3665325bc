"""Training sets joined by other engines: the statement for people, and the join by the configured engine."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ondol.features.rules import definitions
from ondol.features.types import GetTrainingQuery, ServiceSpec, TrainingQuery, ViewSpec
from ondol.kernel.errors import Invalid, NotFound, Refused
from ondol.kernel.lazy import lazy
from ondol.lake import service as lake
from ondol.lake.types import DatasetSpec
from ondol.ports.tools import Tools
from ondol.ports.training_engine import EngineJob, EngineTable, TrainingEngine

if TYPE_CHECKING:
    import polars as pl

    from ondol.features import repo
    from ondol.features.rules import columns
    from ondol.features.rules.warehouse import training as statements
else:
    pl = lazy("polars")
    repo = lazy("ondol.features.repo")
    columns = lazy("ondol.features.rules.columns")
    statements = lazy("ondol.features.rules.warehouse.training")

Span = tuple[datetime | None, datetime]


def query(tools: Tools, request: GetTrainingQuery) -> TrainingQuery:
    """See `ondol.features.service.training_query`."""
    until = request.until or tools.now()
    with tools.transaction(write=False) as inner:
        service = repo.read_service(inner.connection, request.service)
        if service is None:
            raise NotFound(f"There is no feature service {request.service!r}.", hint="ondol feature-services list")
        stored = repo.read_views(inner.connection, service.spec.views)
        views = [stored[name].spec for name in service.spec.views]
        definitions.check_current(service, views)
        datasets = datasets_of(inner, service.spec, views)
    places = {name: f"{request.tables}.{name}" if request.tables else name for name in datasets}
    plan = statements.Plan(
        service=service.spec,
        views=views,
        datasets=datasets,
        since=request.since,
        until=until,
        table_of=places.__getitem__,
    )
    return TrainingQuery(
        service=service.name,
        service_hash=service.hash,
        dialect=request.dialect,
        since=request.since,
        until=until,
        tables=places,
        sql=statements.training_sql(plan, request.dialect),
    )


def datasets_of(tools: Tools, service: ServiceSpec, views: Sequence[ViewSpec]) -> dict[str, DatasetSpec]:
    names = sorted({service.dataset, *(view.dataset for view in views)})
    return {name: lake.spec_of(tools, name) for name in names}


def engine_of(tools: Tools, wanted: str) -> TrainingEngine | None:
    """The engine for a request that says `wanted`; None: the house joins by itself."""
    engine = tools.training_engine
    if wanted == "house" or (not wanted and engine is None):
        return None
    if engine is None or (wanted and wanted != engine.name):
        raise Invalid(
            f"No {wanted} is configured to build training sets.",
            hint='Set training_engine in ondol.toml: "duckdb", "local[4]" or "spark://host:7077".',
        )
    return engine


def joined(
    tools: Tools,
    engine: TrainingEngine,
    parts: tuple[ServiceSpec, Sequence[ViewSpec]],
    versions: Mapping[str, int],
    span: Span,
) -> tuple[pl.DataFrame, str]:
    """The training set as `engine` makes it from these versions of silver, and the statement that it was told."""
    service, views = parts
    datasets = datasets_of(tools, service, views)
    names = {name: f"t{number}_{name.replace('-', '_').replace('.', '_')}" for number, name in enumerate(datasets)}
    plan = statements.Plan(
        service=service,
        views=views,
        datasets=datasets,
        since=span[0],
        until=span[1],
        table_of=names.__getitem__,
    )
    statement = statements.training_sql(plan, engine.dialect)
    scratch = tools.config.home_path / "engine"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as folder:
        tables = {
            names[name]: _table(tools, dataset, versions[name], Path(folder)) for name, dataset in datasets.items()
        }
        rows = Path(folder) / "rows"
        engine.run([EngineJob(statement=statement, tables=tables, folder=str(rows))])
        return _read(rows, service, datasets[service.dataset], views), statement


def _table(tools: Tools, dataset: DatasetSpec, version: int, folder: Path) -> EngineTable:
    """The files of a version; where they alone do not tell its rows, its rows are written to new ones."""
    if version < 0:
        return EngineTable(files=[], columns=dict(dataset.columns))
    files = tools.tables.files(lake.table_of(dataset), version=version)
    if files is not None:
        return EngineTable(files=files.paths, columns=dict(dataset.columns))
    copy = folder / f"{dataset.name}.parquet"
    lake.scan(tools, dataset.name, version).select(list(dataset.columns)).sink_parquet(copy)
    return EngineTable(files=[str(copy)], columns=dict(dataset.columns))


def _read(folder: Path, service: ServiceSpec, dataset: DatasetSpec, views: Sequence[ViewSpec]) -> pl.DataFrame:
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise Refused(f"No row of {service.dataset!r} has a label that is known by then.")
    kept = dict.fromkeys([service.key, service.time, *definitions.entity_columns(views)])
    types = [pl.col(name).cast(columns.TYPES[dataset.columns[name]]) for name in kept]
    return pl.concat([pl.read_parquet(file) for file in files]).with_columns(types)
