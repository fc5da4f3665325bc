"""The table `loops`."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from ondol.loop.types import Loop
from ondol.ports.schema import Moment, metadata

OPEN = ("retraining", "canary")

loops = sa.Table(
    "loops",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("endpoint", sa.String(255), nullable=False),
    sa.Column("alarm", sa.String(40), nullable=False),
    sa.Column("pipeline", sa.String(255), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),
    sa.Column("run", sa.String(40), nullable=False, index=True),
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("comparison", sa.String(40), nullable=False),
    sa.Column("canary", sa.String(40), nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index("ix_loops_endpoint_id", "endpoint", "id"),
)
sa.Index(
    "uq_loops_open",
    loops.c.endpoint,
    unique=True,
    sqlite_where=loops.c.status.in_(OPEN),
    postgresql_where=loops.c.status.in_(OPEN),
)
sa.Index(
    "uq_loops_alarm",
    loops.c.alarm,
    unique=True,
    sqlite_where=loops.c.alarm != "",
    postgresql_where=loops.c.alarm != "",
)


def insert_loop(connection: sa.Connection, loop: Loop) -> None:
    connection.execute(loops.insert().values(**msgspec.structs.asdict(loop)))


def update_loop(connection: sa.Connection, loop: Loop) -> None:
    connection.execute(loops.update().where(loops.c.id == loop.id).values(**msgspec.structs.asdict(loop)))


def find_loop(connection: sa.Connection, identity: str) -> Loop | None:
    return _first(connection, loops.c.id == identity)


def find_open(connection: sa.Connection, endpoint: str) -> Loop | None:
    return _first(connection, (loops.c.endpoint == endpoint) & loops.c.status.in_(OPEN))


def find_by_alarm(connection: sa.Connection, alarm: str) -> Loop | None:
    return _first(connection, loops.c.alarm == alarm)


def find_open_by_run(connection: sa.Connection, run: str) -> Loop | None:
    return _first(connection, (loops.c.run == run) & loops.c.status.in_(OPEN))


def find_open_by_canary(connection: sa.Connection, canary: str) -> Loop | None:
    return _first(connection, (loops.c.canary == canary) & loops.c.status.in_(OPEN))


def newest_loops(connection: sa.Connection, endpoint: str, limit: int) -> list[Loop]:
    """Newest first; of all endpoints for an empty name."""
    query = sa.select(loops).order_by(loops.c.id.desc()).limit(limit)
    if endpoint:
        query = query.where(loops.c.endpoint == endpoint)
    return [Loop(**row) for row in connection.execute(query).mappings()]


def _first(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Loop | None:
    row = connection.execute(sa.select(loops).where(condition)).mappings().first()
    return Loop(**row) if row else None
