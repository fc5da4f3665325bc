"""Which series hold the curves that are drawn over each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ondol.ports import driver
from ondol.tracking.repo.metrics import sample_points
from ondol.tracking.repo.tables import metric_points, run_metrics, runs

READ_WHOLE = 5_000
"""Up to so many points, reading all of a series is faster than letting the database number them."""


def list_series(connection: sa.Connection, ids: Sequence[str], keys: Sequence[str]) -> list[tuple[str, str, int]]:
    """Run, metric and number of each series there is; what is missing is left out."""
    query = (
        sa.select(runs.c.id, run_metrics.c.key, run_metrics.c.series)
        .join_from(runs, run_metrics, run_metrics.c.run == runs.c.number)
        .where(runs.c.id.in_(ids), run_metrics.c.key.in_(keys))
    )
    return [(run, key, series) for run, key, series in connection.execute(query).all()]


def count_points(connection: sa.Connection, series: Sequence[int]) -> dict[int, int]:
    """How many points each series has."""
    query = (
        sa.select(metric_points.c.series, sa.func.count())
        .where(metric_points.c.series.in_(driver.listed("series")))
        .group_by(metric_points.c.series)
    )
    found = connection.execute(query, {"series": series})
    return {row[0]: row[1] for row in found}


def thin_points(connection: sa.Connection, series: int, *, count: int, most: int) -> list[Any]:
    """Rows `(at, step, value, nan)` by step, at most `most` of the `count` there are, evenly spread."""
    if count > max(READ_WHOLE, most):
        return sample_points(connection, series, most=most, first=None, last=None)
    found = driver.rows(
        connection,
        "SELECT at, step, value, nan FROM metric_points WHERE series = ? ORDER BY step, at, value, nan",
        series,
    )
    if len(found) <= most:
        return list(found)
    return [found[round(rank * (len(found) - 1) / (most - 1))] for rank in range(most)]
