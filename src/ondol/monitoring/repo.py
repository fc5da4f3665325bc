"""The tables `monitors`, `checks`, `alarms` and `skew_checks`."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from ondol.monitoring.types import (
    Alarm,
    Check,
    FeatureDrift,
    FeatureSkew,
    Histogram,
    ListSkewChecks,
    Monitor,
    MonitorSpec,
    Quality,
    SkewCheck,
)
from ondol.ports.schema import Json, Moment, metadata

monitors = sa.Table(
    "monitors",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("spec", Json, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)

checks = sa.Table(
    "checks",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("endpoint", sa.String(255), nullable=False),
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Moment, nullable=False),
    sa.Column("verdict", sa.String(16), nullable=False),
    sa.Column("reasons", Json, nullable=False),
    sa.Column("quality", Json, nullable=False),
    sa.Column("strikes", sa.Integer, nullable=False),
    sa.Column("alarm", sa.String(40), nullable=False),
    # The drifted features without histograms: what lists need is read without the rest.
    sa.Column("drifted", Json, nullable=False),
    sa.Column("features", Json, nullable=False),
    sa.Column("score", Json),
    sa.Index("ix_checks_endpoint_id", "endpoint", "id"),
)

skew_checks = sa.Table(
    "skew_checks",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("endpoint", sa.String(255), nullable=False),
    sa.Column("service", sa.String(100), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Moment, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("waiting", sa.Integer, nullable=False),
    sa.Column("share", sa.Float, nullable=False),
    sa.Column("limit", sa.Float, nullable=False),
    sa.Column("exceeded", sa.Boolean, nullable=False),
    sa.Column("features", Json, nullable=False),
    sa.Index("ix_skew_checks_endpoint_id", "endpoint", "id"),
    sa.Index("ix_skew_checks_service_id", "service", "id"),
)

alarms = sa.Table(
    "alarms",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("endpoint", sa.String(255), nullable=False),
    sa.Column("check", sa.String(40), nullable=False),
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("features", Json, nullable=False),
    sa.Column("reasons", Json, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("closed_at", Moment),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Index("ix_alarms_endpoint_id", "endpoint", "id"),
)
sa.Index(
    "uq_alarms_open",
    alarms.c.endpoint,
    unique=True,
    sqlite_where=alarms.c.status == "open",
    postgresql_where=alarms.c.status == "open",
)

_NO_HISTOGRAM = Histogram(edges=[], shares=[], missing=0.0)
_LIGHT = [column for column in checks.c if column.name not in ("features", "score")]


def put_monitor(connection: sa.Connection, monitor: Monitor) -> None:
    connection.execute(monitors.delete().where(monitors.c.name == monitor.name))
    connection.execute(monitors.insert().values(name=monitor.name, spec=monitor.spec, updated_at=monitor.updated_at))


def select_monitors(connection: sa.Connection, name: str = "") -> list[Monitor]:
    last_check = sa.select(sa.func.max(checks.c.at)).where(checks.c.endpoint == monitors.c.name).scalar_subquery()
    open_alarm = (
        sa.select(sa.func.max(alarms.c.id))
        .where(alarms.c.endpoint == monitors.c.name, alarms.c.status == "open")
        .scalar_subquery()
    )
    query = sa.select(
        monitors,
        sa.type_coerce(last_check, Moment).label("last_check"),
        sa.func.coalesce(open_alarm, "").label("open_alarm"),
    ).order_by(monitors.c.name)
    if name:
        query = query.where(monitors.c.name == name)
    return [
        Monitor(**{**row, "spec": msgspec.convert(row["spec"], MonitorSpec)})
        for row in connection.execute(query).mappings()
    ]


def insert_check(connection: sa.Connection, check: Check) -> None:
    columns = msgspec.structs.asdict(check)
    drifted = [
        msgspec.structs.replace(feature, baseline=_NO_HISTOGRAM, live=_NO_HISTOGRAM)
        for feature in check.features
        if feature.drifted
    ]
    connection.execute(checks.insert().values(**columns, drifted=drifted))


def find_check(connection: sa.Connection, identity: str) -> Check | None:
    row = connection.execute(sa.select(checks).where(checks.c.id == identity)).mappings().first()
    return _check(row, row["features"], row["score"]) if row else None


def newest_checks(connection: sa.Connection, endpoint: str, limit: int) -> list[Check]:
    """Newest first, with their drifted features only."""
    query = sa.select(*_LIGHT).where(checks.c.endpoint == endpoint).order_by(checks.c.id.desc()).limit(limit)
    return [_check(row, row["drifted"]) for row in connection.execute(query).mappings()]


def strikes_of(connection: sa.Connection, endpoint: str, version: str) -> int:
    """The strikes in a row up to the newest check, if that was of this version."""
    query = (
        sa.select(checks.c.strikes, checks.c.version)
        .where(checks.c.endpoint == endpoint)
        .order_by(checks.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return row.strikes if row and row.version == version else 0


def insert_skew_check(connection: sa.Connection, check: SkewCheck) -> None:
    connection.execute(skew_checks.insert().values(**msgspec.structs.asdict(check)))


def newest_skew_checks(connection: sa.Connection, request: ListSkewChecks) -> list[SkewCheck]:
    """Newest first."""
    query = sa.select(skew_checks).order_by(skew_checks.c.id.desc()).limit(request.limit)
    if request.endpoint:
        query = query.where(skew_checks.c.endpoint == request.endpoint)
    if request.service:
        query = query.where(skew_checks.c.service == request.service)
    return [_skew_check(row) for row in connection.execute(query).mappings()]


def find_skew_check(connection: sa.Connection, identity: str) -> SkewCheck | None:
    row = connection.execute(sa.select(skew_checks).where(skew_checks.c.id == identity)).mappings().first()
    return _skew_check(row) if row else None


def _skew_check(row: sa.RowMapping) -> SkewCheck:
    return SkewCheck(**dict(row) | {"features": msgspec.convert(row["features"], list[FeatureSkew])})


def insert_alarm(connection: sa.Connection, alarm: Alarm) -> None:
    connection.execute(alarms.insert().values(**msgspec.structs.asdict(alarm)))


def update_alarm(connection: sa.Connection, alarm: Alarm) -> None:
    connection.execute(
        alarms.update()
        .where(alarms.c.id == alarm.id)
        .values(status=alarm.status, closed_at=alarm.closed_at, outcome=alarm.outcome)
    )


def find_alarm(connection: sa.Connection, identity: str) -> Alarm | None:
    row = connection.execute(sa.select(alarms).where(alarms.c.id == identity)).mappings().first()
    return Alarm(**row) if row else None


def newest_alarms(connection: sa.Connection, endpoint: str, limit: int) -> list[Alarm]:
    """Newest first; of all endpoints for an empty name."""
    query = sa.select(alarms).order_by(alarms.c.id.desc()).limit(limit)
    if endpoint:
        query = query.where(alarms.c.endpoint == endpoint)
    return [Alarm(**row) for row in connection.execute(query).mappings()]


def _check(row: sa.RowMapping, features: Any, score: Any = None) -> Check:
    fields = {name: value for name, value in row.items() if name != "drifted"}
    fields["quality"] = msgspec.convert(fields["quality"], Quality)
    fields["features"] = msgspec.convert(features, list[FeatureDrift])
    fields["score"] = msgspec.convert(score, FeatureDrift | None)
    return Check(**fields)
