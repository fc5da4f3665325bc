"""The only SQL that touches webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ondol.ports.schema import Json, Moment, metadata
from ondol.webhooks.types import Webhook

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(63), nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("events", Json, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    # `KEY NONCE TEXT CODE`, or empty: see rules.conceal.
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Column("created_by", sa.String(200), nullable=False),
    sa.Column("delivered", sa.Integer, nullable=False),
    sa.Column("delivered_at", Moment),
    sa.Column("last_error", sa.Text, nullable=False),
)


def insert(connection: sa.Connection, webhook: Webhook, secret: str) -> None:
    values = {name: getattr(webhook, name) for name in webhook.__struct_fields__ if name != "signed"}
    connection.execute(webhooks.insert().values(**values, secret=secret))


def update(connection: sa.Connection, identity: str, **values: Any) -> None:
    connection.execute(webhooks.update().where(webhooks.c.id == identity).values(**values))


def note_taken(connection: sa.Connection, identity: str, at: datetime) -> None:
    changed = dict(delivered=webhooks.c.delivered + 1, delivered_at=at, last_error="")
    connection.execute(webhooks.update().where(webhooks.c.id == identity).values(**changed))


def delete(connection: sa.Connection, identity: str) -> None:
    connection.execute(webhooks.delete().where(webhooks.c.id == identity))


def find(connection: sa.Connection, identity: str) -> tuple[Webhook, str] | None:
    """The webhook and its secret as it is kept."""
    row = connection.execute(sa.select(webhooks).where(webhooks.c.id == identity)).first()
    return (_webhook(row), str(row.secret)) if row else None


def count(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(webhooks)).scalar_one())


def list_page(connection: sa.Connection, limit: int, after: str) -> list[Webhook]:
    """One more than `limit`, the newest first; ids are sortable."""
    query = sa.select(webhooks).order_by(webhooks.c.id.desc()).limit(limit + 1)
    if after:
        query = query.where(webhooks.c.id < after)
    return [_webhook(row) for row in connection.execute(query)]


def list_active(connection: sa.Connection) -> list[Webhook]:
    query = sa.select(webhooks).where(webhooks.c.status == "ACTIVE").order_by(webhooks.c.id)
    return [_webhook(row) for row in connection.execute(query)]


def _webhook(row: sa.Row[Any]) -> Webhook:
    values = dict(row._mapping)
    return Webhook(signed=bool(values.pop("secret")), **values)
