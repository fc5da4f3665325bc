"""What a batch does to the typed rows: which are new, which correct others, and the one commit that stores them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ondol.kernel.errors import Refused
from ondol.kernel.lazy import lazy
from ondol.lake.rules import casting, contract
from ondol.lake.rules import spec as declared
from ondol.lake.rules.seen import SeenKeys
from ondol.lake.types import DatasetSpec, Violation
from ondol.ports.tables import Tables
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.lake import repo
else:
    pl = lazy("polars")
    repo = lazy("ondol.lake.repo")

_SAMPLES = 5


class Shore:
    """What this process knows of a dataset's silver keys; one landing of a thread at a time."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.seen: SeenKeys | None = None
        self.revision = -1


_shores: WeakKeyDictionary[Tables, dict[str, Shore]] = WeakKeyDictionary()
_guard = threading.Lock()


def shore_of(tables: Tables, dataset: str) -> Shore:
    with _guard:
        return _shores.setdefault(tables, {}).setdefault(dataset, Shore())


def table_of(spec: DatasetSpec) -> str:
    """Where the typed rows are: `silver/flights`."""
    return f"{spec.layer}/{spec.name}"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """`rows` are to be written; `updated` of them take the place of others, `duplicates` more bring nothing new.
    `conflicts`: what makes the batch impossible."""

    rows: pl.DataFrame
    updated: int = 0
    duplicates: int = 0
    conflicts: tuple[Violation, ...] = ()


def plan(tools: Tools, there: repo.Stored, shore: Shore, usable: pl.DataFrame) -> Planned:
    """What of the usable rows is to be written, reading silver only when somebody else wrote to it, or for rows
    whose keys it has."""
    spec = there.dataset.spec
    identity = declared.identity(spec)
    if not identity:
        return Planned(rows=usable)
    _look(tools, there, shore, identity, usable)
    assert shore.seen is not None
    if not usable.height:
        return Planned(rows=usable)
    unseen = shore.seen.unseen(usable.select(identity))
    if unseen.all():
        return Planned(rows=usable)
    fresh, again = usable.filter(unseen), usable.filter(~unseen)
    if spec.mode == "append":
        return Planned(rows=fresh, duplicates=again.height)
    changed = _changed(tools, there, again, identity)
    same = again.height - changed.height
    if not spec.known_at:
        return Planned(rows=pl.concat([fresh, changed]), updated=changed.height, duplicates=same)
    if changed.height:
        return Planned(rows=fresh, duplicates=same, conflicts=(_conflict(identity, changed),))
    return Planned(rows=fresh, duplicates=same)


def plan_part(spec: DatasetSpec, usable: pl.DataFrame, part: dict[str, list[int]]) -> Planned:
    """All of them, when they lie in the part that they replace."""
    inside = [pl.col(name).is_in(values) for name, values in part.items()]
    outside = declared.partitioned(usable, spec).filter(~pl.all_horizontal(inside)).height if inside else 0
    if outside:
        values = ", ".join(f"{name}={values[0]}" for name, values in part.items())
        raise Refused(
            f"{spec.name}: {outside} rows lie outside of {values}.", hint="Send them for their own partition."
        )
    return Planned(rows=usable)


def _look(tools: Tools, there: repo.Stored, shore: Shore, identity: list[str], usable: pl.DataFrame) -> None:
    if shore.seen is not None and shore.revision == there.revision:
        return
    table = table_of(there.dataset.spec)
    if tools.tables.exists(table):
        shore.seen = SeenKeys(tools.tables.scan(table).select(identity).collect())
    else:
        shore.seen = SeenKeys(usable.select(identity).clear())
    shore.revision = there.revision


def _changed(tools: Tools, there: repo.Stored, again: pl.DataFrame, identity: list[str]) -> pl.DataFrame:
    """Of rows whose keys silver has, those that are not there exactly so."""
    stored = tools.tables.scan(table_of(there.dataset.spec))
    have = stored.collect_schema().names()
    columns = [name for name in again.columns if name in have]
    found = stored.select(columns).join(again.select(identity).lazy(), on=identity, how="semi").collect()
    known = again.with_row_index("__row").join(found, on=columns, how="semi", nulls_equal=True)["__row"]
    # A column that silver does not have yet is new for every row that brings a value for it.
    later = [name for name in again.columns if name not in have]
    brings = again.select(pl.any_horizontal(pl.col(later).is_not_null())).to_series() if later else None
    same = pl.Series(range(again.height)).is_in(known.cast(pl.Int64).to_list())
    return again.filter(~same if brings is None else ~same | brings)


def _conflict(identity: list[str], changed: pl.DataFrame) -> Violation:
    names = ", ".join(identity)
    sample = changed.head(_SAMPLES).to_dicts()
    return Violation(
        rule="unique",
        column=names,
        count=changed.height,
        message=f"{names} unique: {changed.height} rows landed before with other values and the same moment of knowing",
        sample=sample,
    )


def write(tools: Tools, spec: DatasetSpec, how: repo.How, rows: pl.DataFrame, key: str) -> int:
    """The one commit to silver; its version."""
    table, parted = table_of(spec), declared.partitioned(rows, spec)
    partition_by = declared.partition_columns(spec) or None
    if how.operation == "roll_back":
        return tools.tables.restore(table, how.target)
    if how.operation == "compute" or (how.operation == "replace" and not how.part):
        return tools.tables.overwrite(table, parted, key=key, partition_by=partition_by or [])
    if how.operation == "replace" and tools.tables.exists(table):
        return tools.tables.replace(table, parted, where=how.part, key=key, evolve=True)
    if how.operation == "upsert" and how.updated:
        return tools.tables.merge(table, parted, on=declared.identity(spec), key=key, evolve=True)
    return tools.tables.append(table, parted, key=key, partition_by=partition_by, evolve=True)


def scan(tools: Tools, spec: DatasetSpec, version: int) -> pl.LazyFrame:
    """The declared columns of a version, those it does not have yet null; empty before the first."""
    if version < 0:
        return casting.empty_frame(spec.columns).lazy()
    return as_declared(tools.tables.scan(table_of(spec), version=version), spec)


def as_declared(rows: pl.LazyFrame, spec: DatasetSpec) -> pl.LazyFrame:
    have = set(rows.collect_schema().names())
    return rows.select(
        pl.col(name) if name in have else pl.lit(None, dtype=casting.polars_type(kind)).alias(name)
        for name, kind in spec.columns.items()
    )


def measure(tools: Tools, spec: DatasetSpec, version: int) -> tuple[int, datetime | None]:
    """How many rows a version has, and the latest value of its time column."""
    rows = tools.tables.scan(table_of(spec), version=version)
    if not spec.time:
        return tools.tables.count(table_of(spec), version=version), None
    found = rows.select(spec.time).collect()
    return found.height, contract.newest_of(found, spec.time)
