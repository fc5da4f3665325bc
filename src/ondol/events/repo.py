"""The outbox tables: events, and one delivery for each reaction that answers them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from ondol.events.types import Delivery, ListEvents
from ondol.kernel.event import Event, StoredEvent
from ondol.ports import driver
from ondol.ports.schema import Json, Moment, metadata, to_moment, to_text

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.String(64), nullable=False, index=True),
    sa.Column("subject", sa.String(255), nullable=False, index=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("payload", Json, nullable=False),
    sqlite_autoincrement=True,
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("reaction", sa.String(128), primary_key=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", Moment, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Index("ix_deliveries_status_event_id", "status", "event_id"),
)


def insert_event(
    connection: sa.Connection, event: Event, at: datetime, reactions: Sequence[str], wall: datetime
) -> int:
    found = driver.rows(
        connection,
        "INSERT INTO events (name, subject, at, payload) VALUES (?, ?, ?, ?) RETURNING id",
        type(event).__name__,
        event.subject,
        to_moment(at),
        to_text(event),
    )
    identity = int(found[0][0])
    if reactions:
        connection.execute(
            deliveries.insert(),
            [
                dict(event_id=identity, reaction=name, status="waiting", attempts=0, next_at=wall, error="")
                for name in reactions
            ],
        )
    return identity


def select_events(connection: sa.Connection, request: ListEvents) -> list[StoredEvent]:
    query = sa.select(events).where(events.c.id > request.after)
    if request.name:
        query = query.where(events.c.name.in_(request.name.split(",")))
    if request.subject:
        query = query.where(events.c.subject == request.subject)
    query = query.order_by(events.c.id.desc() if request.newest else events.c.id).limit(request.limit)
    rows = [StoredEvent(**row) for row in connection.execute(query).mappings()]
    return rows[::-1] if request.newest else rows


def claim_next(
    connection: sa.Connection, wall: datetime, until: datetime, leave: Collection[str] = ()
) -> tuple[StoredEvent, Delivery] | None:
    """The oldest waiting delivery that is due, hidden from other houses until `until`; not to the reactions `leave`."""
    query = (
        sa.select(events, deliveries.c.reaction, deliveries.c.attempts)
        .join(events, events.c.id == deliveries.c.event_id)
        .where(deliveries.c.status == "waiting", deliveries.c.next_at <= wall)
        .order_by(deliveries.c.event_id, deliveries.c.reaction)
        .limit(1)
    )
    if leave:
        query = query.where(deliveries.c.reaction.not_in(leave))
    found = connection.execute(query).mappings().first()
    if found is None:
        return None
    row: dict[str, Any] = dict(found)
    delivery = Delivery(
        event_id=row["id"],
        reaction=row.pop("reaction"),
        status="waiting",
        attempts=row.pop("attempts") + 1,
        next_at=until,
    )
    update_delivery(connection, delivery)
    return StoredEvent(**row), delivery


def extend_claim(connection: sa.Connection, delivery: Delivery, until: datetime) -> None:
    """Hide a delivery that is still being made from other houses; nothing when another one makes it already."""
    ours = (deliveries.c.event_id == delivery.event_id) & (deliveries.c.reaction == delivery.reaction)
    still = ours & (deliveries.c.status == "waiting") & (deliveries.c.attempts == delivery.attempts)
    connection.execute(deliveries.update().where(still).values(next_at=until))


def update_delivery(connection: sa.Connection, delivery: Delivery) -> None:
    values = msgspec.structs.asdict(delivery)
    connection.execute(
        deliveries.update()
        .where(deliveries.c.event_id == values.pop("event_id"), deliveries.c.reaction == values.pop("reaction"))
        .values(**values)
    )


def has_waiting(connection: sa.Connection) -> bool:
    query = sa.select(deliveries.c.event_id).where(deliveries.c.status == "waiting").limit(1)
    return connection.execute(query).first() is not None


def count_waiting(connection: sa.Connection) -> int:
    query = sa.select(sa.func.count()).select_from(deliveries).where(deliveries.c.status == "waiting")
    return int(connection.execute(query).scalar_one())


def select_deliveries(connection: sa.Connection, status: str, limit: int) -> list[Delivery]:
    query = sa.select(deliveries).where(deliveries.c.status == status).order_by(deliveries.c.event_id).limit(limit)
    return [Delivery(**row) for row in connection.execute(query).mappings()]


def find_delivery(connection: sa.Connection, event_id: int, reaction: str) -> Delivery | None:
    query = sa.select(deliveries).where(deliveries.c.event_id == event_id, deliveries.c.reaction == reaction)
    row = connection.execute(query).mappings().first()
    return Delivery(**row) if row else None
