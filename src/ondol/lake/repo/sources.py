"""The tables `source_files` and `source_positions`: how far each source was read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from ondol.ports.schema import Json, Moment, metadata

source_files = sa.Table(
    "source_files",
    metadata,
    sa.Column("dataset", sa.String(64), primary_key=True),
    sa.Column("path", sa.String(1024), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("modified_ns", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("batch", sa.String(40), nullable=False),
    sa.Column("read_at", Moment, nullable=False),
)

source_positions = sa.Table(
    "source_positions",
    metadata,
    sa.Column("dataset", sa.String(64), primary_key=True),
    # What the position is a position in: another table or topic is read from its beginning.
    sa.Column("identity", sa.String(16), nullable=False),
    # How often it was begun anew: the same offsets may be other rows then.
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("position", Json, nullable=False),
    sa.Column("looked_at", Moment),
    sa.Column("error", sa.Text, nullable=False),
)


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it was when it was read; `path` is relative to the project, `digest` its SHA-256."""

    path: str
    size: int
    modified_ns: int
    digest: str


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """How much further a source has been read: stored with the batch that it brought, or not at all."""

    identity: str
    epoch: int
    before: dict[str, Any]
    after: dict[str, Any]


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where the next look at a source begins, and how the last one ended."""

    dataset: str
    identity: str
    epoch: int
    position: dict[str, Any]
    looked_at: datetime | None
    error: str


def select_files(connection: sa.Connection, dataset: str) -> dict[str, SourceFile]:
    """By path."""
    columns = [source_files.c[name] for name in SourceFile.__struct_fields__]
    rows = connection.execute(sa.select(*columns).where(source_files.c.dataset == dataset)).mappings()
    return {row["path"]: SourceFile(**row) for row in rows}


def put_files(connection: sa.Connection, dataset: str, batch: str, files: list[SourceFile], now: datetime) -> None:
    for file in files:
        values = {**msgspec.structs.asdict(file), "batch": batch, "read_at": now}
        known = connection.execute(
            source_files.update()
            .where(source_files.c.dataset == dataset, source_files.c.path == file.path)
            .values(**values)
        )
        if known.rowcount == 0:
            connection.execute(source_files.insert().values(dataset=dataset, **values))


def find_position(connection: sa.Connection, dataset: str) -> Position | None:
    row = (
        connection.execute(sa.select(source_positions).where(source_positions.c.dataset == dataset)).mappings().first()
    )
    return Position(**row) if row else None


def select_positions(connection: sa.Connection) -> dict[str, Position]:
    """By dataset."""
    return {row["dataset"]: Position(**row) for row in connection.execute(sa.select(source_positions)).mappings()}


def standing(connection: sa.Connection, dataset: str, identity: str) -> Position:
    """Where the source with this identity stands; at its beginning when another one was read before."""
    found = find_position(connection, dataset)
    if found and found.identity == identity:
        return found
    epoch = found.epoch + 1 if found else 0
    return Position(dataset=dataset, identity=identity, epoch=epoch, position={}, looked_at=None, error="")


def is_at(connection: sa.Connection, dataset: str, move: Move) -> bool:
    """Whether the source still stands where the move begins."""
    here = standing(connection, dataset, move.identity)
    return (here.epoch, here.position) == (move.epoch, move.before)


def move_on(connection: sa.Connection, dataset: str, move: Move | None, now: datetime) -> None:
    if move:
        here = standing(connection, dataset, move.identity)
        put_position(connection, msgspec.structs.replace(here, position=move.after, looked_at=now, error=""))


def put_position(connection: sa.Connection, position: Position) -> None:
    values = msgspec.structs.asdict(position)
    known = connection.execute(
        source_positions.update().where(source_positions.c.dataset == position.dataset).values(**values)
    )
    if known.rowcount == 0:
        connection.execute(source_positions.insert().values(**values))


def touch_file(connection: sa.Connection, dataset: str, file: SourceFile) -> None:
    """The same content, written again: remember the new time, so that it need not be read next time."""
    connection.execute(
        source_files.update()
        .where(source_files.c.dataset == dataset, source_files.c.path == file.path)
        .values(size=file.size, modified_ns=file.modified_ns)
    )


def forget_files(connection: sa.Connection, dataset: str, batches: Sequence[str]) -> None:
    """The files that came with these batches are new again."""
    for batch in batches:
        connection.execute(
            source_files.delete().where(source_files.c.dataset == dataset, source_files.c.batch == batch)
        )
