"""Rows that land, rows that are refused, rows that come twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import polars as pl
import pytest

from ondol.kernel.errors import Invalid, NotFound, Refused
from ondol.lake import service
from ondol.lake.types import (
    GetBatch,
    GetDataset,
    ListBatches,
    ListDatasets,
    PreviewDataset,
    Rule,
    ValidateDataset,
)
from ondol.lineage import service as lineage
from ondol.lineage.types import Trace
from tests.lake.shore import FLIGHTS, START, Lake, flight, flights


def test_rows_land_typed_in_silver_and_as_they_came_in_bronze(lake: Lake):
    lake.declare()
    batch = lake.append("day-1", [flight(1), flight(2, arrival_delay=None), flight(3, distance="99")])
    assert (batch.status, batch.rows, batch.landed_rows, batch.duplicates) == ("landed", 3, 2, 0)
    rows = lake.silver()
    assert rows[0] == {
        "flight_id": "f1",
        "departs_at": datetime(2013, 1, 2, 5, 1, tzinfo=UTC),
        "carrier": "UA",
        "distance": 101,
        "arrival_delay": 1.0,
    }
    assert rows[1]["distance"] == 99
    bronze = lake.tools.tables.scan("bronze/flights").collect()
    assert bronze["flight_id"].to_list() == ["f1", "f2", "f3"]
    assert bronze["departs_at"][0] == "2013-01-02T05:01:00Z"
    assert set(bronze["_batch"]) == {batch.id}
    assert set(bronze["_landed_at"]) == {START}


def test_silver_is_partitioned_by_day(lake: Lake, tmp_path):
    lake.declare()
    lake.append("days", [flight(1), flight(1440)])
    folder = tmp_path / "home" / "lake" / "silver" / "flights"
    assert sorted(path.name for path in (folder / "year=2013" / "month=1").iterdir()) == ["day=2", "day=3"]


def test_partition_columns_step_aside_for_columns_of_that_name(lake: Lake):
    columns = FLIGHTS.columns | {"day": "integer"}
    lake.declare(msgspec.structs.replace(FLIGHTS, columns=columns))
    lake.append("one", [flight(1, day=7)])
    assert lake.silver()[0]["day"] == 7


def test_a_bad_batch_is_refused_with_a_report_and_kept(lake: Lake):
    lake.declare()
    lake.append("good", flights(0, 3))
    bad = [flight(10), flight(11, distance=-5), flight(12, gate="A1"), flight(13), flight(13), flight(14, distance="x")]
    with pytest.raises(Refused) as caught:
        lake.append("bad", bad)
    assert caught.value.message == (
        'batch refused: 4 rules broken: unknown column "gate": rows 2; distance is no integer: rows 5; '
        "flight_id unique: rows 3, 4; distance between 1 and 6000: rows 1"
    )
    batch = lake.call(service.get_batch, GetBatch(batch=caught.value.details["batch"]))
    report = {(one.rule, one.column): (one.count, one.rows) for one in batch.violations}
    assert report == {
        ("columns", "gate"): (1, [2]),
        ("types", "distance"): (1, [5]),
        ("unique", "flight_id"): (2, [3, 4]),
        ("between", "distance"): (1, [1]),
    }
    assert batch.violations[3].sample == [bad[1]]
    assert batch.id in caught.value.hint
    kept = lake.tools.blobs.get(batch.quarantine)
    assert msgspec.json.Decoder().decode_lines(kept) == bad
    assert len(lake.silver()) == 3
    dataset = lake.call(service.get_dataset, GetDataset(dataset="flights"))
    assert (dataset.rows, dataset.batches, dataset.quarantined) == (3, 1, 1)
    assert [type(event).__name__ for event in lake.events] == ["BatchLanded", "BatchQuarantined"]
    assert lake.events[1].reasons == [one.message for one in batch.violations]


def test_a_refused_key_is_refused_again_without_a_second_quarantine(lake: Lake):
    lake.declare()
    told = []
    for _attempt in range(2):
        with pytest.raises(Refused) as caught:
            lake.append("bad", [flight(1, distance=-1)])
        told.append((caught.value.message, caught.value.details["batch"]))
    assert told[0] == told[1]
    assert len(lake.call(service.list_batches, ListBatches(dataset="flights"))) == 1
    assert len(list(lake.tools.blobs.list("quarantine"))) == 1
    assert len(lake.events) == 1


def test_the_same_key_lands_once(lake: Lake):
    lake.declare()
    first = lake.append("day-1", flights(0, 5))
    assert lake.append("day-1", flights(0, 5)) == first
    assert lake.append("day-1", flights(100, 200)) == first
    assert len(lake.silver()) == 5
    assert len(lake.events) == 1


def test_rows_that_silver_has_are_dropped_and_counted(lake: Lake):
    lake.declare()
    lake.append("one", flights(0, 5))
    batch = lake.append("two", flights(3, 8))
    assert (batch.rows, batch.landed_rows, batch.duplicates) == (5, 3, 2)
    again = lake.append("three", flights(0, 8))
    assert (again.landed_rows, again.duplicates, again.silver_version) == (0, 8, batch.silver_version)
    assert sorted(row["flight_id"] for row in lake.silver()) == [f"f{number}" for number in range(8)]
    reopened = Lake(lake.tools.config.home_path)
    assert reopened.append("four", flights(6, 10)).duplicates == 2
    reopened.close()
    assert lake.append("five", flights(8, 12)).duplicates == 2


def test_a_missing_column_and_a_near_name_are_told(lake: Lake):
    lake.declare()
    row = flight(1)
    row["distanze"] = row.pop("distance")
    with pytest.raises(Refused, match=r"unknown column \"distanze\" \(Did you mean 'distance'\?\)") as caught:
        lake.append("one", [row])
    assert 'missing column "distance"' in caught.value.message


def test_rules_by_words(lake: Lake):
    contract = [
        Rule(kind="not_null", column="carrier"),
        Rule(kind="one_of", column="carrier", values=["UA", "DL"]),
        Rule(kind="between", column="arrival_delay", high=20),
        Rule(kind="unique", columns=["carrier", "distance"]),
    ]
    lake.declare(msgspec.structs.replace(FLIGHTS, contract=contract))
    rows = [flight(1), flight(2, carrier=None), flight(3, carrier="XX"), flight(25), flight(4, distance=101)]
    with pytest.raises(Refused) as caught:
        lake.append("one", rows)
    assert caught.value.message.split(": ", 2)[2] == (
        "carrier not null: rows 1; carrier one of UA, DL: rows 2; "
        "arrival_delay at most 20: rows 3; carrier, distance unique: rows 0, 4"
    )


def test_many_bad_rows_are_counted_and_twenty_are_named(lake: Lake):
    lake.declare()
    with pytest.raises(Refused, match=r"rows 0, 1, .* 19 and 10 more$") as caught:
        lake.append("one", [flight(number, distance=0) for number in range(30)])
    (violation,) = caught.value.details["violations"]
    assert (violation["count"], len(violation["rows"]), len(violation["sample"])) == (30, 20, 5)


def test_stale_rows_are_refused_by_the_clock_of_the_house(lake: Lake):
    lake.declare()
    lake.clock.set(START + timedelta(days=3))
    with pytest.raises(Refused, match="departs_at fresh within 2d: the newest is 2013-01-02 05:03, now is 2013-01-06"):
        lake.append("old", flights(0, 4))


@pytest.mark.parametrize("where", ["", FLIGHTS.where])
def test_an_empty_batch_is_known_and_writes_nothing(lake: Lake, where: str):
    lake.declare(msgspec.structs.replace(FLIGHTS, where=where))
    batch = lake.append("none", [])
    assert (batch.rows, batch.bronze_version, batch.silver_version) == (0, -1, -1)
    assert lake.append("none", flights(0, 2)) == batch
    assert lake.silver() == []


def test_counters_and_lists_follow(lake: Lake):
    lake.declare()
    lake.append("one", flights(0, 5))
    lake.append("two", flights(5, 9))
    (dataset,) = lake.call(service.list_datasets, ListDatasets())
    assert (dataset.rows, dataset.version, dataset.batches) == (9, 1, 2)
    assert dataset.newest == datetime(2013, 1, 2, 5, 8, tzinfo=UTC)
    listed = lake.call(service.list_batches, ListBatches(dataset="flights", status="landed"))
    assert [batch.key for batch in listed] == ["two", "one"]
    assert service.current_version(lake.tools, "flights") == 1
    assert service.scan(lake.tools, "flights", 0).select(pl.len()).collect().item() == 5


def test_a_version_of_the_table_comes_from_its_batch(lake: Lake):
    lake.declare()
    batch = lake.append("one", flights(0, 5))
    with lake.tools.transaction(write=False) as inner:
        graph = lineage.trace(inner, Trace(id="table:silver/flights@0"))
    assert [node.id for node in graph.nodes] == ["table:silver/flights@0", batch.id, "dataset:flights"]


def test_preview_shows_rows_and_history(lake: Lake):
    lake.declare()
    empty = lake.call(service.preview_dataset, PreviewDataset(dataset="flights"))
    assert (empty.version, empty.rows) == (-1, [])
    lake.append("one", flights(0, 5))
    lake.append("two", flights(5, 9))
    shown = lake.call(service.preview_dataset, PreviewDataset(dataset="flights", version=0, limit=3))
    assert (shown.table, shown.version, len(shown.rows)) == ("silver/flights", 0, 3)
    assert [entry["version"] for entry in shown.history] == [1, 0]
    msgspec.json.encode(shown)
    bronze = lake.call(service.preview_dataset, PreviewDataset(dataset="flights", layer="bronze"))
    assert len(bronze.rows) == 9


def test_a_whole_version_is_held_against_the_contract_of_now(lake: Lake):
    lake.declare()
    lake.append("one", flights(0, 5))
    assert lake.call(service.validate_dataset, ValidateDataset(dataset="flights")).passed
    stricter = [Rule(kind="between", column="distance", low=102)]
    lake.declare(msgspec.structs.replace(FLIGHTS, contract=stricter))
    report = lake.call(service.validate_dataset, ValidateDataset(dataset="flights"))
    assert (report.passed, report.rows, report.violations[0].count) == (False, 5, 2)


def test_an_unknown_dataset_is_told_with_the_nearest_name(lake: Lake):
    lake.declare()
    with pytest.raises(NotFound) as caught:
        lake.append("one", flights(0, 1), dataset="flight")
    assert caught.value.hint == "Did you mean 'flights'?"


def test_a_key_is_needed(lake: Lake):
    lake.declare()
    with pytest.raises(Invalid, match="key"):
        lake.append("", flights(0, 1))


def test_an_append_that_fails_midway_is_brought_to_its_end(lake: Lake, monkeypatch):
    lake.declare()
    lake.append("zero", flights(0, 2))
    append = lake.tools.tables.append

    def fails(table, *args, **kwargs):
        if table == "silver/flights":
            raise OSError("the disk is full")
        return append(table, *args, **kwargs)

    monkeypatch.setattr(lake.tools.tables, "append", fails)
    with pytest.raises(OSError, match="disk"):
        lake.append("one", flights(1, 5))
    monkeypatch.undo()
    batch = lake.append("two", flights(5, 8))
    assert batch.landed_rows == 3
    assert len(lake.silver()) == 8
    settled = lake.append("one", flights(1, 5))
    assert (settled.landed_rows, settled.duplicates) == (3, 1)
    assert lake.tools.tables.scan("bronze/flights").collect().height == 9
