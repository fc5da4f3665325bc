"""Models and their versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from ondol.ports import driver
from ondol.registry.repo.tables import alias_history, model_tags, models, version_tags, versions
from ondol.registry.types import Model, ModelSpec, Version
from ondol.registry.types.evidence import PickleConsent, VersionEvidence

_FIELDS = tuple(name for name in Version.__struct_fields__ if name != "tags")
_MANY = 500
"""Ids in one query; SQLite takes 32,766 variables."""


def insert_model(connection: sa.Connection, spec: ModelSpec, at: datetime) -> bool:
    """A new model, or one whose name was deleted before: its numbers go on. False when another was faster."""
    values = {"spec": spec, "created_at": at, "updated_at": at, "deleted_at": None}
    deleted = sa.and_(models.c.name == spec.name, models.c.deleted_at.is_not(None))
    if connection.execute(models.update().where(deleted).values(**values)).rowcount:
        return True
    insert = driver.insert(connection, models).values(name=spec.name, last_number=0, **values)
    return bool(connection.execute(insert.on_conflict_do_nothing()).rowcount)


def lock(connection: sa.Connection, name: str) -> None:
    """Let nobody else change this model, its versions and aliases before the open transaction ends.

    SQLite has one writer anyway, and takes no notice.
    """
    connection.execute(sa.select(models.c.name).where(models.c.name == name).with_for_update())


def update_spec(connection: sa.Connection, spec: ModelSpec, at: datetime) -> None:
    connection.execute(models.update().where(models.c.name == spec.name).values(spec=spec, updated_at=at))


def touch_model(connection: sa.Connection, name: str, at: datetime) -> None:
    connection.execute(models.update().where(models.c.name == name).values(updated_at=at))


def read_models(connection: sa.Connection, names: Sequence[str] | None = None) -> list[Model]:
    """All models by name, or those with these names, in their order."""
    query = sa.select(models).where(models.c.deleted_at.is_(None)).order_by(models.c.name)
    if names is not None:
        query = query.where(models.c.name.in_(names))
    rows = connection.execute(query).all()
    known = [row.name for row in rows]
    count, aliases, tags = _counts(connection, known), _aliases(connection, known), tags_of_models(connection, known)
    found = [
        Model(
            name=row.name,
            spec=msgspec.convert(row.spec, ModelSpec),
            aliases=aliases.get(row.name, {}),
            versions=count.get(row.name, 0),
            created_at=row.created_at,
            updated_at=row.updated_at,
            tags=tags.get(row.name, {}),
        )
        for row in rows
    ]
    return found if names is None else sorted(found, key=lambda model: list(names).index(model.name))


def is_there(connection: sa.Connection, name: str) -> bool:
    found = sa.select(models.c.name).where(models.c.name == name, models.c.deleted_at.is_(None))
    return connection.execute(found).first() is not None


def _counts(connection: sa.Connection, names: Sequence[str]) -> dict[str, int]:
    query = sa.select(versions.c.model, sa.func.count()).where(versions.c.deleted_at.is_(None))
    rows = connection.execute(_of(query, versions.c.model, names).group_by(versions.c.model)).all()
    return {row[0]: row[1] for row in rows}


def _aliases(connection: sa.Connection, names: Sequence[str]) -> dict[str, dict[str, int]]:
    query = sa.select(alias_history.c.model, alias_history.c.alias, alias_history.c.number)
    query = _of(query.where(alias_history.c.until.is_(None)), alias_history.c.model, names)
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(query.order_by(alias_history.c.alias)):
        found.setdefault(row.model, {})[row.alias] = row.number
    return found


def _of(query: sa.Select[Any], column: sa.Column[Any], names: Sequence[str]) -> sa.Select[Any]:
    """Only these names, unless they are so many that asking for all is cheaper."""
    return query.where(column.in_(names)) if len(names) <= _MANY else query


def tags_of_models(connection: sa.Connection, names: Sequence[str]) -> dict[str, dict[str, str]]:
    query = sa.select(model_tags.c.model, model_tags.c.key, model_tags.c.value).order_by(model_tags.c.key)
    found: dict[str, dict[str, str]] = {}
    for model, key, value in connection.execute(_of(query, model_tags.c.model, names)):
        found.setdefault(model, {})[key] = value
    return found


def take_number(connection: sa.Connection, model: str, at: datetime) -> int:
    """The next number of a model's versions; never given again."""
    connection.execute(
        models.update().where(models.c.name == model).values(last_number=models.c.last_number + 1, updated_at=at)
    )
    number: int = connection.execute(sa.select(models.c.last_number).where(models.c.name == model)).scalar_one()
    return number


