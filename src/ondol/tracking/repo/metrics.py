"""Points of metrics, and the newest of each series.

A row here is `(key, at, step, value)`: text, milliseconds, whole number, number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from ondol.ports import driver
from ondol.tracking.repo.tables import metric_points, run_metrics, runs
from ondol.tracking.rules import Row, json_number, limits, newest
from ondol.tracking.types import HistoryPoint

MANY_KEYS = 50


def put_points(connection: sa.Connection, run: int, points: Sequence[Row]) -> None:
    """Keep points of a run; those that are there already change nothing."""
    if not points:
        return
    changed = newest(points)
    known = _read_series(connection, run, changed)
    fresh = [key for key in changed if key not in known]
    series = {key: found[0] for key, found in known.items()}
    if fresh:
        first: int = driver.rows(connection, "SELECT coalesce(max(series), 0) + 1 FROM run_metrics")[0][0]
        series |= {key: first + place for place, key in enumerate(fresh)}
        driver.run_many(
            connection,
            "INSERT INTO run_metrics (series, run, key, at, step, value) VALUES (?, ?, ?, ?, ?, ?)",
            [(series[key], run, *_kept(changed[key])) for key in fresh],
        )
    driver.run_many(
        connection,
        "UPDATE run_metrics SET at = ?, step = ?, value = ? WHERE run = ? AND key = ?",
        [
            (*_kept(changed[key])[1:], run, key)
            for key, found in known.items()
            if newest([_restored(key, found), changed[key]])[key] is changed[key]
        ],
    )
    driver.run_many(
        connection,
        "INSERT INTO metric_points (series, at, step, value, nan) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [
            (series[key], at, step, value, 0) if value == value else (series[key], at, step, 0.0, 1)
            for key, at, step, value in points
        ],
    )


def _read_series(connection: sa.Connection, run: int, keys: dict[str, Row]) -> dict[str, tuple[Any, ...]]:
    """Series, moment, step and value of those of the keys that the run has."""
    text = "SELECT key, series, at, step, value FROM run_metrics WHERE run = ?"
    if len(keys) == 1:
        found = driver.rows(connection, text + " AND key = ?", run, *keys)
    elif len(keys) <= MANY_KEYS:
        found = driver.rows(connection, f"{text} AND key IN ({', '.join('?' * len(keys))})", run, *keys)
    else:
        found = driver.rows(connection, text, run)
    return {key: (series, at, step, value) for key, series, at, step, value in found if key in keys}


def _kept(point: Row) -> tuple[str, int, int, float | None]:
    key, at, step, value = point
    return key, at, step, value if value == value else None


def _restored(key: str, found: tuple[Any, ...]) -> Row:
    _, at, step, value = found
    return key, at, step, float("nan") if value is None else value


_POINTS = (
    sa.select(metric_points.c.at, metric_points.c.step, metric_points.c.value, metric_points.c.nan)
    .select_from(metric_points)
    .where(metric_points.c.series == sa.bindparam("series"))
)
_BY_STEP = (metric_points.c.step, metric_points.c.at, metric_points.c.value, metric_points.c.nan)


def find_series(connection: sa.Connection, run: str, key: str) -> int | None:
    """The number of a run's series; None when the run or the metric is not there."""
    found = driver.rows(
        connection,
        "SELECT series FROM run_metrics JOIN runs ON number = run WHERE runs.id = ? AND key = ?",
        run,
        key,
    )
    return found[0][0] if found else None


_AFTER = " AND (at, step, value, nan) > (?, ?, ?, ?)"


def read_points(
    connection: sa.Connection,
    series: int,
    key: str,
    *,
    limit: int | None = None,
    after: tuple[int, int, float, int] | None = None,
) -> list[HistoryPoint]:
    """Points by moment, step and value, after the one given as `(at, step, value, is NaN)`."""
    text = f"SELECT at, step, value, nan FROM metric_points WHERE series = ?{_AFTER if after else ''}"  # noqa: S608
    most = limits.WHOLE if limit is None else limit
    found = driver.stream(connection, text + " ORDER BY at, step, value, nan LIMIT ?", series, *(after or ()), most)
    return [
        HistoryPoint(key=key, value=value, timestamp=at, step=step)
        if -1e308 < value < 1e308 and not nan
        else HistoryPoint(key=key, value=json_number(math.nan if nan else value), timestamp=at, step=step)
        for at, step, value, nan in found
    ]


def read_last_points(connection: sa.Connection, series: int, limit: int) -> list[Any]:
    """The `limit` points of the last steps, the first step first."""
    query = _POINTS.order_by(*(column.desc() for column in _BY_STEP)).limit(limit)
    return list(reversed(connection.execute(query, {"series": series}).all()))


def sample_points(
    connection: sa.Connection, series: int, *, most: int, first: int | None, last: int | None
) -> list[Any]:
    """At most `most` points by step, evenly spread over the series, its first and last among them."""
    steps = [metric_points.c.step >= first, metric_points.c.step <= last] if first is not None else []
    total = connection.execute(
        sa.select(sa.func.count()).select_from(metric_points).where(metric_points.c.series == series, *steps)
    ).scalar_one()
    query = _POINTS.where(*steps).order_by(*_BY_STEP)
    if total <= most:
        return list(connection.execute(query, {"series": series}).all())
    wanted = {round(rank * (total - 1) / (most - 1)) for rank in range(most)} if most > 1 else {total - 1}
    place = (sa.func.row_number().over(order_by=_BY_STEP) - 1).label("place")
    numbered = query.order_by(None).add_columns(place).subquery()
    chosen = (
        sa.select(numbered.c.at, numbered.c.step, numbered.c.value, numbered.c.nan)
        .where(numbered.c.place.in_(driver.listed("places")))
        .order_by(numbered.c.place)
    )
    return list(connection.execute(chosen, {"series": series, "places": sorted(wanted)}).all())


def read_bulk(
    connection: sa.Connection, ids: Sequence[str], key: str, limit: int
) -> Iterator[tuple[str, HistoryPoint]]:
    """Run id and point, by run id, moment, step and value."""
    query = (
        sa.select(runs.c.id, run_metrics.c.series)
        .join_from(run_metrics, runs, run_metrics.c.run == runs.c.number)
        .where(runs.c.id.in_(ids), run_metrics.c.key == key)
        .order_by(runs.c.id)
    )
    left = limit
    for identity, series in connection.execute(query).all():
        found = read_points(connection, series, key, limit=left)
        left -= len(found)
        yield from ((identity, point) for point in found)
        if left <= 0:
            return
