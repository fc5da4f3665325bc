"""Training sets from long tables of history: three views of a million rows each, corrected here and there.

The limit is a Polars script on files that are sorted already; the peer is Feast with its DuckDB store.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from benchmarks.homes import opened
from benchmarks.measure import Benchmark, Pair, Setting, Skipped, Took
from benchmarks.peers import PEERS, Unavailable, environment
from ondol.features import service as features
from ondol.features.types import BuildTrainingSet, DeclareService, DeclareView, Feature, ServiceSpec, ViewSpec
from ondol.home import House
from ondol.lake.types import DatasetSpec, DeclareDataset, FileSource, RefreshDataset

_END = datetime(2013, 4, 1, tzinfo=UTC)
_DAYS, _TTL, _CORRECTED = 90, "7d", 0.02
_VIEWS = ("clicks", "orders", "visits")
_INSTANT = pl.Datetime("us", "UTC")


def history(rows: int, entities: int, seed: int) -> pl.DataFrame:
    """`entity`, `at`, `known`, `a`, `b` in the order in which they became known; some rows correct an earlier one."""
    again = round(rows * _CORRECTED)
    span = _DAYS * 86_400_000_000
    number = pl.int_range(rows - again, dtype=pl.Int64)
    found = pl.select(
        _chance(number, 2 * seed, entities).alias("entity"), _chance(number, 2 * seed + 1, span).alias("at")
    )
    first = found.unique(maintain_order=True)
    late = first.sample(again, seed=seed).with_columns(known=pl.col("at") + 3 * 3_600_000_000)
    whole = pl.concat([first.with_columns(known=pl.col("at")), late])
    begin = pl.lit(_END - timedelta(days=_DAYS)).cast(_INSTANT)
    values = [(_chance(pl.int_range(pl.len()), 91 + each, 10**9) / 1e9).alias(name) for each, name in enumerate("ab")]
    moments = [(begin + pl.duration(microseconds=pl.col(name))).alias(name) for name in ("at", "known")]
    return whole.with_columns(*moments, *values).sort("known", "entity", "at")


def _chance(number: pl.Expr, seed: int, below: int) -> pl.Expr:
    """The same numbers below a bound in every run."""
    return (number.hash(seed) % below).cast(pl.Int64)


def questions(rows: int, entities: int) -> pl.DataFrame:
    chance = random.Random(9)
    begin = _END - timedelta(days=_DAYS)
    asked = [begin + timedelta(seconds=chance.randrange(_DAYS * 86_400)) for _ in range(rows)]
    columns: dict[str, Any] = {"ask": range(rows), "entity": [chance.randrange(entities) for _ in range(rows)]}
    columns |= {"asked_at": asked, "bought": [float(chance.random() < 0.3) for _ in range(rows)]}
    return pl.DataFrame(columns, schema_overrides={"asked_at": _INSTANT, "ask": pl.Int64}).sort("asked_at", "ask")


def _names(view: str) -> list[str]:
    return [f"{view}_a", f"{view}_b"]


def _declared(house: House, folder: Path) -> str:
    """Everything landed from the files of the folder, and a service over the three views."""
    columns: dict[str, Any] = {
        "entity": "integer",
        "at": "timestamp",
        "known": "timestamp",
        "a": "double",
        "b": "double",
    }
    for view in _VIEWS:
        spec = DatasetSpec(
            name=view, columns=columns, key=["entity", "at"], time="at", known_at="known", mode="upsert",
            source=FileSource(format="parquet", path=f"{view}.parquet"),
        )  # fmt: skip
        _land(house, folder, spec)
        named = [Feature(name=name, expression=name[-1]) for name in _names(view)]
        of_view = ViewSpec(name=view, entity=["entity"], dataset=view, features=named, ttl=_TTL)
        house.call("views.declare", DeclareView(spec=of_view))
    asked = DatasetSpec(
        name="asked", columns={"ask": "integer", "entity": "integer", "asked_at": "timestamp", "bought": "double"},
        key=["ask"], time="asked_at", source=FileSource(format="parquet", path="asked.parquet"),
    )  # fmt: skip
    _land(house, folder, asked)
    service = ServiceSpec(
        name="inputs", dataset="asked", key="ask", time="asked_at", label="bought", views=list(_VIEWS)
    )
    house.call("services.declare", DeclareService(spec=service))
    return service.name


def _land(house: House, folder: Path, spec: DatasetSpec) -> None:
    house.call("datasets.declare", DeclareDataset(spec=spec, root=str(folder)))
    house.call("datasets.refresh", RefreshDataset(dataset=spec.name))


def by_script(folder: Path, until: datetime) -> pl.DataFrame:
    """What is least to be done when the files are sorted: read them, and three as-of joins."""
    asked = pl.scan_parquet(folder / "asked.parquet").filter(pl.col("asked_at") < until).set_sorted("asked_at")
    for view in _VIEWS:
        rows = pl.scan_parquet(folder / f"{view}.parquet").select(
            "entity", pl.col("known").set_sorted(), *(pl.col(name[-1]).alias(name) for name in _names(view))
        )
        asked = asked.join_asof(
            rows,
            left_on="asked_at",
            right_on="known",
            by="entity",
            tolerance=_TTL,
            coalesce=True,
            check_sortedness=False,
        ).drop("known", strict=False)
    return asked.collect()


@contextmanager
def _opened(setting: Setting, entities: int) -> Iterator[tuple[House, str, Path]]:
    entities = setting.count(entities, least=20)
    folder = setting.folder / "files"
    folder.mkdir()
    for seed, view in enumerate(_VIEWS):
        history(setting.count(1_000_000, least=2_000), entities, seed).write_parquet(folder / f"{view}.parquet")
    questions(setting.count(100_000, least=500), entities).write_parquet(folder / "asked.parquet")
    with opened(setting.folder) as house:
        yield house, _declared(house, folder), folder


@contextmanager
def _limit(setting: Setting, entities: int) -> Iterator[Pair]:
    with _opened(setting, entities) as (house, service, folder):
        _check(house, service, folder)
        yield Pair(
            ours=lambda number: _build(house, service, number),
            against=lambda number: by_script(folder, _END + timedelta(seconds=1 + number)),
        )


def _build(house: House, service: str, number: int) -> pl.DataFrame:
    # The same request would be answered from the shelf.
    request = BuildTrainingSet(service=service, until=_END + timedelta(seconds=1 + number))
    return features.training_frame(house.tools(), house.call("training_sets.build", request))


def _check(house: House, service: str, folder: Path) -> None:
    """The same values, but where a correction of an earlier row hides a later one from the script."""
    mine, script = _build(house, service, 99).sort("ask"), by_script(folder, _END + timedelta(days=1)).sort("ask")
    names = [name for view in _VIEWS for name in _names(view)]
    equal = sum((mine[name].eq_missing(script[name])).mean() or 0.0 for name in names) / len(names)
    if mine.height != script.height or not 0.95 < equal <= 1:
        raise RuntimeError(f"{equal:.1%} of the values are those of the script")
    assert_frame_equal(mine.select("ask", "entity"), script.select("ask", "entity"))


@contextmanager
def _windows(setting: Setting, entities: int) -> Iterator[Pair]:
    """Sums over the week before, which moves in hours."""
    try:
        import duckdb
    except ImportError as reason:
        raise Skipped(f"DuckDB: {reason}") from reason
    with _opened(setting, entities) as (house, _, folder), duckdb.connect() as connection:
        service = _summed(house)
        connection.execute(_EVENTS, [str(folder / f"{_VIEWS[0]}.parquet")])
        connection.execute("create table asked as from read_parquet(?)", [str(folder / "asked.parquet")])
        mine = _build(house, service, 99).sort("ask").select("ask", "a_7d")
        theirs = pl.DataFrame(connection.sql(_RANGE_JOIN).fetchall(), schema=mine.schema, orient="row")
        assert_frame_equal(mine, theirs, check_exact=False)
        yield Pair(
            ours=lambda number: _build(house, service, number),
            against=lambda _: connection.sql(_RANGE_JOIN).fetchall(),
        )


_EVENTS = """
    create table events as select *, lead(known) over (partition by entity, "at" order by known) as until
    from read_parquet(?)
