"""Connectors killed with SIGKILL at random moments, 50 times: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

import ondol as od
from ondol.lake import service
from ondol.lake.types import DatasetSpec, GetDataset, ListBatches, RefreshDataset
from tests.lake.api import Api, served
from tests.lake.shops import ORDERS, Shop, order
from tests.lake.shore import FLIGHTS, Lake, flight
from tests.lake.test_topics import Topic

KILLS = 50
ROOT = Path(__file__).parents[2]
GOOD = od.between("distance", 1, on_violation="go_on")


PAYMENTS = DatasetSpec(
    name="payments", columns={"id": "integer", "updated_at": "timestamp"}, key=["id"], time="updated_at"
)


@pytest.fixture
def api() -> Iterator[Api]:
    with served() as api:
        yield api


@contextmanager
def forking(home: Path) -> Iterator[Callable[[float], str]]:
    command = [sys.executable, "-m", "tests.lake.connector", str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told, heard = process.stdin, process.stdout

        def attempt(milliseconds: float) -> str:
            told.write(f"{milliseconds}\n")
            told.flush()
            return heard.readline().strip()

        yield attempt
        told.close()


def _kill_again_and_again(home: Path, add: Callable[[int], None], until: float) -> None:
    """Each look gets new rows, and is killed within so many milliseconds; some are done by then."""
    moments = random.Random(7)
    killed = midway = 0
    with forking(home) as attempt:
        while killed < KILLS:
            add(killed)
            killed += attempt(moments.uniform(0, until)) == "killed"
            with contextlib.closing(sqlite3.connect(home / "ondol.db")) as books:
                midway += books.execute("select count(*) from landings").fetchone()[0]
        assert attempt(-1) == "done"
    assert midway >= 3, "the kills hit no batch on its way"


def _flight(number: int) -> dict[str, Any]:
    """Every ninth breaks the contract."""
    return flight(number, distance=-1) if number % 9 == 0 else flight(number)


def _check(lake: Lake, dataset: str, key: list[str], expected: list[tuple[Any, ...]], refused: int) -> None:
    """Each row is in bronze and silver once, or in quarantine once, and the books agree."""
    landed = lake.tools.tables.scan(f"bronze/{dataset}").select(key).collect().rows()
    assert sorted(landed) == sorted(expected)
    assert sorted(tuple(str(row[name]) for name in key) for row in lake.silver(dataset)) == sorted(expected)
    counted = lake.call(service.get_dataset, GetDataset(dataset=dataset))
    assert counted.rows == len(expected)
    kept = lake.call(service.list_batches, ListBatches(dataset=dataset, status="quarantined", limit=1000))
    assert sum(batch.rows for batch in kept) == refused
    assert sum(pl.read_ndjson(_content(lake, batch)).height for batch in kept) == refused
    assert lake.call(service.refresh_dataset, RefreshDataset(dataset=dataset)).batches == []


def _content(lake: Lake, batch: Any) -> bytes:
    from ondol.lake.service import quarantine

    return quarantine.frame_of(lake.tools, batch)[0].write_ndjson().encode()


@pytest.mark.walk
def test_tables_files_and_pages_arrive_once_although_the_connector_is_killed_fifty_times(tmp_path: Path, api: Api):
    home = tmp_path / "home"
    lake = Lake(home)
    shop = Shop(f"sqlite:///{tmp_path}/shop.db")
    table = od.sql("sqlite:///shop.db", table="orders", watermark="updated_at")
    (tmp_path / "data").mkdir()
    lake.declare(msgspec.structs.replace(ORDERS, source=table), root=str(tmp_path))
    folder = msgspec.structs.replace(FLIGHTS, where="", contract=[GOOD], source=od.csv("data/*.csv"))
    lake.declare(folder, root=str(tmp_path))
    pages = od.http(f"{api.url}/links", rows="data.items", next="meta.next")
    lake.declare(msgspec.structs.replace(PAYMENTS, source=pages))
    lake.close()
    counts = {"orders": 0, "flights": 0, "payments": 0}

    def add(number: int) -> None:
        shop.add(*(order(each) for each in range(counts["orders"], counts["orders"] + 17)))
        counts["orders"] += 17
        numbers = range(counts["payments"], counts["payments"] + 7)
        api.rows += [{"id": each, "updated_at": f"2013-01-02T05:00:00.{each:06}Z"} for each in numbers]
        counts["payments"] += 7
        rows = 30 if number % 10 == 0 else 5
        frame = pl.DataFrame([_flight(each) for each in range(counts["flights"], counts["flights"] + rows)])
        frame.write_csv(tmp_path / "data" / f"{counts['flights']:06}.csv")
        counts["flights"] += rows

    _kill_again_and_again(home, add, 300)
    lake = Lake(home)
    orders = [("ab"[number % 2], str(number // 2)) for number in range(counts["orders"])]
    _check(lake, "orders", ["shop", "id"], orders, 0)
    _check(lake, "payments", ["id"], [(str(number),) for number in range(counts["payments"])], 0)
    bad = [number for number in range(counts["flights"]) if number % 9 == 0]
    good = [(f"f{number}",) for number in range(counts["flights"]) if number % 9]
    _check(lake, "flights", ["flight_id"], good, len(bad))
    lake.close()


@pytest.mark.kafka
def test_messages_arrive_once_although_the_connector_is_killed_fifty_times(tmp_path: Path, kafka_brokers: str):
    home = tmp_path / "home"
    lake = Lake(home)
    topic = Topic(kafka_brokers)
    source = od.kafka(kafka_brokers, topic=topic.name)
    lake.declare(msgspec.structs.replace(FLIGHTS, where="", contract=[GOOD], source=source))
    lake.close()
    sent = 0

    def add(number: int) -> None:
        nonlocal sent
        for partition in (0, 1):
            topic.send(*(_flight(each) for each in range(sent, sent + 9)), partition=partition)
            sent += 9

    _kill_again_and_again(home, add, 450)
    lake = Lake(home)
    good = [(f"f{number}",) for number in range(sent) if number % 9]
    _check(lake, "flights", ["flight_id"], good, len([number for number in range(sent) if number % 9 == 0]))
    lake.close()
