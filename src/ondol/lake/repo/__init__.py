"""The tables `datasets`, `batches`, `landings`, and `batch_statistics`; the others stand in files of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec
import sqlalchemy as sa

from ondol.lake.repo.sources import (
    Move,
    Position,
    SourceFile,
    find_position,
    forget_files,
    is_at,
    move_on,
    put_files,
    put_position,
    select_files,
    select_positions,
    standing,
    touch_file,
)
from ondol.lake.repo.versions import (
    find_version,
    find_version_at,
    insert_version,
    mark_gone,
    select_versions,
)
from ondol.lake.types import Batch, ColumnStatistics, Dataset, DatasetSpec, Violation
from ondol.ports.schema import Json, Moment, metadata

__all__ = [
    "Move",
    "Position",
    "SourceFile",
    "find_position",
    "find_version",
    "find_version_at",
    "forget_files",
    "insert_version",
    "is_at",
    "mark_gone",
    "move_on",
    "put_files",
    "put_position",
    "select_files",
    "select_positions",
    "select_versions",
    "standing",
    "touch_file",
]

datasets = sa.Table(
    "datasets",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("spec", Json, nullable=False),
    sa.Column("root", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("batches", sa.Integer, nullable=False),
    sa.Column("quarantined", sa.Integer, nullable=False),
    sa.Column("newest", Moment),
    sa.Column("updated_at", Moment, nullable=False),
    # How often somebody began to write to silver: what a process knows of its keys is right as long as this is.
    sa.Column("revision", sa.Integer, nullable=False),
)

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("dataset", sa.String(64), nullable=False),
    sa.Column("key", sa.String(255), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("landed_rows", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("updated", sa.BigInteger, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("bronze_version", sa.Integer, nullable=False),
    sa.Column("silver_version", sa.Integer, nullable=False),
    sa.Column("quarantine", sa.Text, nullable=False),
    sa.Column("violations", Json, nullable=False),
    sa.Column("refused_rows", sa.BigInteger, nullable=False),
    sa.Column("replaced_by", sa.String(40), nullable=False),
    # A key has one batch that counts, and those in quarantine that it has replaced.
    sa.UniqueConstraint("dataset", "key", "replaced_by"),
    sa.Index(None, "dataset", "id"),
)

# The one batch of a dataset that is on its way into the lake, written down before the first
# Delta commit: whoever finds it abandoned brings it to its end.
landings = sa.Table(
    "landings",
    metadata,
    sa.Column("dataset", sa.String(64), primary_key=True),
    sa.Column("batch", sa.String(40), nullable=False),
    sa.Column("key", sa.String(255), nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("landed_rows", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("newest", Moment),
    sa.Column("at", Moment, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("files", Json, nullable=False),
    sa.Column("holder", sa.String(255), nullable=False),
    sa.Column("held_since", Moment, nullable=False),
    sa.Column("violations", Json, nullable=False),
    sa.Column("refused", Json, nullable=False),
    sa.Column("statistics", Json, nullable=False),
    sa.Column("move", Json),
    sa.Column("replaces", sa.String(40), nullable=False),
    sa.Column("how", Json, nullable=False),
)

batch_statistics = sa.Table(
    "batch_statistics",
    metadata,
    sa.Column("dataset", sa.String(64), primary_key=True),
    sa.Column("batch", sa.String(40), primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("columns", Json, nullable=False),
)


Operation: TypeAlias = Literal["append", "upsert", "replace", "roll_back", "compute"]


class How(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to silver. `part`: the values of the partition columns whose rows are replaced (all rows without);
    `target`: the version that comes back."""

    operation: Operation = "append"
    updated: int = 0
    part: dict[str, list[int]] = {}
    target: int = -1
    read_again: bool = False
    origins: list[str] = []