"""
_RANGE_JOIN = """
    select ask, sum(a) as a_7d from asked left join events on events.entity = asked.entity
    and known >= date_trunc('hour', asked_at) - interval 7 day and known < date_trunc('hour', asked_at)
    and (until is null or until >= date_trunc('hour', asked_at))
    group by ask order by ask
"""


def _summed(house: House) -> str:
    week = Feature(name="a_7d", expression="a", aggregate="sum", window="7d", tile="1h")
    view = ViewSpec(name="week", entity=["entity"], dataset=_VIEWS[0], features=[week])
    house.call("views.declare", DeclareView(spec=view))
    service = ServiceSpec(name="summed", dataset="asked", key="ask", time="asked_at", label="bought", views=[view.name])
    house.call("services.declare", DeclareService(spec=service))
    return service.name


@contextmanager
def _feast(setting: Setting, entities: int) -> Iterator[Pair]:
    try:
        python = environment("feast")
    except Unavailable as reason:
        raise Skipped(f"Feast: {reason}") from reason
    with _opened(setting, entities) as (house, service, folder):
        script = [str(python), str(PEERS / "feast" / "history.py"), str(folder), *_VIEWS]
        with subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as peer:
            yield Pair(ours=lambda number: _build(house, service, number), against=lambda _: _ask(peer))
            peer.communicate(timeout=30)


def _ask(peer: subprocess.Popen[str]) -> Took:
    """One round of the peer, measured in its own process."""
    if peer.stdin is None or peer.stdout is None:
        raise RuntimeError("the peer has no pipes")
    peer.stdin.write("1\n")
    peer.stdin.flush()
    while line := peer.stdout.readline():
        if line.startswith("took "):
            wall, cpu = map(float, line.split()[1:3])
            return Took(wall, cpu)
    raise RuntimeError("the peer ended")


BENCHMARKS = [
    *(
        Benchmark(
            name=f"history/{name}/{peer}",
            what=f"training_sets.build: 100k rows x 3 views x 1M rows of {entities:,} entities, TTL 7 d, 2 % corrected",
            against=against,
            open=partial(opener, entities=entities),
            at_most=at_most,
        )
        for name, entities, peer, against, opener, at_most in (
            ("short", 100_000, "limit", "Polars join_asof on sorted Parquet files, nothing stored", _limit, 1.5),
            ("short", 100_000, "feast", "Feast 0.67 with its DuckDB store", _feast, 0.2),
            ("long", 1_000, "limit", "Polars join_asof on sorted Parquet files, nothing stored", _limit, 1.5),
            ("long", 1_000, "feast", "Feast 0.67 with its DuckDB store", _feast, 1 / 15),
        )
    ),
    *(
        Benchmark(
            name=f"history/windows/{name}",
            what=f"training_sets.build: sums over 7 d in tiles of 1 h at 100k points, 1M rows of {entities:,} entities",
            against="a range join of DuckDB on tables in its memory",
            open=partial(_windows, entities=entities),
            at_most=0.2,
        )
        for name, entities in (("short", 100_000), ("long", 1_000))
    ),
]
