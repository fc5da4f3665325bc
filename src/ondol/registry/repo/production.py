"""Who answered which share of an endpoint's traffic, from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from ondol.registry.repo.tables import production
from ondol.registry.types.lifecycle import Answered


def list_open(connection: sa.Connection, endpoint: str) -> list[Answered]:
    return _spans(connection, [production.c.endpoint == endpoint, production.c.until.is_(None)])


def close(connection: sa.Connection, endpoint: str, versions: Sequence[str], at: datetime) -> None:
    where = [production.c.endpoint == endpoint, production.c.until.is_(None), production.c.version.in_(versions)]
    connection.execute(production.update().where(*where).values(until=at))


def open_spans(connection: sa.Connection, model: str, spans: Sequence[Answered]) -> None:
    rows = [{name: getattr(span, name) for name in Answered.__struct_fields__} | {"model": model} for span in spans]
    if rows:
        connection.execute(production.insert(), rows)


def list_spans(connection: sa.Connection, model: str, endpoint: str) -> list[Answered]:
    """Newest first, the larger share first."""
    where = [production.c.model == model]
    if endpoint:
        where.append(production.c.endpoint == endpoint)
    return _spans(connection, where)


def answering(connection: sa.Connection, model: str = "") -> set[str]:
    """Versions that answer now, at any endpoint."""
    query = sa.select(production.c.version).where(production.c.until.is_(None), production.c.share > 0)
    return set(connection.execute(query.where(production.c.model == model) if model else query).scalars())


def _spans(connection: sa.Connection, where: Sequence[sa.ColumnElement[bool]]) -> list[Answered]:
    order = (production.c.since.desc(), production.c.share.desc(), production.c.id.desc())
    rows = connection.execute(sa.select(production).where(*where).order_by(*order))
    return [Answered(**{name: getattr(row, name) for name in Answered.__struct_fields__}) for row in rows]
