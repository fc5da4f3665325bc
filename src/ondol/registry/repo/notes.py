"""What may change of a model and of a version: tags, descriptions, stages, names; and their removal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ondol.registry.repo.tables import alias_history, model_tags, models, production, reviews, version_tags, versions


def tag_model(connection: sa.Connection, model: str, tags: Mapping[str, str], untag: Iterable[str]) -> None:
    _tag(connection, model_tags, model_tags.c.model == model, {"model": model}, (tags, untag))


def tag_version(connection: sa.Connection, version: str, tags: Mapping[str, str], untag: Iterable[str]) -> None:
    _tag(connection, version_tags, version_tags.c.version == version, {"version": version}, (tags, untag))


def _tag(
    connection: sa.Connection,
    table: sa.Table,
    owner: sa.ColumnElement[bool],
    owned: dict[str, str],
    change: tuple[Mapping[str, str], Iterable[str]],
) -> None:
    tags, untag = change
    replaced = [*tags, *untag]
    if replaced:
        connection.execute(table.delete().where(owner, table.c.key.in_(replaced)))
    if tags:
        connection.execute(table.insert(), [owned | {"key": key, "value": value} for key, value in tags.items()])


def update_version(connection: sa.Connection, version: str, at: datetime, **values: Any) -> None:
    connection.execute(versions.update().where(versions.c.id == version).values(updated_at=at, **values))


def archive_others(connection: sa.Connection, model: str, version: str, stage: str, at: datetime) -> None:
    """The other versions of this model in this stage go to `Archived`."""
    where = [versions.c.model == model, versions.c.stage == stage, versions.c.id != version]
    connection.execute(
        versions.update().where(*where, versions.c.deleted_at.is_(None)).values(stage="Archived", updated_at=at)
    )


def rename_model(connection: sa.Connection, model: str, to: str, at: datetime) -> None:
    """The model and all that belongs to it. The spec names the model too: the caller writes it anew."""
    row = connection.execute(sa.select(models).where(models.c.name == model)).one()
    connection.execute(models.insert().values(**(row._asdict() | {"name": to, "updated_at": at})))
    for table in (versions, model_tags, alias_history, production, reviews):
        connection.execute(table.update().where(table.c.model == model).values(model=to))
    connection.execute(models.delete().where(models.c.name == model))


def is_taken(connection: sa.Connection, model: str) -> bool:
    """Whether this name was ever given, also to a model that was removed."""
    return connection.execute(sa.select(models.c.name).where(models.c.name == model)).first() is not None


def remove_model(connection: sa.Connection, model: str, at: datetime) -> None:
    connection.execute(model_tags.delete().where(model_tags.c.model == model))
    connection.execute(models.update().where(models.c.name == model).values(deleted_at=at))


def remove_versions(connection: sa.Connection, at: datetime, *, model: str = "", version: str = "") -> None:
    """Rows stay for the history; their keys are free again."""
    where = [versions.c.model == model] if model else [versions.c.id == version]
    removed = sa.literal("removed:") + versions.c.id
    connection.execute(
        versions.update().where(*where, versions.c.deleted_at.is_(None)).values(deleted_at=at, key=removed)
    )
