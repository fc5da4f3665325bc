"""Point in time and online: the same values as short scripts make, with all that the house does besides."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from benchmarks import world
from benchmarks.homes import opened, raw_sqlite
from benchmarks.measure import Benchmark, Pair, Setting
from ondol.features import service as features
from ondol.features.types import BuildTrainingSet

_END = datetime(2013, 4, 1, tzinfo=UTC)
_DAYS = 90
_WIDTHS = {"place": 8, "line": 2, "route": 2, "unit": 3}
"""How many of the 15 features each entity has."""


@contextmanager
def _training(setting: Setting) -> Iterator[Pair]:
    unit_rows = setting.count(25_000, least=100)
    trips = world.trips(setting.count(100_000, least=500), _DAYS, unit_rows, _END)
    units = world.units(unit_rows, _END - timedelta(days=_DAYS))
    with opened(setting.folder) as house:
        service = world.three_views(house, setting.folder, trips, units)

        def build(until: datetime) -> Any:
            return house.call("training_sets.build", BuildTrainingSet(service=service, until=until))

        by_house = features.training_frame(house.tools(), build(_END))
        by_script = by_hand(trips, units, _END)
        assert_frame_equal(by_house.select(by_script.columns), by_script, check_dtypes=False, check_exact=False)
        yield Pair(
            # The same request would be answered from the shelf.
            ours=lambda number: build(_END + timedelta(seconds=1 + number)),
            against=lambda number: by_hand(trips, units, _END + timedelta(seconds=1 + number)),
        )


def by_hand(trips: pl.DataFrame, units: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """The training set as a script on frames in memory would make it: no table is read or written."""
    late = (pl.col("delay") > 15).cast(pl.Float64).alias("label")
    spine = trips.rename({"begun_at": "at"}).filter(pl.col("at") < until, pl.col("known_at") <= until)
    spine = spine.with_columns(late).sort("at", "trip")
    for key in ("line", "route"):
        spine = spine.join_asof(_last_week(trips, key), on="at", by=key, check_sortedness=False)
    newest = units.rename({"since": "at"}).sort("at")
    spine = spine.join_asof(newest, on="at", by="unit", check_sortedness=False)
    return spine.select("trip", "line_late", "route_late", "age", "seats", "weight", "distance", "label").rename(
        {"distance": "far"}
    )


def _last_week(trips: pl.DataFrame, key: str) -> pl.DataFrame:
    """For every midnight and key the share of late trips among those known in the seven days before."""
    midnight = (pl.col("known_at").dt.truncate("1d") + pl.duration(days=1)).alias("at")
    daily = trips.group_by(key, midnight).agg(trips=pl.len(), late=(pl.col("delay") > 15).sum())
    midnights = daily.select(pl.datetime_range(pl.col("at").min(), pl.col("at").max(), "1d").alias("at"))
    grid = daily.select(key).unique().join(midnights, how="cross").join(daily, on=[key, "at"], how="left")
    week = pl.col("trips", "late").fill_null(0).rolling_sum(7, min_samples=1).over(key, order_by="at")
    share = pl.when(pl.col("trips") > 0).then(pl.col("late") / pl.col("trips")).alias(f"{key}_late")
    return grid.sort(key, "at").with_columns(week).select(key, "at", share).sort("at")


@contextmanager
def _online(setting: Setting, rows: int) -> Iterator[Pair]:
    calls, unit_rows = setting.count(400 if rows == 1 else 100), setting.count(25_000, least=100)
    given = world.questions(rows, unit_rows)
    with opened(setting.folder) as house, raw_sqlite(setting.folder / "raw.db") as raw:
        name = world.four_views(house, setting.folder, setting.count(20_000, least=500), unit_rows)
        tools, now = house.tools(), house.tools().now()
        service = features.service_of(tools, name)
        _fill(raw, unit_rows)

        def ours(_: int) -> None:
            for _ in range(calls):
                features.values_of(tools, service, given, now)

        def against(_: int) -> None:
            for _ in range(calls):
                _read(raw, given)

        read = features.values_of(tools, service, given, now)
        if [len(values) for values in read.values()] != [rows] * 15 or len(_read(raw, given)[0]) != 15:
            raise RuntimeError("15 features were to be read")
        yield Pair(ours=ours, against=against, calls=calls)


_PACKED = {width: struct.Struct(f"<{width}d") for width in _WIDTHS.values()}
_GET = "SELECT packed FROM packed WHERE view = ? AND key = ?"


def _fill(raw: sqlite3.Connection, unit_rows: int) -> None:
    """As many keys as the house has, each with its values packed into one blob."""
    raw.execute("CREATE TABLE packed (view TEXT, key TEXT, packed BLOB, PRIMARY KEY (view, key)) WITHOUT ROWID")
    sizes = {"place": world.PLACES, "line": world.LINES, "route": world.ROUTES, "unit": unit_rows}
    raw.execute("BEGIN")
    for view, size in sizes.items():
        values = _PACKED[_WIDTHS[view]].pack(*[0.5] * _WIDTHS[view])
        rows = [(view, f"{view[0]}{number}", values) for number in range(size)]
        raw.executemany("INSERT INTO packed VALUES (?, ?, ?)", rows)
    raw.execute("COMMIT")


def _read(raw: sqlite3.Connection, given: dict[str, list[str]]) -> list[list[float]]:
    found: list[list[float]] = [[] for _ in given["place"]]
    raw.execute("BEGIN")
    for view, keys in given.items():
        unpack = _PACKED[_WIDTHS[view]].unpack
        for row, key in zip(found, keys, strict=True):
            row.extend(unpack(raw.execute(_GET, (view, key)).fetchone()[0]))
    raw.execute("COMMIT")
    return found


BENCHMARKS = [
    Benchmark(
        name="features/training",
        what="training_sets.build: 100k rows from Delta, 3 views, stored as a table",
        against="a Polars script of the same joins on frames in memory, equal values",
        open=_training,
    ),
    *(
        Benchmark(
            name=f"features/online/{rows}",
            what=f"what a request reads: 15 features of 4 views, {rows} row{'s' * (rows > 1)}",
            against="raw sqlite3 reads of packed rows",
            open=partial(_online, rows=rows),
            at_most=2.0,
        )
        for rows in (1, 100)
    ),
]
