"""A serving house looks at its sources by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import polars as pl
import pytest

import ondol as od
from ondol.adapters.sources import files
from ondol.heartbeat import Heartbeat
from ondol.home import House
from ondol.lake import service as lake
from ondol.lake.types import DatasetSpec, DeclareDataset, GetDataset, GetSource
from ondol.sdk.collector import collecting
from tests.lake.shops import ORDERS, Shop, order
from tests.lake.shore import FLIGHTS, flights

_GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


@pytest.fixture
def beating(house: House) -> Iterator[House]:
    heartbeat = Heartbeat(house)
    heartbeat.start()
    yield house
    heartbeat.stop()


def _declare(house: House, spec: DatasetSpec, root: Path) -> None:
    house.call("datasets.declare", DeclareDataset(spec=spec, root=str(root)))


def _rows(house: House, name: str) -> int:
    return int(house.call("datasets.get", GetDataset(dataset=name)).rows)


def _has(house: House, rows: int) -> bool:
    return _rows(house, "flights") == rows


def _within(seconds: float, holds: Callable[[], bool]) -> float:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds
        time.sleep(0.02)
    return time.monotonic() - began


def test_a_new_file_lands_within_two_seconds_and_one_that_is_being_written_waits(beating: House, tmp_path: Path):
    watched = msgspec.structs.replace(FLIGHTS, contract=[], source=od.csv("data/*.csv", watch=True))
    (tmp_path / "data").mkdir()
    _declare(beating, watched, tmp_path)
    pl.DataFrame(flights(0, 10)).write_csv(tmp_path / "data" / "a.csv")
    _within(6, lambda: _rows(beating, "flights") == 10)  # The first look loads Polars and Delta.
    content = pl.DataFrame(flights(10, 30)).write_csv().encode()
    with (tmp_path / "data" / "b.csv").open("wb", buffering=0) as file:
        for start in range(0, len(content), 200):
            file.write(content[start : start + 200])
            time.sleep(0.15)
            assert _rows(beating, "flights") == 10
    took = [_within(6, lambda: _rows(beating, "flights") == 30)]
    for number in range(2):
        pl.DataFrame(flights(30 + number, 31 + number)).write_csv(tmp_path / "data" / f"c{number}.csv")
        took.append(_within(6, partial(_has, beating, 31 + number)))
    assert min(took) < 2  # Other work on the machine may hold up one of them.


def test_a_broken_file_is_told_once_and_holds_up_no_good_one(beating: House, tmp_path: Path):
    watched = msgspec.structs.replace(FLIGHTS, contract=[], source=od.parquet("data/*.parquet", watch=True))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.parquet").write_bytes(b"not a table")
    pl.DataFrame(flights(0, 10)).write_parquet(tmp_path / "data" / "b.parquet")
    _declare(beating, watched, tmp_path)
    _within(6, lambda: _rows(beating, "flights") == 10)
    _within(6, lambda: "a.parquet" in beating.call("sources.get", GetSource(dataset="flights")).error)


def test_a_source_is_looked_at_as_often_as_declared_by_the_clock_of_the_house(beating: House, tmp_path: Path):
    shop = Shop(f"sqlite:///{tmp_path}/shop.db")
    source = od.sql("sqlite:///shop.db", table="orders", watermark="updated_at", every="5m")
    _declare(beating, msgspec.structs.replace(ORDERS, source=source), tmp_path)
    _within(6, lambda: beating.call("sources.get", GetSource(dataset="orders")).looked_at is not None)
    shop.add(order(1))
    time.sleep(0.7)
    assert _rows(beating, "orders") == 0
    beating.call("clock.set", {"now": "2013-04-01T00:05:00Z"})
    _within(8, lambda: _rows(beating, "orders") == 1)


def test_patterns_of_object_stores_mean_what_those_of_folders_mean(tmp_path: Path):
    paths = ["a.csv", "b/c.csv", "b/d/e.csv", "b/d/f.json", "x1.csv", "x2.csv"]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    for pattern in ("*.csv", "**/*.csv", "b/**/*.csv", "b/*", "x[12].csv", "x[!1].csv", "?.csv", "b/d/f.json"):
        local = [file.path for file in files.find_local(str(tmp_path), pattern)]
        assert sorted(path for path in paths if files._expression(pattern).fullmatch(path)) == local, pattern


@pytest.mark.s3
def test_objects_of_a_bucket_arrive_once_and_their_secrets_stay_in_the_environment(
    house: House, s3_url: str, monkeypatch
):
    from ondol.adapters.blobs import ObjectBlobs

    place, _, query = s3_url.partition("?")
    monkeypatch.setenv("STORE_SECRET", "any")
    blobs = ObjectBlobs(s3_url)
    blobs.put("in/2013/a.csv", pl.DataFrame(flights(0, 10)).write_csv().encode())
    blobs.put("in/2013/b.json", b"{}")
    safe = query.replace("secret_access_key=any", "secret_access_key=env:STORE_SECRET")
    safe = safe.replace("access_key_id=any", "access_key_id=env:STORE_SECRET")
    source = od.csv(f"{place}/in/**/*.csv?{safe}")
    house.call("datasets.declare", DeclareDataset(spec=msgspec.structs.replace(FLIGHTS, contract=[], source=source)))
    assert house.call("datasets.refresh", {"dataset": "flights"}).new_files == 1
    blobs.put("in/2013/c.csv", pl.DataFrame(flights(10, 15)).write_csv().encode())
    report = house.call("datasets.refresh", {"dataset": "flights"})
    assert (report.files, report.new_files, _rows(house, "flights")) == (2, 1, 15)


def test_texts_and_images_are_datasets_of_one_line(beating: House, tmp_path: Path):
    for folder in ("notes", "photos"):
        (tmp_path / folder / "of june").mkdir(parents=True)
    with collecting() as collector:
        od.dataset("notes", source=od.text("notes/**/*.md", watch=True))
        od.dataset("photos", source=od.folder("photos", watch=True))
    for spec in collector.declarations().datasets:
        _declare(beating, spec, tmp_path)
    (tmp_path / "notes" / "a.md").write_text("# Gate 7\n열차")
    (tmp_path / "photos" / "of june" / "dot.gif").write_bytes(_GIF)
    _within(8, lambda: (_rows(beating, "notes"), _rows(beating, "photos")) == (1, 1))
    (tmp_path / "notes" / "a.md").write_text("# Gate 8")
    (tmp_path / "photos" / "dot.gif").write_bytes(_GIF)
    _within(6, lambda: (_rows(beating, "notes"), _rows(beating, "photos")) == (2, 2))
    notes = lake.scan(beating.tools(), "notes").collect()
    assert sorted(notes["text"].to_list()) == ["# Gate 7\n열차", "# Gate 8"]
    photos = lake.scan(beating.tools(), "photos").collect()
    assert set(photos["path"]) == {"dot.gif", "of june/dot.gif"}
    assert photos["width"].to_list() == [1, 1]
    (tmp_path / "notes" / "b.md").write_bytes(b"\xff\xfe\xff")
    _within(6, lambda: "notes/b.md is no text file" in beating.call("sources.get", GetSource(dataset="notes")).error)
