"""Aliases: which version they point at, and which they pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from ondol.registry.repo.tables import alias_history
from ondol.registry.types import AliasSpan

_MANY = 500


def open_span(connection: sa.Connection, model: str, alias: str) -> AliasSpan | None:
    where = [alias_history.c.model == model, alias_history.c.alias == alias, alias_history.c.until.is_(None)]
    found = _spans(connection, where)
    return found[0] if found else None


def point(connection: sa.Connection, model: str, span: AliasSpan) -> None:
    """Close the span in force, if there is one, and open this one."""
    close(connection, span.since, model=model, alias=span.alias)
    values = {name: getattr(span, name) for name in AliasSpan.__struct_fields__}
    connection.execute(alias_history.insert().values(model=model, **values))


def close(connection: sa.Connection, at: datetime, *, model: str, alias: str = "", version: str = "") -> None:
    """End what is in force: of one alias, of one version, or of all of a model."""
    where = [alias_history.c.model == model, alias_history.c.until.is_(None)]
    if alias:
        where.append(alias_history.c.alias == alias)
    if version:
        where.append(alias_history.c.version == version)
    connection.execute(alias_history.update().where(*where).values(until=at))


def list_spans(connection: sa.Connection, model: str, alias: str, at: datetime | None) -> list[AliasSpan]:
    """Newest first."""
    where: list[sa.ColumnElement[bool]] = [alias_history.c.model == model]
    if alias:
        where.append(alias_history.c.alias == alias)
    if at:
        where.append(alias_history.c.since <= at)
        where.append(sa.or_(alias_history.c.until.is_(None), alias_history.c.until > at))
    return _spans(connection, where)


def aliases_of(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    """Version to the aliases that point at it now."""
    query = sa.select(alias_history.c.version, alias_history.c.alias).where(alias_history.c.until.is_(None))
    if len(ids) <= _MANY:
        query = query.where(alias_history.c.version.in_(ids))
    wanted = set(ids)
    found: dict[str, list[str]] = {}
    for version, alias in connection.execute(query.order_by(alias_history.c.alias)):
        if version in wanted:
            found.setdefault(version, []).append(alias)
    return found


def _spans(connection: sa.Connection, where: Sequence[sa.ColumnElement[bool]]) -> list[AliasSpan]:
    rows = connection.execute(
        sa.select(alias_history).where(*where).order_by(alias_history.c.since.desc(), alias_history.c.id.desc())
    )
    return [AliasSpan(**{name: getattr(row, name) for name in AliasSpan.__struct_fields__}) for row in rows]
