"""The only SQL that touches keys and the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ondol.access.types import AuditEntry, Key
from ondol.ports.schema import Moment, metadata

keys = sa.Table(
    "access_keys",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("scope", sa.String(16), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("revoked_at", Moment),
)
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("operation", sa.String(100), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
)

_SHOWN: tuple[sa.Column[Any], ...] = (keys.c.id, keys.c.name, keys.c.scope, keys.c.created_at, keys.c.revoked_at)


def insert_key(connection: sa.Connection, key: Key, hashed: str) -> None:
    connection.execute(
        keys.insert().values(id=key.id, name=key.name, scope=key.scope, hash=hashed, created_at=key.created_at)
    )


def revoke_key(connection: sa.Connection, identity: str, at: datetime) -> None:
    connection.execute(keys.update().where(keys.c.id == identity, keys.c.revoked_at.is_(None)).values(revoked_at=at))


def find_key(connection: sa.Connection, identity: str) -> Key | None:
    row = connection.execute(sa.select(*_SHOWN).where(keys.c.id == identity)).first()
    return _key(row) if row else None


def find_by_hash(connection: sa.Connection, hashed: str) -> Key | None:
    # The time of this look-up tells about the hash at most, from which no secret can be found.
    row = connection.execute(sa.select(*_SHOWN).where(keys.c.hash == hashed)).first()
    return _key(row) if row else None


def list_keys(connection: sa.Connection) -> list[Key]:
    return [_key(row) for row in connection.execute(sa.select(*_SHOWN).order_by(keys.c.id.desc()))]


def insert_audit(connection: sa.Connection, at: datetime, actor: str, operation: str, subject: str) -> None:
    connection.execute(audit.insert().values(at=at, actor=actor, operation=operation, subject=subject))


def list_audit(connection: sa.Connection, limit: int) -> list[AuditEntry]:
    rows = connection.execute(sa.select(audit).order_by(audit.c.id.desc()).limit(limit))
    return [
        AuditEntry(id=row.id, at=row.at, actor=row.actor, operation=row.operation, subject=row.subject) for row in rows
    ]


def _key(row: sa.Row[Any]) -> Key:
    return Key(id=row.id, name=row.name, scope=row.scope, created_at=row.created_at, revoked_at=row.revoked_at)
