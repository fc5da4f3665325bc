"""Which series hold the curves that are drawn over each other."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ondol.tracking.repo.tables import run_metrics, runs


def list_series(connection: sa.Connection, ids: Sequence[str], keys: Sequence[str]) -> list[tuple[str, str, int]]:
    """Run, metric and number of each series there is; what is missing is left out."""
    query = (
        sa.select(runs.c.id, run_metrics.c.key, run_metrics.c.series)
        .join_from(runs, run_metrics, run_metrics.c.run == runs.c.number)
        .where(runs.c.id.in_(ids), run_metrics.c.key.in_(keys))
    )
    return [(run, key, series) for run, key, series in connection.execute(query).all()]
