"""Landing rows: contract, bronze, silver and SQL, against delta-rs alone; and whether it stays as fast."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import polars as pl
from deltalake import write_deltalake

from benchmarks import world
from benchmarks.homes import opened
from benchmarks.measure import Benchmark, Pair, Setting
from ondol.home import House
from ondol.lake.types import AppendBatch, DeclareDataset

_FIRST_DAY = datetime(2013, 1, 1, tzinfo=UTC)
_PARTS = ["year", "month", "day"]


def _day(number: int, rows: int) -> pl.DataFrame:
    """The trips of one day."""
    until = _FIRST_DAY + timedelta(days=number + 1)
    return world.trips(rows, 1, 25_000, until, first=number * rows)


def _json_rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = msgspec.to_builtins(frame.to_dicts())
    return rows


def _declare(house: House, name: str) -> None:
    spec = msgspec.structs.replace(world.TRIPS, name=name, source=None, partition="day")
    house.call("datasets.declare", DeclareDataset(spec=spec))


@contextmanager
def _append(setting: Setting) -> Iterator[Pair]:
    rows, calls = setting.count(1000), 5
    frames: list[pl.DataFrame] = []
    json_rows: list[list[dict[str, Any]]] = []

    def prepare(number: int) -> None:
        days = [_day(number * calls + extra, rows) for extra in range(calls)]
        parts = [getattr(pl.col("begun_at").dt, part)().cast(pl.Int32).alias(part) for part in _PARTS]
        frames[:], json_rows[:] = [day.with_columns(parts) for day in days], [_json_rows(day) for day in days]

    def against(_: int) -> None:
        folder = setting.folder / "raw"
        for frame in frames:
            write_deltalake(folder / "bronze", frame, mode="append")
            write_deltalake(folder / "silver", frame, mode="append", partition_by=_PARTS)

    with opened(setting.folder) as house:
        _declare(house, "trips")

        def ours(_: int) -> None:
            for rows_of_day in json_rows:
                key = str(rows_of_day[0]["trip"])
                house.call("datasets.append", AppendBatch(dataset="trips", key=key, rows=rows_of_day))

        yield Pair(ours=ours, against=against, prepare=prepare, calls=calls)


@contextmanager
def _flat(setting: Setting, commits: int) -> Iterator[Pair]:
    # Ten of each, so that both sides write one checkpoint.
    rows, calls, old = setting.count(200), 10, setting.count(commits, least=10)
    batches: dict[int, list[list[dict[str, Any]]]] = {}

    def append(house: House, dataset: str, number: int, batch: list[dict[str, Any]]) -> None:
        house.call("datasets.append", AppendBatch(dataset=dataset, key=f"batch {number}", rows=batch))

    with opened(setting.folder) as house:
        _declare(house, "old")
        for number in range(old):
            append(house, "old", number, _json_rows(_day(number, rows)))

        def prepare(number: int) -> None:
            first = old + number * calls
            batches[number] = [_json_rows(_day(first + extra, rows)) for extra in range(calls)]
            _declare(house, f"young{number}")
            append(house, f"young{number}", -1, _json_rows(_day(old + 10_000, rows)))

        def land(number: int, *, young: bool) -> None:
            name = f"young{number}" if young else "old"
            for extra, batch in enumerate(batches[number]):
                append(house, name, old + number * calls + extra, batch)

        yield Pair(ours=partial(land, young=False), against=partial(land, young=True), prepare=prepare, calls=calls)


BENCHMARKS = [
    Benchmark(
        name="lake/append",
        what="datasets.append of 1,000 JSON rows: contract, bronze, silver, SQL",
        against="two raw write_deltalake of the typed frame",
        open=_append,
    ),
    Benchmark(
        name="lake/flat",
        what="datasets.append of 200 rows after 200 commits",
        against="the same among the first 11 commits",
        open=partial(_flat, commits=200),
        at_most=1.2,
    ),
]
