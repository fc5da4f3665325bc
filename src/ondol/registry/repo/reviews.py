"""Reviews: who asked, who decided, and why."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ondol.registry.repo.tables import reviews
from ondol.registry.types.lifecycle import ListReviews, Review


def put(connection: sa.Connection, review: Review) -> None:
    """A new review, or the decision on one that is open."""
    values = {name: getattr(review, name) for name in Review.__struct_fields__}
    found = connection.execute(reviews.update().where(reviews.c.id == review.id).values(**values))
    if not found.rowcount:
        connection.execute(reviews.insert().values(**values))


def find(connection: sa.Connection, identity: str) -> Review | None:
    found = _reviews(connection, [reviews.c.id == identity], 1)
    return found[0] if found else None


def newest_of(connection: sa.Connection, version: str) -> Review | None:
    found = _reviews(connection, [reviews.c.version == version], 1)
    return found[0] if found else None


def list_reviews(connection: sa.Connection, request: ListReviews) -> list[Review]:
    where: list[sa.ColumnElement[bool]] = []
    if request.model:
        where.append(reviews.c.model == request.model)
    if request.status:
        where.append(reviews.c.status == request.status)
    return _reviews(connection, where, request.limit)


def _reviews(connection: sa.Connection, where: Sequence[sa.ColumnElement[bool]], limit: int) -> list[Review]:
    query = sa.select(reviews).where(*where).order_by(reviews.c.asked_at.desc(), reviews.c.id.desc()).limit(limit)
    rows = connection.execute(query)
    return [Review(**{name: getattr(row, name) for name in Review.__struct_fields__}) for row in rows]
