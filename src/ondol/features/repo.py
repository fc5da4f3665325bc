"""The tables `feature_views`, `feature_services`, `feature_definitions`, `feature_holds` and `training_sets`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from ondol.features.rules.definitions import view_hash
from ondol.features.types import FeatureDefinition, Service, ServiceSpec, TrainingSet, ViewSpec
from ondol.ports.schema import Json, Moment, metadata

views = sa.Table(
    "feature_views",
    metadata,
    sa.Column("name", sa.String(110), primary_key=True),
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("current", sa.Boolean, nullable=False),
    sa.Column("dataset", sa.String(100), nullable=False, index=True),
    sa.Column("spec", Json, nullable=False),
    sa.Column("online_version", sa.Integer, nullable=False),
    sa.Column("online_keys", sa.Integer, nullable=False),
    sa.Column("online_at", Moment),
    sa.Column("online_newest", Moment),
    sa.Column("stale_since", Moment),
    sa.Column("updated_at", Moment, nullable=False),
)
services = sa.Table(
    "feature_services",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("spec", Json, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("label_hash", sa.String(64), nullable=False),
    sa.Column("features", Json, nullable=False),
    sa.Column("inputs", Json, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)
definitions = sa.Table(
    "feature_definitions",
    metadata,
    sa.Column("hash", sa.String(64), primary_key=True),
    sa.Column("service", Json, nullable=False),
    sa.Column("views", Json, nullable=False),
    sa.Column("at", Moment, nullable=False),
)
holds = sa.Table(
    "feature_holds",
    metadata,
    sa.Column("holder", sa.String(200), primary_key=True),
    sa.Column("hash", sa.String(64), primary_key=True),
)
training_sets = sa.Table(
    "training_sets",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("service", sa.String(100), nullable=False),
    sa.Column("service_hash", sa.String(64), nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("label_hash", sa.String(64), nullable=False),
    sa.Column("features", Json, nullable=False),
    sa.Column("table", sa.String(200), nullable=False),
    sa.Column("table_version", sa.Integer, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("since", Moment),
    sa.Column("until", Moment, nullable=False),
    sa.Column("positive_share", sa.Float),
    sa.Column("tables", Json, nullable=False),
    sa.Column("engine", sa.String(40), nullable=False),
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Index("ix_training_sets_service_at", "service", "at"),
)


class StoredView(msgspec.Struct, frozen=True, kw_only=True):
    """A view without what is known from the services (`used_by`)."""

    name: str
    spec: ViewSpec
    hash: str
    online_version: int
    online_keys: int
    online_at: datetime | None
    online_newest: datetime | None
    stale_since: datetime | None
    updated_at: datetime


def read_view(connection: sa.Connection, name: str) -> StoredView | None:
    """The definition in force."""
    row = connection.execute(_current().where(views.c.name == name)).one_or_none()
    return _view(row) if row else None


def read_view_hashes(connection: sa.Connection, name: str) -> list[str]:
    """Of the definition in force, and of those of before that are kept."""
    query = sa.select(views.c.hash).where(views.c.name == name).order_by(views.c.current.desc(), views.c.hash)
    return list(connection.execute(query).scalars())


def read_kept_view(connection: sa.Connection, name: str, definition: str) -> StoredView:
    row = connection.execute(sa.select(views).where(views.c.name == name, views.c.hash == definition)).one()
    return _view(row)


def list_views(connection: sa.Connection) -> list[StoredView]:
    return [_view(row) for row in connection.execute(_current().order_by(views.c.name))]


def list_kept_views(connection: sa.Connection, dataset: str) -> list[StoredView]:
    """All that is to be online: definitions in force, and those of before that a holder still needs."""
    query = sa.select(views).where(views.c.dataset == dataset).order_by(views.c.name, views.c.hash)
    return [_view(row) for row in connection.execute(query)]


def read_views(connection: sa.Connection, names: Sequence[str]) -> dict[str, StoredView]:
    rows = connection.execute(_current().where(views.c.name.in_(names)))
    return {row.name: _view(row) for row in rows}


def put_view(connection: sa.Connection, spec: ViewSpec, definition: str, now: datetime) -> None:
    """A new definition starts with nothing online; the one before is no longer in force."""
    connection.execute(views.update().where(views.c.name == spec.name).values(current=False))
    mine = (views.c.name == spec.name) & (views.c.hash == definition)
    again: dict[str, object] = dict(current=True, spec=spec, updated_at=now)
    if not connection.execute(views.update().where(mine).values(**again)).rowcount:
        nothing = dict(online_version=-1, online_keys=0, online_at=None, online_newest=None, stale_since=None)
        named = dict(name=spec.name, hash=definition, dataset=spec.dataset)
        connection.execute(views.insert().values(**named, **nothing, **again))


def drop_view(connection: sa.Connection, view: StoredView) -> bool:
    """Forget a definition; False when it is in force again."""
    mine = (views.c.name == view.name) & (views.c.hash == view.hash)
    return bool(connection.execute(views.delete().where(mine, sa.not_(views.c.current))).rowcount)


def list_lacking(connection: sa.Connection, specs: Sequence[ViewSpec]) -> list[str]:
    """The names of those that are not kept online in this definition."""
    kept = {(name, found) for name, found in connection.execute(sa.select(views.c.name, views.c.hash))}
    return [spec.name for spec in specs if (spec.name, view_hash(spec)) not in kept]


def list_unneeded_views(connection: sa.Connection) -> list[StoredView]:
    """Definitions of before that neither a holder nor a service still means."""
    before = [_view(row) for row in connection.execute(sa.select(views).where(sa.not_(views.c.current)))]
    if not before:
        return []
    meant = sa.union(sa.select(holds.c.hash), sa.select(services.c.hash))
    rows = connection.execute(sa.select(definitions).where(definitions.c.hash.in_(meant)))
    found = [_definition(row) for row in rows]
    needed = {(spec.name, view_hash(spec)) for each in found for spec in each.views}
    return [view for view in before if (view.name, view.hash) not in needed]


def describe_view(connection: sa.Connection, spec: ViewSpec, now: datetime) -> None:
    """Other words for the same definition."""
    connection.execute(
        views.update().where(views.c.name == spec.name, views.c.current).values(spec=spec, updated_at=now)
    )


def set_online(
    connection: sa.Connection, view: StoredView, version: int, keys: int, newest: datetime | None, at: datetime
) -> bool:
    """What is online now; False when the definition is forgotten meanwhile."""
    mine = (views.c.name == view.name) & (views.c.hash == view.hash)
    values = dict(online_version=version, online_keys=keys, online_newest=newest, online_at=at)
    return bool(connection.execute(views.update().where(mine).values(**values)).rowcount)


def set_stale(connection: sa.Connection, name: str, since: datetime | None) -> None:
    connection.execute(views.update().where(views.c.name == name, views.c.current).values(stale_since=since))


def read_definition(connection: sa.Connection, definition: str) -> FeatureDefinition | None:
    row = connection.execute(sa.select(definitions).where(definitions.c.hash == definition)).one_or_none()
    return _definition(row) if row else None


def put_definition(connection: sa.Connection, definition: FeatureDefinition) -> None:
    """Kept for good: what a hash stands for does not change."""
    known = sa.select(definitions.c.hash).where(definitions.c.hash == definition.hash)
    if connection.execute(known).one_or_none() is None:
        connection.execute(definitions.insert().values(**msgspec.structs.asdict(definition)))


def put_holds(connection: sa.Connection, holder: str, hashes: Sequence[str]) -> None:
    connection.execute(holds.delete().where(holds.c.holder == holder))
    if hashes:
        connection.execute(holds.insert(), [{"holder": holder, "hash": each} for each in hashes])


def used_by(connection: sa.Connection) -> dict[str, list[str]]:
    """View name to the names of the services that read it."""
    found: dict[str, list[str]] = {}
    for name, spec in connection.execute(sa.select(services.c.name, services.c.spec).order_by(services.c.name)):
        for view in spec["views"]:
            found.setdefault(view, []).append(name)
    return found


def read_service(connection: sa.Connection, name: str) -> Service | None:
    row = connection.execute(sa.select(services).where(services.c.name == name)).one_or_none()
    return _service(row) if row else None


def list_services(connection: sa.Connection) -> list[Service]:
    return [_service(row) for row in connection.execute(sa.select(services).order_by(services.c.name))]


def put_service(connection: sa.Connection, service: Service) -> None:
    fields = msgspec.structs.asdict(service)
    _put(connection, services, fields.pop("name"), fields)


def read_training_set(connection: sa.Connection, identity: str) -> TrainingSet | None:
    row = connection.execute(sa.select(training_sets).where(training_sets.c.id == identity)).one_or_none()
    return _training_set(row) if row else None


def list_training_sets(connection: sa.Connection, service: str, limit: int) -> list[TrainingSet]:
    query = sa.select(training_sets).order_by(training_sets.c.at.desc(), training_sets.c.id).limit(limit)
    if service:
        query = query.where(training_sets.c.service == service)
    return [_training_set(row) for row in connection.execute(query)]


def insert_training_set(connection: sa.Connection, made: TrainingSet) -> None:
    connection.execute(training_sets.insert().values(**msgspec.structs.asdict(made)))


def _put(connection: sa.Connection, table: sa.Table, name: str, values: dict[str, object]) -> None:
    """Writers take turns for whole transactions, so nobody comes between the two statements."""
    if not connection.execute(table.update().where(table.c.name == name).values(**values)).rowcount:
        connection.execute(table.insert().values(name=name, **values))


def _current() -> sa.Select[tuple[object, ...]]:
    return sa.select(views).where(views.c.current)


def _view(row: sa.Row[tuple[object, ...]]) -> StoredView:
    fields = dict(row._mapping)
    del fields["dataset"], fields["current"]
    return StoredView(**fields | {"spec": msgspec.convert(fields["spec"], ViewSpec)})


def _definition(row: sa.Row[tuple[Any, ...]]) -> FeatureDefinition:
    service, views = msgspec.convert(row.service, Service), msgspec.convert(row.views, list[ViewSpec])
    return FeatureDefinition(hash=row.hash, service=service, views=views, at=row.at)


def _service(row: sa.Row[tuple[object, ...]]) -> Service:
    fields = dict(row._mapping)
    return Service(**fields | {"spec": msgspec.convert(fields["spec"], ServiceSpec)})


def _training_set(row: sa.Row[tuple[object, ...]]) -> TrainingSet:
    return TrainingSet(**dict(row._mapping))
