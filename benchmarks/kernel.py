"""Metadata: an operation of the house, with its transaction, against what SQLite itself needs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.homes import opened, raw_sqlite
from benchmarks.measure import Benchmark, Pair, Setting
from ondol.tracking.service import create_run, get_run, log_run
from ondol.tracking.types import CreateRun, GetRun, LogRun, MetricPoint

_TABLE = "CREATE TABLE points (id INTEGER PRIMARY KEY, run TEXT, key TEXT, step INTEGER, at TEXT, value REAL)"
_INSERT = "INSERT INTO points (run, key, step, at, value) VALUES (?, ?, ?, ?, ?)"
_READ_RUN = "SELECT number, id, experiment, name, status, started_ms, ended_ms FROM runs WHERE id = ?"
_READS = (
    "SELECT key, value FROM run_params WHERE run = ?",
    "SELECT key, value FROM run_metrics WHERE run = ?",
    "SELECT key, value FROM run_tags WHERE run = ?",
)


@contextmanager
def _log(setting: Setting) -> Iterator[Pair]:
    calls, steps = setting.count(200), itertools.count()
    with opened(setting.folder) as house, raw_sqlite(setting.folder / "raw.db") as raw:
        run = house.call(create_run, CreateRun(experiment="speed")).id
        raw.execute(
            "CREATE TABLE points (id INTEGER PRIMARY KEY, run TEXT, key TEXT, step INTEGER, at TEXT, value REAL)"
        )
        raw.execute("CREATE INDEX ix_points ON points (run, key, step)")

        def ours(_: int) -> None:
            for _ in range(calls):
                house.call(log_run, LogRun(run=run, metrics=[MetricPoint(key="loss", value=0.5, step=next(steps))]))

        def against(_: int) -> None:
            for _ in range(calls):
                raw.execute("BEGIN IMMEDIATE")
                raw.execute(_INSERT, (run, "loss", next(steps), "2013-04-01T00:00:00+00:00", 0.5))
                raw.execute("COMMIT")

        yield Pair(ours=ours, against=against, calls=calls)


@contextmanager
def _get(setting: Setting) -> Iterator[Pair]:
    calls = setting.count(400)
    with opened(setting.folder) as house, raw_sqlite(setting.folder / "home" / "ondol.db") as raw:
        run = house.call(create_run, CreateRun(experiment="speed", tags={"team": "late"})).id
        points = [MetricPoint(key=f"metric{number}", value=0.5, step=1) for number in range(10)]
        house.call(log_run, LogRun(run=run, params={f"param{number}": number for number in range(10)}, metrics=points))

        def ours(_: int) -> None:
            for _ in range(calls):
                house.call(get_run, GetRun(run=run))

        def against(_: int) -> None:
            for _ in range(calls):
                raw.execute("BEGIN")
                number = raw.execute(_READ_RUN, (run,)).fetchone()[0]
                for query in _READS:
                    raw.execute(query, (number,)).fetchall()
                raw.execute("COMMIT")

        yield Pair(ours=ours, against=against, calls=calls)


BENCHMARKS = [
    Benchmark(
        name="kernel/db/log",
        what="runs.log of one metric",
        against="raw sqlite3 INSERT and COMMIT",
        open=_log,
    ),
    Benchmark(
        name="kernel/db/get",
        what="runs.get, 10 parameters and 10 metrics",
        against="the same four raw SELECTs",
        open=_get,
    ),
]