class Landing(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch will bring, decided before anything is written. `files` become known with it."""

    dataset: str
    batch: str
    key: str
    rows: int
    landed_rows: int
    duplicates: int
    newest: datetime | None
    at: datetime
    origin: str
    files: list[SourceFile]
    holder: str
    held_since: datetime
    violations: list[Violation]
    refused: list[Batch]
    """The batch of the bad rows, if good rows go on without them."""
    statistics: dict[str, ColumnStatistics]
    move: Move | None
    replaces: str
    how: How = How()


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset with what only the room itself needs to know."""

    dataset: Dataset
    root: str
    revision: int


def find_dataset(connection: sa.Connection, name: str) -> Stored | None:
    row = connection.execute(sa.select(datasets).where(datasets.c.name == name)).mappings().first()
    return _stored(row) if row else None


def select_datasets(connection: sa.Connection) -> list[Dataset]:
    rows = connection.execute(sa.select(datasets).order_by(datasets.c.name)).mappings()
    return [_stored(row).dataset for row in rows]


def dataset_names(connection: sa.Connection) -> list[str]:
    return list(connection.execute(sa.select(datasets.c.name).order_by(datasets.c.name)).scalars())


def insert_dataset(connection: sa.Connection, spec: DatasetSpec, root: str, now: datetime) -> None:
    connection.execute(
        datasets.insert().values(
            name=spec.name,
            spec=spec,
            root=root,
            version=-1,
            rows=0,
            batches=0,
            quarantined=0,
            updated_at=now,
            revision=0,
        )
    )


def update_spec(connection: sa.Connection, spec: DatasetSpec, root: str, now: datetime) -> None:
    # A new revision: what processes know of the keys may be about other columns than those of the new key.
    connection.execute(
        datasets.update()
        .where(datasets.c.name == spec.name)
        .values(spec=spec, root=root, updated_at=now, revision=datasets.c.revision + 1)
    )


def find_batch(connection: sa.Connection, identity: str) -> Batch | None:
    row = connection.execute(sa.select(batches).where(batches.c.id == identity)).mappings().first()
    return _batch(row) if row else None


def find_batch_by_key(connection: sa.Connection, dataset: str, key: str) -> Batch | None:
    query = sa.select(batches).where(batches.c.dataset == dataset, batches.c.key == key, batches.c.replaced_by == "")
    row = connection.execute(query).mappings().first()
    return _batch(row) if row else None


def find_batch_at(connection: sa.Connection, dataset: str, moment: datetime) -> Batch | None:
    """The last batch with rows that had come by then."""
    mine = (batches.c.dataset == dataset) & (batches.c.bronze_version >= 0)
    query = sa.select(batches).where(mine, batches.c.at <= moment).order_by(batches.c.at.desc(), batches.c.id.desc())
    row = connection.execute(query.limit(1)).mappings().first()
    return _batch(row) if row else None


def select_batches(connection: sa.Connection, dataset: str, status: str, limit: int) -> list[Batch]:
    """The newest first."""
    query = sa.select(batches).where(batches.c.dataset == dataset).order_by(batches.c.id.desc()).limit(limit)
    if status:
        query = query.where(batches.c.status == status)
    return [_batch(row) for row in connection.execute(query).mappings()]


def insert_batch(
    connection: sa.Connection, batch: Batch, newest: datetime | None, now: datetime, rows: int | None = None
) -> None:
    """Store a batch and count it in its dataset, which has `rows` with it; `newest` is its latest moment then."""
    connection.execute(batches.insert().values(**msgspec.structs.asdict(batch)))
    counted: dict[str, Any] = {"updated_at": now}
    if batch.status == "quarantined":
        counted["quarantined"] = datasets.c.quarantined + 1
    else:
        counted |= {"batches": datasets.c.batches + 1}
        counted |= {"rows": datasets.c.rows + batch.landed_rows - batch.updated if rows is None else rows}
        counted |= {"version": batch.silver_version, "newest": newest}
    connection.execute(datasets.update().where(datasets.c.name == batch.dataset).values(**counted))


def replace_batch(connection: sa.Connection, identity: str, by: Batch) -> None:
    """A refused batch whose key came again: `by` counts from now on."""
    _leave_quarantine(connection, by.dataset, identity)
    connection.execute(batches.update().where(batches.c.id == identity).values(status="replaced", replaced_by=by.id))


def discard_batch(connection: sa.Connection, batch: Batch) -> None:
    _leave_quarantine(connection, batch.dataset, batch.id)
    connection.execute(batches.update().where(batches.c.id == batch.id).values(status="discarded"))


def _leave_quarantine(connection: sa.Connection, dataset: str, identity: str) -> None:
    refused = sa.exists().where(batches.c.id == identity, batches.c.status == "quarantined")
    connection.execute(
        datasets.update().where(datasets.c.name == dataset, refused).values(quarantined=datasets.c.quarantined - 1)
    )


def update_violations(connection: sa.Connection, identity: str, violations: list[Violation]) -> None:
    connection.execute(batches.update().where(batches.c.id == identity).values(violations=violations))


def put_statistics(connection: sa.Connection, batch: Batch, columns: dict[str, ColumnStatistics]) -> None:
    if columns:
        connection.execute(
            batch_statistics.insert().values(dataset=batch.dataset, batch=batch.id, at=batch.at, columns=columns)
        )


def select_statistics(connection: sa.Connection, dataset: str, limit: int) -> list[dict[str, ColumnStatistics]]:
    """Of the newest batches, the oldest of them first."""
    query = sa.select(batch_statistics.c.columns).where(batch_statistics.c.dataset == dataset)
    rows = list(connection.execute(query.order_by(batch_statistics.c.batch.desc()).limit(limit)).scalars())
    return [msgspec.convert(row, dict[str, ColumnStatistics]) for row in reversed(rows)]


def put_version(
    connection: sa.Connection, dataset: str, version: int, now: datetime, rows: int, newest: datetime | None
) -> None:
    """The dataset at a version that no batch has brought."""
    counted = sa.select(sa.func.count()).where(batches.c.dataset == dataset, batches.c.status == "landed")
    connection.execute(
        datasets.update()
        .where(datasets.c.name == dataset)
        .values(version=version, rows=rows, newest=newest, updated_at=now, batches=counted.scalar_subquery())
    )


def count_rolled_back(connection: sa.Connection, dataset: str, key: str) -> int:
    """How often this key has landed and was taken back."""
    mine = (batches.c.dataset == dataset) & (batches.c.key == key) & (batches.c.status == "rolled_back")
    return int(connection.execute(sa.select(sa.func.count()).where(mine)).scalar_one())


def select_landed(connection: sa.Connection, dataset: str) -> list[tuple[str, str, int, str]]:
    """Id, key, silver version and status of every batch that has landed, also of those that were taken back."""
    mine = (batches.c.dataset == dataset) & batches.c.status.in_(["landed", "rolled_back"])
    columns = (batches.c.id, batches.c.key, batches.c.silver_version, batches.c.status)
    rows = connection.execute(sa.select(*columns).where(mine).order_by(batches.c.id))
    return [(row.id, row.key, row.silver_version, row.status) for row in rows]


def take_back(connection: sa.Connection, identities: Sequence[str], by: str) -> None:
    """Batches that no version holds any more: their keys may come again."""
    for identity in identities:
        connection.execute(
            batches.update().where(batches.c.id == identity).values(status="rolled_back", replaced_by=f"{by}")
        )


def bring_back(connection: sa.Connection, identities: Sequence[str]) -> None:
    for identity in identities:
        connection.execute(batches.update().where(batches.c.id == identity).values(status="landed", replaced_by=""))


def find_landing(connection: sa.Connection, dataset: str) -> Landing | None:
    row = connection.execute(sa.select(landings).where(landings.c.dataset == dataset)).mappings().first()
    return msgspec.convert({str(name): value for name, value in row.items()}, Landing) if row else None


def begin_landing(connection: sa.Connection, landing: Landing, revision: int) -> bool:
    """Take the dataset for this batch; False when another batch was begun since `revision`."""
    if find_landing(connection, landing.dataset) is not None:
        return False
    mine = connection.execute(
        datasets.update()
        .where(datasets.c.name == landing.dataset, datasets.c.revision == revision)
        .values(revision=revision + 1)
    )
    if mine.rowcount != 1:
        return False
    connection.execute(landings.insert().values(**msgspec.structs.asdict(landing)))
    return True


def take_over(connection: sa.Connection, landing: Landing, holder: str, now: datetime) -> bool:
    """Make an abandoned landing ours; False when somebody else was faster."""
    taken = connection.execute(
        landings.update()
        .where(landings.c.dataset == landing.dataset, landings.c.batch == landing.batch)
        .where(landings.c.holder == landing.holder, landings.c.held_since == landing.held_since)
        .values(holder=holder, held_since=now)
    )
    return taken.rowcount == 1


def end_landing(connection: sa.Connection, landing: Landing) -> bool:
    """Give the dataset free; False when the landing was no longer there."""
    ended = connection.execute(
        landings.delete().where(landings.c.dataset == landing.dataset, landings.c.batch == landing.batch)
    )
    return ended.rowcount == 1


def _stored(row: sa.RowMapping) -> Stored:
    spec = msgspec.convert(row["spec"], DatasetSpec)
    fields = {name: row[name] for name in Dataset.__struct_fields__ if name != "spec"}
    return Stored(dataset=Dataset(spec=spec, **fields), root=row["root"], revision=row["revision"])


def _batch(row: sa.RowMapping) -> Batch:
    return Batch(**{**row, "violations": msgspec.convert(row["violations"], list[Violation])})
