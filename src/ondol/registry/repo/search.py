"""Searches of models and versions, as `rules.search` has read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ondol.registry.repo.tables import model_tags, models, version_tags, versions
from ondol.registry.rules.search import Comparison, Subject

IS_PROMPT = "mlflow.prompt.is_prompt"
"""MLflow keeps prompts among the models. What has no such tag is no prompt, so that "not true" and "false" hold."""


def find(
    connection: sa.Connection,
    subject: Subject,
    comparisons: Sequence[Comparison],
    order: Sequence[tuple[str, bool]],
    *,
    limit: int,
    offset: int,
) -> list[str]:
    """Names of models, or ids of versions."""
    table, identity = (models, models.c.name) if subject == "models" else (versions, versions.c.id)
    where = [table.c.deleted_at.is_(None), *(_clause(connection, subject, one) for one in comparisons)]
    by = [table.c[column].asc() if ascending else table.c[column].desc() for column, ascending in order]
    query = sa.select(identity).where(*where).order_by(*by).limit(limit).offset(offset)
    return list(connection.execute(query).scalars())


def _clause(connection: sa.Connection, subject: Subject, one: Comparison) -> sa.ColumnElement[bool]:
    if one.column:
        table = models if subject == "models" else versions
        return _compare(connection, table.c[one.column], one.operator, one.value)
    tags, owner = (model_tags, model_tags.c.model == models.c.name)
    if subject == "versions":
        tags, owner = (version_tags, version_tags.c.version == versions.c.id)
    if one.key == IS_PROMPT and (one.operator, one.value) in (("!=", "true"), ("=", "false")):
        return ~sa.exists().where(owner, tags.c.key == IS_PROMPT, tags.c.value == "true")
    value = _compare(connection, tags.c.value, one.operator, one.value)
    return sa.exists().where(owner, tags.c.key == one.key, value)


def _compare(
    connection: sa.Connection, column: sa.ColumnElement[Any], operator: str, value: Any
) -> sa.ColumnElement[bool]:
    plain = {
        "=": column.__eq__, "!=": column.__ne__, "<": column.__lt__, "<=": column.__le__, ">": column.__gt__,
        ">=": column.__ge__, "IN": column.in_, "NOT IN": column.not_in,
    }  # fmt: skip
    if operator == "ILIKE":
        return sa.func.lower(column).like(value.lower(), escape="\\")
    if operator == "LIKE":
        # SQLite's own LIKE takes no notice of case; its GLOB does, with other wildcards.
        return (
            column.op("GLOB")(_glob(value)) if connection.dialect.name == "sqlite" else column.like(value, escape="\\")
        )
    found: sa.ColumnElement[bool] = plain[operator](value)
    return found


def _glob(pattern: str) -> str:
    return "".join({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}.get(letter, letter) for letter in pattern)
