"""The only SQL that touches models, versions and aliases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from ondol.ports.schema import Json, Moment, metadata
from ondol.registry.types import AliasSpan, Model, ModelSpec, Version

models = sa.Table(
    "models",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("spec", Json, nullable=False),
    # Counted here and not by `max(number)`: a number is never given twice, whatever happens to its version.
    sa.Column("last_number", sa.Integer, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)
versions = sa.Table(
    "versions",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("model", sa.String(100), sa.ForeignKey("models.name"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("created_by", sa.String(200), nullable=False),
    sa.Column("flavor", sa.String(40), nullable=False),
    sa.Column("package", sa.String(200), nullable=False),
    sa.Column("files", Json, nullable=False),
    sa.Column("run", sa.String(64), nullable=False),
    sa.Column("training_set", sa.String(64), nullable=False),
    sa.Column("service", sa.String(200), nullable=False),
    sa.Column("service_hash", sa.String(64), nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("features", Json, nullable=False),
    sa.Column("params", Json, nullable=False),
    sa.Column("metrics", Json, nullable=False),
    sa.Column("signature", Json, nullable=False),
    sa.Column("tables", Json, nullable=False),
    sa.Column("code", sa.String(200), nullable=False),
    sa.Column("git_commit", sa.String(64), key="commit", nullable=False),
    sa.Column("environment", Json, nullable=False),
    sa.Column("tags", Json, nullable=False),
    sa.Column("card", sa.Text, nullable=False),
    sa.UniqueConstraint("model", "number"),
    sa.UniqueConstraint("model", "key"),
)
alias_history = sa.Table(
    "alias_history",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(100), sa.ForeignKey("models.name"), nullable=False),
    sa.Column("alias", sa.String(50), nullable=False),
    sa.Column("version", sa.String(64), sa.ForeignKey("versions.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Moment),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", sa.String(64), nullable=False),
    sa.Index("ix_alias_history_model_since", "model", "since"),
)
# An alias points at one version at a time: the database itself says so.
sa.Index(
    "uq_alias_history_model_alias_open",
    alias_history.c.model,
    alias_history.c.alias,
    unique=True,
    sqlite_where=alias_history.c.until.is_(None),
    postgresql_where=alias_history.c.until.is_(None),
)

_FIELDS = Version.__struct_fields__


def insert_model(connection: sa.Connection, spec: ModelSpec, at: datetime) -> None:
    connection.execute(models.insert().values(name=spec.name, spec=spec, last_number=0, updated_at=at))


def update_spec(connection: sa.Connection, spec: ModelSpec, at: datetime) -> None:
    connection.execute(models.update().where(models.c.name == spec.name).values(spec=spec, updated_at=at))


def read_models(connection: sa.Connection, name: str = "") -> list[Model]:
    """All models, or the one with this name, by name."""
    count = sa.select(sa.func.count()).where(versions.c.model == models.c.name).scalar_subquery()
    query = sa.select(models, count.label("versions")).order_by(models.c.name)
    rows = connection.execute(query.where(models.c.name == name) if name else query).all()
    open_spans = sa.select(alias_history.c.model, alias_history.c.alias, alias_history.c.number).where(
        alias_history.c.until.is_(None)
    )
    aliases: dict[str, dict[str, int]] = {}
    for model, alias, number in connection.execute(open_spans.order_by(alias_history.c.alias)):
        aliases.setdefault(model, {})[alias] = number
    return [
        Model(
            name=row.name,
            spec=msgspec.convert(row.spec, ModelSpec),
            aliases=aliases.get(row.name, {}),
            versions=row.versions,
            updated_at=row.updated_at,
        )
        for row in rows
    ]


def take_number(connection: sa.Connection, model: str, at: datetime) -> int:
    """The next number of a model's versions; never given again."""
    connection.execute(
        models.update().where(models.c.name == model).values(last_number=models.c.last_number + 1, updated_at=at)
    )
    number: int = connection.execute(sa.select(models.c.last_number).where(models.c.name == model)).scalar_one()
    return number


def insert_version(connection: sa.Connection, version: Version, key: str) -> None:
    values = {name: getattr(version, name) for name in _FIELDS}
    connection.execute(versions.insert().values(**values, key=key))


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


def list_versions(connection: sa.Connection, model: str) -> list[Version]:
    rows = connection.execute(sa.select(versions).where(versions.c.model == model).order_by(versions.c.number.desc()))
    return [_version(row) for row in rows]


def open_span(connection: sa.Connection, model: str, alias: str) -> AliasSpan | None:
    found = _spans(
        connection,
        [alias_history.c.model == model, alias_history.c.alias == alias, alias_history.c.until.is_(None)],
    )
    return found[0] if found else None


def point(connection: sa.Connection, model: str, span: AliasSpan) -> None:
    """Close the span in force, if there is one, and open this one."""
    connection.execute(
        alias_history.update()
        .where(alias_history.c.model == model, alias_history.c.alias == span.alias, alias_history.c.until.is_(None))
        .values(until=span.since)
    )
    connection.execute(
        alias_history.insert().values(
            model=model,
            alias=span.alias,
            version=span.version,
            number=span.number,
            since=span.since,
            by=span.by,
            reason=span.reason,
            evidence=span.evidence,
        )
    )


def list_spans(connection: sa.Connection, model: str, alias: str, at: datetime | None) -> list[AliasSpan]:
    """Newest first."""
    where: list[sa.ColumnElement[bool]] = [alias_history.c.model == model]
    if alias:
        where.append(alias_history.c.alias == alias)
    if at:
        where.append(alias_history.c.since <= at)
        where.append(sa.or_(alias_history.c.until.is_(None), alias_history.c.until > at))
    return _spans(connection, where)


def _spans(connection: sa.Connection, where: Sequence[sa.ColumnElement[bool]]) -> list[AliasSpan]:
    rows = connection.execute(
        sa.select(alias_history).where(*where).order_by(alias_history.c.since.desc(), alias_history.c.id.desc())
    )
    return [AliasSpan(**{name: getattr(row, name) for name in AliasSpan.__struct_fields__}) for row in rows]


def _first(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> Version | None:
    row = connection.execute(sa.select(versions).where(*where)).first()
    return _version(row) if row else None


def _version(row: sa.Row[Any]) -> Version:
    values = row._mapping
    return Version(**{name: values[versions.c[name]] for name in _FIELDS})
