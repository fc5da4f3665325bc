"""The tables `canaries` and `canary_checks`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from ondol.ports.schema import Json, Moment, metadata
from ondol.rollout.types import Canary, Evidence

canaries = sa.Table(
    "canaries",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("key", sa.String(255), nullable=False, unique=True),
    sa.Column("endpoint", sa.String(255), nullable=False),
    sa.Column("candidate", sa.String(40), nullable=False),
    sa.Column("candidate_number", sa.Integer, nullable=False),
    sa.Column("champion", sa.String(40), nullable=False),
    sa.Column("champion_number", sa.Integer, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("stage", sa.Integer, nullable=False),
    sa.Column("share", sa.Float, nullable=False),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("stage_since", Moment, nullable=False),
    sa.Column("started_by", sa.String(255), nullable=False),
    sa.Column("ended_at", Moment),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index("ix_canaries_endpoint_id", "endpoint", "id"),
)
sa.Index(
    "uq_canaries_open",
    canaries.c.endpoint,
    unique=True,
    sqlite_where=canaries.c.status == "open",
    postgresql_where=canaries.c.status == "open",
)

canary_checks = sa.Table(
    "canary_checks",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("canary", sa.String(40), nullable=False, index=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", Json, nullable=False),
)


def insert_canary(connection: sa.Connection, canary: Canary, key: str) -> None:
    connection.execute(canaries.insert().values(**_columns(canary), key=key))


def update_canary(connection: sa.Connection, canary: Canary) -> None:
    connection.execute(canaries.update().where(canaries.c.id == canary.id).values(**_columns(canary)))


def insert_check(connection: sa.Connection, identity: str, canary: str, seen: Evidence) -> None:
    connection.execute(
        canary_checks.insert().values(
            id=identity, canary=canary, at=seen.at, verdict=seen.verdict, reason=seen.reason, evidence=seen
        )
    )


def find_canary(connection: sa.Connection, identity: str) -> Canary | None:
    return _first(connection, canaries.c.id == identity)


def find_by_key(connection: sa.Connection, key: str) -> Canary | None:
    return _first(connection, canaries.c.key == key)


def find_open(connection: sa.Connection, endpoint: str) -> Canary | None:
    return _first(connection, (canaries.c.endpoint == endpoint) & (canaries.c.status == "open"))


def newest_canaries(connection: sa.Connection, endpoint: str, limit: int) -> list[Canary]:
    """Newest first, with their checks; of all endpoints for an empty name."""
    query = sa.select(canaries).order_by(canaries.c.id.desc()).limit(limit)
    if endpoint:
        query = query.where(canaries.c.endpoint == endpoint)
    return _with_checks(connection, connection.execute(query).mappings().all())


def _first(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Canary | None:
    found = _with_checks(connection, connection.execute(sa.select(canaries).where(condition)).mappings().all())
    return found[0] if found else None


def _with_checks(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> list[Canary]:
    ids = [row["id"] for row in rows]
    query = sa.select(canary_checks).where(canary_checks.c.canary.in_(ids)).order_by(canary_checks.c.id)
    seen: dict[str, list[Evidence]] = defaultdict(list)
    for check in connection.execute(query).mappings():
        seen[check["canary"]].append(msgspec.convert(check["evidence"], Evidence))
    return [
        Canary(**{name: value for name, value in row.items() if name != "key"}, checks=seen[row["id"]]) for row in rows
    ]


def _columns(canary: Canary) -> dict[str, object]:
    columns = msgspec.structs.asdict(canary)
    del columns["checks"]
    return columns
