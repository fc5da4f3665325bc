"""The table `view_computations`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
import sqlalchemy as sa

from ondol.ports.schema import Moment, metadata

# How often the values of a view were computed, for the online store and for training sets: one row for each version
# of its dataset (and the rows of it that mattered), however many models read them.
computations = sa.Table(
    "view_computations",
    metadata,
    sa.Column("view", sa.String(255), primary_key=True),
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("purpose", sa.String(16), primary_key=True),
    sa.Column("origin", sa.String(255), primary_key=True),
    sa.Column("values", sa.BigInteger, nullable=False),
    sa.Column("at", Moment, nullable=False),
)


class Computation(msgspec.Struct, frozen=True, kw_only=True):
    """`values`: keys online, or steps of windows."""

    view: str
    hash: str
    purpose: Literal["online", "training"]
    origin: str
    values: int
    at: datetime


class Computed(msgspec.Struct, frozen=True, kw_only=True):
    """How often, and when last."""

    online: int = 0
    training: int = 0
    last: datetime | None = None


def note(connection: sa.Connection, made: Computation) -> None:
    """Count a computation; the same one told again counts once."""
    same = [computations.c[name] == getattr(made, name) for name in ("view", "hash", "purpose", "origin")]
    if connection.execute(sa.select(computations.c.at).where(*same)).first() is None:
        connection.execute(computations.insert().values(**msgspec.structs.asdict(made)))


def computed(connection: sa.Connection, view: str, definition: str) -> Computed:
    mine = (computations.c.view == view) & (computations.c.hash == definition)
    last = sa.func.max(computations.c.at, type_=Moment)
    query = sa.select(computations.c.purpose, sa.func.count(), last).where(mine).group_by(computations.c.purpose)
    found = {purpose: (times, at) for purpose, times, at in connection.execute(query)}
    moments = [at for _, at in found.values()]
    counts = {purpose: times for purpose, (times, _) in found.items()}
    return Computed(**counts, last=max(moments, default=None))