def skip_numbers(connection: sa.Connection, model: str, number: int) -> bool:
    """Let the next number be this one; False when it was given already."""
    unused = models.c.last_number < number
    changed = models.update().where(models.c.name == model, unused).values(last_number=number - 1)
    return connection.execute(changed).rowcount == 1


def insert_version(connection: sa.Connection, version: Version, key: str) -> None:
    values = {name: getattr(version, name) for name in _FIELDS}
    connection.execute(versions.insert().values(**values, key=key))
    if version.tags:
        rows = [{"version": version.id, "key": name, "value": value} for name, value in version.tags.items()]
        connection.execute(version_tags.insert(), rows)


def find_by_key(connection: sa.Connection, model: str, key: str) -> Version | None:
    return _first(connection, versions.c.model == model, versions.c.key == key)


def find_by_id(connection: sa.Connection, identity: str) -> Version | None:
    return _first(connection, versions.c.id == identity)


def find_by_number(connection: sa.Connection, model: str, number: int) -> Version | None:
    return _first(connection, versions.c.model == model, versions.c.number == number)


def find_by_alias(connection: sa.Connection, model: str, alias: str) -> Version | None:
    pointed = sa.select(alias_history.c.version).where(
        alias_history.c.model == model, alias_history.c.alias == alias, alias_history.c.until.is_(None)
    )
    return _first(connection, versions.c.id.in_(pointed))


def find_newest(connection: sa.Connection, model: str) -> Version | None:
    query = sa.select(sa.func.max(versions.c.number)).where(versions.c.model == model, versions.c.deleted_at.is_(None))
    return _first(connection, versions.c.model == model, versions.c.number == query.scalar_subquery())


def newest_by_stage(connection: sa.Connection, models: Sequence[str]) -> list[Version]:
    """The newest version in each stage of each of these models."""
    live = versions.c.deleted_at.is_(None)
    newest = sa.select(versions.c.model, versions.c.stage, sa.func.max(versions.c.number).label("number")).where(live)
    top = _of(newest, versions.c.model, models).group_by(versions.c.model, versions.c.stage).subquery()
    joined = sa.select(versions).join(top, sa.and_(versions.c.model == top.c.model, versions.c.number == top.c.number))
    return _whole(connection, connection.execute(joined.order_by(versions.c.model, versions.c.number.desc())).all())


def list_versions(connection: sa.Connection, model: str) -> list[Version]:
    live = versions.c.deleted_at.is_(None)
    rows = connection.execute(
        sa.select(versions).where(versions.c.model == model, live).order_by(versions.c.number.desc())
    ).all()
    return _whole(connection, rows)


def read_versions(connection: sa.Connection, ids: Sequence[str]) -> list[Version]:
    """In the order of the ids."""
    rows: list[sa.Row[Any]] = []
    for start in range(0, len(ids), _MANY):
        rows += connection.execute(sa.select(versions).where(versions.c.id.in_(ids[start : start + _MANY]))).all()
    found = {version.id: version for version in _whole(connection, rows)}
    return [found[identity] for identity in ids if identity in found]


def _first(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> Version | None:
    row = connection.execute(sa.select(versions).where(versions.c.deleted_at.is_(None), *where)).first()
    return _whole(connection, [row])[0] if row else None


def _whole(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> list[Version]:
    tags: dict[str, dict[str, str]] = {}
    ids = [row.id for row in rows]
    for start in range(0, len(ids), _MANY):
        query = sa.select(version_tags).where(version_tags.c.version.in_(ids[start : start + _MANY]))
        for version, key, value in connection.execute(query.order_by(version_tags.c.key)):
            tags.setdefault(version, {})[key] = value
    return [_version(row, tags.get(row.id, {})) for row in rows]


def _version(row: sa.Row[Any], tags: dict[str, str]) -> Version:
    values = row._mapping
    facts = {name: values[versions.c[name]] for name in _FIELDS}
    facts["evidence"] = msgspec.convert(facts["evidence"], VersionEvidence)
    facts["consent"] = msgspec.convert(facts["consent"], PickleConsent | None)
    return Version(**facts, tags=tags)
