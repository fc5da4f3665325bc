"""The only SQL that touches runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ondol.ports.schema import Json, Moment, metadata
from ondol.tracking.rules import json_number
from ondol.tracking.types import MetricPoint, Run, Value

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("experiment", sa.String(250), nullable=False),
    sa.Column("name", sa.String(250), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),
    sa.Index("ix_runs_started_at_id", "started_at", "id"),
    sa.Index("ix_runs_experiment_started_at_id", "experiment", "started_at", "id"),
)


def _run_column() -> sa.Column[Any]:
    return sa.Column("run", sa.String(64), sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)


params = sa.Table(
    "run_params",
    metadata,
    _run_column(),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", Json),
)
tags = sa.Table(
    "run_tags",
    metadata,
    _run_column(),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
# In both tables a missing value is NaN: SQLite has no other way to keep one.
newest_metrics = sa.Table(
    "run_metrics",
    metadata,
    _run_column(),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("step", sa.BigInteger, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("value", sa.Double),
)
metric_points = sa.Table(
    "metric_points",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("run", sa.String(64), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("key", sa.String(250), nullable=False),
    sa.Column("step", sa.BigInteger, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Column("value", sa.Double),
    sa.Index("ix_metric_points_run_key_step", "run", "key", "step"),
)

_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def insert_run(connection: sa.Connection, run: Run) -> None:
    connection.execute(
        runs.insert().values(
            id=run.id, experiment=run.experiment, name=run.name, status=run.status, started_at=run.started_at
        )
    )


def set_status(connection: sa.Connection, run: str, status: str, ended_at: datetime | None) -> None:
    connection.execute(runs.update().where(runs.c.id == run).values(status=status, ended_at=ended_at))


def insert_params(connection: sa.Connection, run: str, values: dict[str, Value]) -> None:
    if values:
        connection.execute(params.insert(), [{"run": run, "key": key, "value": value} for key, value in values.items()])


def put_tags(connection: sa.Connection, run: str, values: dict[str, str]) -> None:
    rows = [{"run": run, "key": key, "value": value} for key, value in values.items()]
    _upsert(connection, tags, rows, ["value"])


def insert_points(connection: sa.Connection, run: str, points: Iterable[MetricPoint]) -> None:
    if rows := [_point_row(run, point) for point in points]:
        connection.execute(metric_points.insert(), rows)


def put_newest(connection: sa.Connection, run: str, points: Iterable[MetricPoint]) -> None:
    _upsert(connection, newest_metrics, [_point_row(run, point) for point in points], ["step", "at", "value"])


def read_params(connection: sa.Connection, run: str) -> dict[str, Value]:
    return _by_run(connection, params, [run]).get(run, {})


def read_newest(connection: sa.Connection, run: str) -> list[MetricPoint]:
    rows = connection.execute(sa.select(newest_metrics).where(newest_metrics.c.run == run))
    return [_point(row) for row in rows]


def read_points(connection: sa.Connection, run: str, key: str, limit: int) -> list[MetricPoint]:
    """The newest `limit` points, oldest first."""
    points = metric_points
    rows = connection.execute(
        sa.select(points)
        .where(points.c.run == run, points.c.key == key)
        .order_by(points.c.step.desc(), points.c.at.desc(), points.c.id.desc())
        .limit(limit)
    ).all()
    return [_point(row) for row in reversed(rows)]


def read_run(connection: sa.Connection, run: str) -> Run | None:
    found = connection.execute(sa.select(runs).where(runs.c.id == run)).all()
    return _whole(connection, found)[0] if found else None


def list_runs(
    connection: sa.Connection, *, experiment: str, status: str, limit: int, before: tuple[datetime, str] | None
) -> list[Run]:
    """Newest first, starting after the run that `before` names by moment and id."""
    query = sa.select(runs).order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(limit)
    if experiment:
        query = query.where(runs.c.experiment == experiment)
    if status:
        query = query.where(runs.c.status == status)
    if before:
        query = query.where(sa.tuple_(runs.c.started_at, runs.c.id) < sa.tuple_(*_typed(before)))
    return _whole(connection, connection.execute(query).all())


def _typed(before: tuple[datetime, str]) -> tuple[sa.BindParameter[Any], sa.BindParameter[Any]]:
    return sa.literal(before[0], Moment), sa.literal(before[1], sa.String)


def _whole(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> list[Run]:
    """Runs with their parameters, metrics and tags: three queries, however many runs."""
    ids = [row.id for row in rows]
    known_params, known_tags = _by_run(connection, params, ids), _by_run(connection, tags, ids)
    known_metrics = _by_run(connection, newest_metrics, ids)
    return [
        Run(
            id=row.id,
            experiment=row.experiment,
            name=row.name,
            status=row.status,
            started_at=row.started_at,
            ended_at=row.ended_at,
            params=known_params.get(row.id, {}),
            metrics={key: _number(value) for key, value in known_metrics.get(row.id, {}).items()},
            tags=known_tags.get(row.id, {}),
        )
        for row in rows
    ]


def _by_run(connection: sa.Connection, table: sa.Table, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    query = sa.select(table.c.run, table.c.key, table.c.value).where(table.c.run.in_(ids)).order_by(table.c.key)
    found: dict[str, dict[str, Any]] = {}
    for run, key, value in connection.execute(query) if ids else ():
        found.setdefault(run, {})[key] = value
    return found


def _upsert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]], replaced: list[str]) -> None:
    if rows:
        insert = _INSERT[connection.dialect.name](table)
        changes = {name: insert.excluded[name] for name in replaced}
        connection.execute(insert.on_conflict_do_update(index_elements=["run", "key"], set_=changes), rows)


def _point_row(run: str, point: MetricPoint) -> dict[str, Any]:
    value = float(point.value)
    kept = None if value != value else value
    return {"run": run, "key": point.key, "step": point.step, "at": point.at, "value": kept}


def _point(row: sa.Row[Any]) -> MetricPoint:
    return MetricPoint(key=row.key, value=_number(row.value), step=row.step, at=row.at)


def _number(kept: float | None) -> Any:
    return json_number(float("nan") if kept is None else kept)
