"""Landing rows: contract, bronze, silver and SQL, against delta-rs alone; and whether it stays as fast."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import polars as pl
from deltalake import write_deltalake

from benchmarks import peers, world
from benchmarks.homes import opened
from benchmarks.measure import Benchmark, Pair, Setting, Skipped, Took
from ondol.adapters.delta import DeltaTables
from ondol.home import House
from ondol.lake.types import AppendBatch, DeclareDataset
from ondol.lake.types.files import AddFiles

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
    rows, calls, old = setting.count(1000), 10, setting.count(commits, least=10)
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


@contextmanager
def _commit(setting: Setting) -> Iterator[Pair]:
    rows, calls, old = setting.count(1000), 10, setting.count(1000, least=10)
    frame = _day(0, rows).with_columns(day=pl.lit(1))
    tables, raw = DeltaTables(str(setting.folder / "ours")), setting.folder / "raw"
    for number in range(old):
        tables.append("trips", frame, key=str(number), partition_by=["day"])
        write_deltalake(raw, frame, mode="append", partition_by=["day"])

    def ours(number: int) -> None:
        for extra in range(calls):
            tables.append("trips", frame, key=f"{number} {extra}", partition_by=["day"])

    def against(_: int) -> None:
        for _ in range(calls):
            write_deltalake(raw, frame, mode="append", partition_by=["day"])

    yield Pair(ours=ours, against=against, calls=calls)


@contextmanager
def _files(setting: Setting) -> Iterator[Pair]:
    try:
        python = peers.environment("dvc")
    except peers.Unavailable as error:
        raise Skipped(str(error)) from error
    trees = [setting.folder / "peer" / "data", setting.folder / "data"]
    for tree in trees:
        for number in range(setting.count(10_000)):
            file = tree / str(number // 1000) / f"{number}.bin"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"%d " % number * 200)
            # As if they had been written a while ago: what was written just now must be read again.
            os.utime(file, (1_700_000_000, 1_700_000_000))
    script = peers.PEERS / "dvc" / "re_add.py"
    peer = subprocess.Popen(
        [python, script, trees[0].parent, "data"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if peer.stdin is None or peer.stdout is None or peer.stdout.readline() != "ready\n":
        raise RuntimeError("the peer did not start")
    asked, answers = peer.stdin, peer.stdout

    def prepare(number: int) -> None:
        for tree in trees:
            (tree / "0" / "7.bin").write_bytes(b"changed %d" % number)

    def against(_: int) -> Took:
        print(file=asked, flush=True)
        wall, cpu = map(float, answers.readline().split())
        return Took(wall, cpu)

    with opened(setting.folder / "house") as house:
        request = AddFiles(dataset="files", folder=str(trees[1]))
        house.call("files.add", request)

        def ours(number: int) -> None:
            added = house.call("files.add", request)
            if added.changed != 1:
                raise RuntimeError(f"{added.changed} files changed in round {number}")

        yield Pair(ours=ours, against=against, prepare=prepare)
    peer.communicate()


BENCHMARKS = [
    Benchmark(
        name="lake/append",
        what="datasets.append of 1,000 JSON rows: contract, bronze, silver, SQL",
        against="two raw write_deltalake of the typed frame",
        open=_append,
    ),
    Benchmark(
        name="lake/flat",
        what="datasets.append of 1,000 rows after 1,000 commits",
        against="the same among the first 11 commits",
        open=partial(_flat, commits=1000),
        at_most=1.2,
    ),
    Benchmark(
        name="lake/commit",
        what="Tables.append of 1,000 rows after 1,000 commits",
        against="raw write_deltalake after 1,000 commits",
        open=_commit,
        at_most=0.5,
    ),
    Benchmark(
        name="lake/files",
        what="files.add of 10,000 files after one has changed",
        against="DVC 3.67: Repo.add of the same folder, in process",
        open=_files,
        at_most=0.05,
    ),
]
