"""How much a run holds."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from ondol.tracking.repo.tables import metric_points, params, run_metrics, tags


class Counts(NamedTuple):
    params: int
    tags: int
    metrics: int
    points: int


def count_run(connection: sa.Connection, number: int) -> Counts:
    """Of the run with this number: its parameters, tags, metrics, and all points of them."""

    def count(table: sa.Table) -> int:
        query = sa.select(sa.func.count()).select_from(table).where(table.c.run == number)
        return int(connection.execute(query).scalar_one())

    series = sa.select(run_metrics.c.series).where(run_metrics.c.run == number)
    points = sa.select(sa.func.count()).select_from(metric_points).where(metric_points.c.series.in_(series))
    return Counts(count(params), count(tags), count(run_metrics), int(connection.execute(points).scalar_one()))
