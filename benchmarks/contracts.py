"""Holding a batch against its contract: one pass of ours, one of DuckDB over the same rows, and Great Expectations."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import polars as pl

import ondol as od
from benchmarks import peers
from benchmarks.measure import Benchmark, Pair, Setting, Skipped, Took
from ondol.lake.rules import contract
from ondol.lake.types import DatasetSpec

_NOW = datetime(2013, 1, 3, tzinfo=UTC)
_CARRIERS = ["UA", "DL", "AA", "B6", "EV", "MQ", "WN", "US"]
_SPEC = DatasetSpec(
    name="flights",
    columns={
        "flight": "integer",
        "carrier": "string",
        "tail": "string",
        "distance": "integer",
        "delay": "double",
        "departs_at": "timestamp",
    },
    key=["flight"],
    contract=[
        # With the key: unique and not null are the first two of eight.
        od.not_null("departs_at"),
        od.between("distance", 1, 6000),
        od.between("delay", -200, 2000),
        od.one_of("carrier", _CARRIERS),
        od.matches("tail", "N[0-9]{5}"),
        od.row_count(1),
    ],
)
_DUCK = f"""
select count(*), count(*) - count(flight), count(*) - count(distinct flight), count(*) - count(departs_at),
  count(*) filter (distance < 1 or distance > 6000), count(*) filter (delay < -200 or delay > 2000),
  count(*) filter (carrier not in ({", ".join(f"'{name}'" for name in _CARRIERS)})),
  count(*) filter (not regexp_full_match(tail, 'N[0-9]{{5}}'))
from flights
"""  # noqa: S608


def _flights(rows: int) -> pl.DataFrame:
    numbers = pl.int_range(rows, eager=True)
    mixed = (numbers * 7919 + 13) % 1_000_003
    return pl.DataFrame(
        {
            "flight": numbers.shuffle(seed=1),
            "carrier": pl.Series(_CARRIERS).gather(mixed % len(_CARRIERS)),
            "tail": "N" + (mixed % 90_000 + 10_000).cast(pl.String),
            "distance": mixed % 5000 + 80,
            "delay": (mixed % 4000).cast(pl.Float64) / 10 - 30,
            "departs_at": pl.Series([_NOW]).gather(numbers * 0) - mixed * timedelta(milliseconds=40),
        }
    )


def _ours(frame: pl.DataFrame) -> None:
    assert contract.check_silver(_SPEC, frame, _NOW) == []


@contextmanager
def _against_duckdb(setting: Setting) -> Iterator[Pair]:
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise Skipped("pip install duckdb") from error
    frame = _flights(setting.count(1_000_000))
    connection = duckdb.connect()
    # A table of its own: it has nothing to convert.
    file = setting.folder / "flights.parquet"
    frame.write_parquet(file)
    connection.from_parquet(str(file)).create("flights")

    def against(_: int) -> None:
        counted = connection.execute(_DUCK).fetchall()[0]
        assert counted == (frame.height, *[0] * 7), counted

    yield Pair(ours=lambda _: _ours(frame), against=against)
    connection.close()


@contextmanager
def _against_great_expectations(setting: Setting) -> Iterator[Pair]:
    """Its validation alone; it has been imported, and has made its context and its suite, before."""
    try:
        python = peers.environment("great-expectations")
    except peers.Unavailable as reason:
        raise Skipped(str(reason)) from reason
    frame = _flights(setting.count(1_000_000))
    file = setting.folder / "flights.parquet"
    frame.write_parquet(file)
    program = str(peers.PEERS / "great-expectations" / "validate.py")
    command = [str(python), program, str(file), *_CARRIERS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told, heard = process.stdin, process.stdout

        def against(_: int) -> Took:
            told.write("again\n")
            told.flush()
            answer: dict[str, Any] = msgspec.json.decode(heard.readline())
            return Took(answer["wall"], answer["cpu"])

        yield Pair(ours=lambda _: _ours(frame), against=against)
        told.close()


BENCHMARKS = [
    Benchmark(
        name="contracts/duckdb",
        what="1M rows against 8 rules: types known, counts of broken rows",
        against="one DuckDB query with the same 8 counts over its own table",
        open=_against_duckdb,
        at_most=1.2,
    ),
    Benchmark(
        name="contracts/great-expectations",
        what="1M rows against 8 rules: types known, counts of broken rows",
        against="Great Expectations 1.24.1 on a pandas frame, without its import",
        open=_against_great_expectations,
        at_most=0.3,
    ),
]
