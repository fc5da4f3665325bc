"""The tables `feature_views`, `feature_services` and `training_sets`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa

from ondol.features.types import Service, ServiceSpec, TrainingSet, ViewSpec
from ondol.ports.schema import Json, Moment, metadata

views = sa.Table(
    "feature_views",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("dataset", sa.String(100), nullable=False, index=True),
    sa.Column("spec", Json, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
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
    row = connection.execute(sa.select(views).where(views.c.name == name)).one_or_none()
    return _view(row) if row else None


def read_view_hash(connection: sa.Connection, name: str) -> str | None:
    return connection.execute(sa.select(views.c.hash).where(views.c.name == name)).scalar_one_or_none()


def list_views(connection: sa.Connection, dataset: str = "") -> list[StoredView]:
    query = sa.select(views).order_by(views.c.name)
    if dataset:
        query = query.where(views.c.dataset == dataset)
    return [_view(row) for row in connection.execute(query)]


def read_views(connection: sa.Connection, names: Sequence[str]) -> dict[str, StoredView]:
    rows = connection.execute(sa.select(views).where(views.c.name.in_(names)))
    return {row.name: _view(row) for row in rows}


def put_view(connection: sa.Connection, spec: ViewSpec, definition: str, now: datetime) -> None:
    """A new definition starts with nothing online."""
    nothing: dict[str, object] = dict(
        online_version=-1, online_keys=0, online_at=None, online_newest=None, stale_since=None
    )
    values = dict(dataset=spec.dataset, spec=spec, hash=definition, updated_at=now) | nothing
    _put(connection, views, spec.name, values)


def describe_view(connection: sa.Connection, spec: ViewSpec, now: datetime) -> None:
    """Other words for the same definition."""
    connection.execute(views.update().where(views.c.name == spec.name).values(spec=spec, updated_at=now))


def set_online(
    connection: sa.Connection, view: StoredView, version: int, keys: int, newest: datetime | None, at: datetime
) -> bool:
    """What is online now; False when the view has another definition meanwhile."""
    mine = (views.c.name == view.name) & (views.c.hash == view.hash)
    values = dict(online_version=version, online_keys=keys, online_newest=newest, online_at=at)
    return bool(connection.execute(views.update().where(mine).values(**values)).rowcount)


def set_stale(connection: sa.Connection, name: str, since: datetime | None) -> None:
    connection.execute(views.update().where(views.c.name == name).values(stale_since=since))


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


def _view(row: sa.Row[tuple[object, ...]]) -> StoredView:
    fields = dict(row._mapping)
    del fields["dataset"]
    return StoredView(**fields | {"spec": msgspec.convert(fields["spec"], ViewSpec)})


def _service(row: sa.Row[tuple[object, ...]]) -> Service:
    fields = dict(row._mapping)
    return Service(**fields | {"spec": msgspec.convert(fields["spec"], ServiceSpec)})


def _training_set(row: sa.Row[tuple[object, ...]]) -> TrainingSet:
    return TrainingSet(**dict(row._mapping))
