"""Deleted runs, logged models and experiments, and how their rows go for good."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from ondol.ports import driver
from ondol.tracking.repo.tables import (
    DEFAULT_EXPERIMENT,
    cleared_experiments,
    experiments,
    logged_models,
    run_metrics,
    runs,
)
from ondol.tracking.repo.trace_tables import trace_runs, traces


class Deleted(NamedTuple):
    """A deleted thing of an experiment; `source` is the run that logged a model."""

    id: str
    name: str
    experiment: int
    location: str
    source: str


def list_runs(connection: sa.Connection, before_ms: int) -> list[Deleted]:
    """Runs deleted before a moment, and those that a clearing which was interrupted has begun with."""
    old = sa.or_(runs.c.deleted_ms <= before_ms, runs.c.clearing != 0)
    query = (
        sa.select(runs.c.id, runs.c.name, runs.c.experiment, experiments.c.location)
        .join(experiments, experiments.c.id == runs.c.experiment)
        .where(runs.c.deleted_ms.is_not(None), old)
        .order_by(runs.c.deleted_ms, runs.c.number)
    )
    return [Deleted(*row, row.id) for row in connection.execute(query)]


def list_models(connection: sa.Connection, before_ms: int) -> list[Deleted]:
    """Logged models deleted before a moment, by themselves or with their experiment."""
    models = logged_models.c
    old = sa.or_(models.deleted_ms <= before_ms, experiments.c.deleted_ms <= before_ms)
    query = (
        sa.select(models.id, models.name, models.experiment, experiments.c.location, models.source_run)
        .join(experiments, experiments.c.id == models.experiment)
        .where(old)
        .order_by(models.created_ms, models.id)
    )
    return [Deleted(*row) for row in connection.execute(query)]


def list_experiments(connection: sa.Connection, before_ms: int) -> list[Deleted]:
    query = (
        sa.select(experiments.c.id, experiments.c.name, experiments.c.location)
        .where(experiments.c.deleted_ms <= before_ms, experiments.c.id != DEFAULT_EXPERIMENT)
        .order_by(experiments.c.id)
    )
    return [Deleted(str(row.id), row.name, row.id, row.location, "") for row in connection.execute(query)]


def begin_run(connection: sa.Connection, identity: str) -> bool:
    """Mark a deleted run, so that nobody restores it from now on; False when it is not deleted any more."""
    marked = runs.update().where(runs.c.id == identity, runs.c.deleted_ms.is_not(None)).values(clearing=1)
    return connection.execute(marked).rowcount > 0


def series_of(connection: sa.Connection, identity: str) -> list[int]:
    query = sa.select(run_metrics.c.series).join(runs, runs.c.number == run_metrics.c.run).where(runs.c.id == identity)
    return list(connection.execute(query).scalars())


def delete_points(connection: sa.Connection, series: int, most: int) -> int:
    """How many of at most `most` points of a series there were."""
    key = "series, at, step, value, nan"
    some = f"SELECT {key} FROM metric_points WHERE series = ? LIMIT ?"  # noqa: S608
    return driver.run(connection, f"DELETE FROM metric_points WHERE ({key}) IN ({some})", series, most)  # noqa: S608


def delete_run(connection: sa.Connection, identity: str) -> None:
    """Its row, and with it its parameters, tags, newest metrics, inputs and outputs."""
    for series in series_of(connection, identity):
        driver.run(connection, "DELETE FROM metric_points WHERE series = ?", series)
    connection.execute(trace_runs.delete().where(trace_runs.c.run == identity))
    connection.execute(runs.delete().where(runs.c.id == identity))


def delete_model(connection: sa.Connection, identity: str) -> None:
    connection.execute(logged_models.delete().where(logged_models.c.id == identity))


def is_deleted_model(connection: sa.Connection, model: Deleted) -> bool:
    query = (
        sa.select(logged_models.c.id)
        .join(experiments, experiments.c.id == logged_models.c.experiment)
        .where(logged_models.c.id == model.id)
        .where(sa.or_(logged_models.c.deleted_ms.is_not(None), experiments.c.deleted_ms.is_not(None)))
    )
    return connection.execute(query).first() is not None


def trace_ids(connection: sa.Connection, experiment: int, most: int) -> list[str]:
    query = sa.select(traces.c.id).where(traces.c.experiment == experiment).order_by(traces.c.id).limit(most)
    return list(connection.execute(query).scalars())


def is_used(connection: sa.Connection, experiment: int) -> bool:
    """Whether an experiment is in use again, or has runs or logged models that stay."""
    row = connection.execute(sa.select(experiments.c.deleted_ms).where(experiments.c.id == experiment)).first()
    if row is None or row.deleted_ms is None:
        return True
    kept = sa.union_all(
        sa.select(sa.literal(1)).where(runs.c.experiment == experiment),
        sa.select(sa.literal(1)).where(logged_models.c.experiment == experiment),
    )
    return connection.execute(kept.limit(1)).first() is not None


def delete_experiment(connection: sa.Connection, identity: int, name: str, at_ms: int) -> None:
    """Its id is written down, so that no other one gets it."""
    connection.execute(cleared_experiments.insert().values(id=identity, name=name, cleared_ms=at_ms))
    connection.execute(experiments.delete().where(experiments.c.id == identity))
