"""The table `view_computations`."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa

from ondol.ports.schema import Moment, metadata

# How often the values of a view were computed for the online store: one row for each version of its dataset,
# however many models read them.
computations = sa.Table(
    "view_computations",
    metadata,
    sa.Column("view", sa.String(255), primary_key=True),
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("keys", sa.BigInteger, nullable=False),
    sa.Column("at", Moment, nullable=False),
)


class Computed(msgspec.Struct, frozen=True, kw_only=True):
    """How often, and when last."""

    times: int
    last: datetime | None


def note(connection: sa.Connection, view: str, definition: str, version: int, keys: int, at: datetime) -> None:
    """Count a computation; the same one told again counts once."""
    mine = (computations.c.view == view) & (computations.c.hash == definition) & (computations.c.version == version)
    if connection.execute(sa.select(computations.c.at).where(mine)).first() is None:
        values = {"view": view, "hash": definition, "version": version, "keys": keys, "at": at}
        connection.execute(computations.insert().values(**values))


def computed(connection: sa.Connection, view: str, definition: str) -> Computed:
    mine = (computations.c.view == view) & (computations.c.hash == definition)
    query = sa.select(sa.func.count(), sa.func.max(computations.c.at, type_=Moment)).where(mine)
    times, last = connection.execute(query).one()
    return Computed(times=times, last=last)
