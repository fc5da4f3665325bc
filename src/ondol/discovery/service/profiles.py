"""Statistics of tables: computed once for each version, kept beside the files of the house."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from ondol.discovery.types import ColumnProfile, TableProfile
from ondol.kernel.errors import NotFound
from ondol.kernel.lazy import lazy
from ondol.lake import service as lake
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.discovery.rules import profile
else:
    profile = lazy("ondol.discovery.rules.profile")

_FORMAT = 1


def of_dataset(tools: Tools, dataset: str, version: int) -> TableProfile:
    wanted = version if version >= 0 else lake.current_version(tools, dataset)
    return _kept(tools, lake.table_of(lake.spec_of(tools, dataset)), wanted, lake.scan(tools, dataset, wanted))


def of_table(tools: Tools, table: str, version: int) -> TableProfile:
    """Of a table that never changes, like a training set."""
    return _kept(tools, table, version, tools.tables.scan(table, version=version))


def _kept(tools: Tools, table: str, version: int, rows: pl.LazyFrame) -> TableProfile:
    names = rows.collect_schema().names()
    # A column that was declared later makes the same version another table.
    shape = hashlib.sha256("\n".join(names).encode()).hexdigest()[:8]
    path = f"statistics/{table}/{version}-{shape}-v{_FORMAT}.json"
    try:
        return msgspec.json.decode(tools.blobs.get(path), type=TableProfile)
    except NotFound:
        pass
    columns: list[ColumnProfile] = []
    height = 0
    for name in names:
        column = rows.select(name).collect()[name]
        height = len(column)
        columns.append(profile.profile(column))
    made = TableProfile(table=table, version=version, rows=height, columns=columns, at=tools.now())
    if version >= 0:
        tools.blobs.put(path, msgspec.json.encode(made))
    return made
