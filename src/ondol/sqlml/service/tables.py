"""Which table a statement means, at which version, and its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ondol.features import service as features
from ondol.features.types import GetTrainingSet, ListTrainingSets
from ondol.kernel.clock import parse_moment
from ondol.kernel.errors import NotFound
from ondol.kernel.lazy import lazy
from ondol.lake import service as lake
from ondol.ports.sql_engine import SqlFiles, SqlTable
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_SCHEMAS = (
    "Tables are datasets (flights), silver.flights, gold.<dataset>, bronze.flights, training.<feature service or set>, "
    "log.<endpoint> and house.runs."
)


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one table of the lake; version -1 has no rows. `dataset`: whose declared columns it has."""

    table: str
    version: int
    dataset: str = ""


def choose(tools: Tools, named: SqlTable, read: dict[str, int]) -> Chosen:
    """In the open transaction. The same version wherever the statement names the table; `read` collects them."""
    chosen = _choose(tools, named)
    asked = named.version is not None or named.at
    note = f"{chosen.table}@{chosen.version}" if asked else chosen.table
    version = read.setdefault(note, chosen.version)
    return msgspec.structs.replace(chosen, version=version)


def scan(tools: Tools, chosen: Chosen) -> pl.LazyFrame:
    if chosen.dataset:
        return lake.scan(tools, chosen.dataset, chosen.version)
    return tools.tables.scan(chosen.table, version=chosen.version)


def open_table(tools: Tools, chosen: Chosen, columns: frozenset[str] | None) -> SqlFiles | pl.DataFrame:
    """The files of a version, or its rows with those of `columns` that it has, where files do not tell them."""
    files = tools.tables.files(chosen.table, version=chosen.version) if chosen.version >= 0 else None
    if files is not None:
        wanted = lake.column_types(tools, chosen.dataset) if chosen.dataset else files.columns
        return SqlFiles(files=files, columns=wanted)
    rows = scan(tools, chosen)
    if columns is not None:
        spelt = {word.lower() for word in columns}
        names = rows.collect_schema().names()
        rows = rows.select([name for name in names if name.lower() in spelt] or names[:1])
    return rows.collect()


def _choose(tools: Tools, named: SqlTable) -> Chosen:
    if named.schema == "training":
        return _training_set(tools, named.name)
    if named.schema == "log":
        table = f"log/{named.name}"
        if not tools.tables.exists(table):
            raise NotFound(f"No request of {named.name!r} has been logged.", hint='Write log."flight-delay".')
        return Chosen(table=table, version=_newest(tools, table) if named.version is None else named.version)
    if named.schema not in ("", "silver", "gold", "bronze", "main"):
        raise NotFound(f"There is no schema {named.schema!r}.", hint=_SCHEMAS)
    spec = lake.spec_of(tools, named.name)
    layer = "bronze" if named.schema == "bronze" else spec.layer
    if named.schema in ("silver", "gold") and named.schema != layer:
        raise NotFound(f"{named.name!r} is not kept in {named.schema}.", hint=f"It is {layer}.{named.name}.")
    version = named.version
    if named.at:
        version = lake.version_at(tools, named.name, layer, parse_moment(named.at))
    if layer == "bronze":
        table = f"bronze/{named.name}"
        return Chosen(table=table, version=_newest(tools, table) if version is None else version)
    if version is None:
        version = lake.current_version(tools, named.name)
    return Chosen(table=lake.table_of(spec), version=version, dataset=named.name)


def _newest(tools: Tools, table: str) -> int:
    return tools.tables.version(table)


def _training_set(tools: Tools, name: str) -> Chosen:
    """By its id, or the newest of a feature service."""
    if name.startswith("ts_"):
        found = features.get_training_set(tools, GetTrainingSet(training_set=name))
    else:
        newest = features.list_training_sets(tools, ListTrainingSets(service=name, limit=1))
        if not newest:
            raise NotFound(f"No training set of {name!r} has been built.", hint="ondol training-sets build")
        found = newest[0]
    return Chosen(table=found.table, version=found.table_version)
