"""The only SQL that touches comparisons."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from ondol.evals.types import Comparison
from ondol.ports.schema import Json, Moment, metadata

comparisons = sa.Table(
    "comparisons",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(200), nullable=False, unique=True),
    sa.Column("model", sa.String(100), nullable=False),
    sa.Column("candidate", sa.String(64), nullable=False),
    sa.Column("champion", sa.String(64), nullable=False),
    sa.Column("training_set", sa.String(64), nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Moment, nullable=False),
    sa.Column("candidate_scores", Json, nullable=False),
    sa.Column("champion_scores", Json),
    sa.Column("lead", sa.Double, nullable=False),
    sa.Column("p_value", sa.Double),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("results", Json, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("run", sa.String(64), nullable=False),
    sa.Index("ix_comparisons_model_at_id", "model", "at", "id"),
)

_FIELDS = Comparison.__struct_fields__


def insert(connection: sa.Connection, comparison: Comparison, key: str) -> None:
    connection.execute(comparisons.insert().values(key=key, **{name: getattr(comparison, name) for name in _FIELDS}))


def find_by_key(connection: sa.Connection, key: str) -> Comparison | None:
    return _first(connection, comparisons.c.key == key)


def find_by_id(connection: sa.Connection, identity: str) -> Comparison | None:
    return _first(connection, comparisons.c.id == identity)


def newest(connection: sa.Connection, model: str, limit: int) -> list[Comparison]:
    query = sa.select(comparisons).order_by(comparisons.c.at.desc(), comparisons.c.id.desc()).limit(limit)
    rows = connection.execute(query.where(comparisons.c.model == model) if model else query)
    return [_comparison(row) for row in rows]


def _first(connection: sa.Connection, where: sa.ColumnElement[bool]) -> Comparison | None:
    row = connection.execute(sa.select(comparisons).where(where)).first()
    return _comparison(row) if row else None


def _comparison(row: sa.Row[Any]) -> Comparison:
    return msgspec.convert({name: getattr(row, name) for name in _FIELDS}, Comparison)
