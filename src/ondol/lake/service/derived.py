"""Datasets that are computed from others, anew whenever those have other rows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from ondol.kernel.errors import Invalid
from ondol.kernel.lazy import lazy
from ondol.lake.rules import query, text
from ondol.lake.service import landing, silver
from ondol.lake.types import Batch, DatasetSpec, RefreshReport
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.lake import repo
else:
    pl = lazy("polars")
    repo = lazy("ondol.lake.repo")


def check(tools: Tools, spec: DatasetSpec) -> None:
    """In the open transaction: whether it can be computed from what is declared."""
    query.check(spec, {one.name: one.spec for one in repo.select_datasets(tools.connection)})


def compute(tools: Tools, dataset: str) -> RefreshReport:
    """The rows of the query over the newest versions; nothing happens when they were computed from these already."""
    landing.settle(tools, dataset)
    with tools.transaction(write=False) as inner:
        spec = landing.stored(inner, dataset).dataset.spec
        origins = {name: landing.stored(inner, name).dataset for name in query.origins(spec.query)}
        tables = {silver.table_of(one.spec): one.version for one in origins.values()}
        key = f"query:{hashlib.sha256(msgspec.json.encode([spec.query, spec.columns, tables])).hexdigest()[:32]}"
        known = repo.find_batch_by_key(inner.connection, dataset, key)
        current = landing.stored(inner, dataset).dataset
    if known and known.status == "landed" and known.silver_version == current.version:
        return _report(dataset, current.version, [])

    def frame_of(name: str) -> pl.LazyFrame:
        return silver.scan(tools, origins[name].spec, origins[name].version)

    try:
        rows = query.run(spec.query, frame_of).collect()
    except pl.exceptions.PolarsError as error:
        raise Invalid(f"{dataset}: {str(error).partition(chr(10))[0]}") from error
    arrival = landing.Arrival(
        dataset=dataset,
        key=f"{key}:{tools.new_id('batch')}" if known and known.status == "landed" else key,
        text=text.text_of_frame(rows),
        origin=", ".join(f"{table}@{version}" for table, version in tables.items()),
        part={},
        computed_from=[f"table:{table}@{version}" for table, version in tables.items() if version >= 0],
    )
    batch = landing.land(tools, arrival)
    assert batch is not None
    return _report(dataset, max(batch.silver_version, current.version), [batch])


def depending(tools: Tools, dataset: str) -> list[str]:
    """The datasets that are computed from this one."""
    with tools.transaction(write=False) as inner:
        computed = [one.spec for one in repo.select_datasets(inner.connection) if one.spec.query]
    return [spec.name for spec in computed if dataset in query.origins(spec.query)]


def _report(dataset: str, version: int, batches: list[Batch]) -> RefreshReport:
    return RefreshReport(dataset=dataset, files=0, new_files=0, batches=batches, version=version)
