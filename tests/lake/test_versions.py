"""Corrections, going back, what lies between versions, and which files stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from ondol.kernel.errors import Conflict, Invalid, NotFound, Refused
from ondol.lake import service
from ondol.lake.service import versions
from ondol.lake.types import GetDataset, ListBatches, PreviewDataset
from ondol.lake.types.versions import (
    CompactDataset,
    CompareDatasetVersions,
    DatasetRewritten,
    ListChanges,
    ListDatasetVersions,
    ReplaceRows,
    RollBack,
    VacuumDataset,
)
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge
from tests.lake.shore import FLIGHTS, START, Lake, flight, flights

PLAIN = msgspec.structs.replace(FLIGHTS, where="", contract=[])
CORRECTED = msgspec.structs.replace(PLAIN, mode="upsert")
REMEMBERED = msgspec.structs.replace(
    CORRECTED, columns=FLIGHTS.columns | {"reported_at": "timestamp"}, known_at="reported_at", partition=""
)


def about(lake: Lake):
    return lake.call(service.get_dataset, GetDataset(dataset="flights"))


def delays(lake: Lake) -> dict[str, float]:
    return {row["flight_id"]: row["arrival_delay"] for row in lake.silver()}


def noted(lake: Lake) -> list[tuple[int, str, int]]:
    found = lake.call(versions.list_versions, ListDatasetVersions(dataset="flights"))
    return [(one.version, one.operation, one.rows) for one in found]


def test_a_correction_takes_the_place_of_the_row_before(lake: Lake):
    lake.declare(CORRECTED)
    lake.append("one", flights(0, 5))
    moved = flight(3, arrival_delay=99.0, departs_at="2013-02-01T00:00:00Z")
    batch = lake.append("two", [flight(2), moved, flight(7)])
    assert (batch.landed_rows, batch.updated, batch.duplicates) == (2, 1, 1)
    assert delays(lake) == {"f0": 0.0, "f1": 1.0, "f2": 2.0, "f3": 99.0, "f4": 4.0, "f7": 7.0}
    assert (about(lake).rows, about(lake).newest) == (6, datetime(2013, 2, 1, tzinfo=UTC))
    assert noted(lake) == [(1, "corrected", 6), (0, "landed", 5)]
    assert lake.append("two", [flight(1, arrival_delay=-1.0)]) == batch
    assert [event.operation for event in lake.events if isinstance(event, DatasetRewritten)] == ["corrected"]
    again = lake.append("three", [moved])
    assert (again.landed_rows, again.duplicates, again.silver_version) == (0, 1, 1)


def test_with_known_at_a_correction_stands_beside_what_it_corrects(lake: Lake):
    lake.declare(REMEMBERED)
    first = flight(1, reported_at="2013-01-02T06:00:00Z")
    lake.append("one", [first])
    later = first | {"arrival_delay": 40.0, "reported_at": "2013-01-02T09:00:00Z"}
    batch = lake.append("two", [first, later])
    assert (batch.landed_rows, batch.updated, batch.duplicates) == (1, 0, 1)
    assert sorted(row["arrival_delay"] for row in lake.silver()) == [1.0, 40.0]
    with pytest.raises(Refused, match="other values and the same moment of knowing"):
        lake.append("three", [later | {"arrival_delay": 41.0}])
    with pytest.raises(Refused, match="reported_at not null"):
        lake.append("four", [flight(5, reported_at=None)])
    assert about(lake).rows == 2


def test_without_upsert_a_known_key_is_a_duplicate(lake: Lake):
    lake.declare(PLAIN)
    lake.append("one", flights(0, 2))
    assert lake.append("two", [flight(1, arrival_delay=77.0)]).duplicates == 1
    assert delays(lake)["f1"] == 1.0


def test_what_a_row_means_cannot_change_once_rows_are_there(lake: Lake):
    lake.declare(PLAIN)
    lake.append("one", flights(0, 2))
    with pytest.raises(Conflict, match="rows have landed"):
        lake.declare(CORRECTED)
    with pytest.raises(Invalid, match="declares none"):
        lake.declare(msgspec.structs.replace(CORRECTED, name="other", key=[]))


def test_a_column_is_added_by_declaring_it_and_in_no_other_way(lake: Lake):
    lake.declare(CORRECTED)
    lake.append("one", flights(0, 2))
    with pytest.raises(Refused, match="unknown column"):
        lake.append("gate", [flight(1, gate="A1")])
    lake.declare(msgspec.structs.replace(CORRECTED, columns=FLIGHTS.columns | {"gate": "string"}))
    batch = lake.append("again", [flight(1, gate="A1"), flight(2, gate="A2")])
    assert (batch.landed_rows, batch.updated) == (2, 1)
    assert {row["flight_id"]: row["gate"] for row in lake.silver()} == {"f0": None, "f1": "A1", "f2": "A2"}
    assert "gate" in service.scan(lake.tools, "flights", 0).collect().columns
    assert lake.append("whole", [flight(0, distance=517.0, gate=None)]).updated == 1
    with pytest.raises(Refused, match="distance is no integer"):
        lake.append("narrow", [flight(3, distance=1.7, gate=None)])


def test_a_partition_is_replaced_and_the_others_stay(lake: Lake):
    lake.declare(PLAIN)
    lake.append("days", [flight(1), flight(2), flight(1440)])
    request = ReplaceRows(dataset="flights", key="redo", rows=[flight(3), flight(2)], partition="2013-01-02")
    batch = lake.call(versions.replace_rows, request)
    assert sorted(delays(lake)) == ["f1440", "f2", "f3"]
    assert (about(lake).rows, about(lake).version) == (3, batch.silver_version)
    assert lake.call(versions.replace_rows, msgspec.structs.replace(request, rows=[])) == batch
    # A key that the partition had may come again, one that it has is a duplicate.
    assert lake.append("again", [flight(1), flight(3)]).duplicates == 1
    with pytest.raises(Refused, match="outside"):
        lake.call(versions.replace_rows, msgspec.structs.replace(request, key="wrong", partition="2013-01-03"))
    with pytest.raises(Invalid, match="'2013' is none"):
        lake.call(versions.replace_rows, msgspec.structs.replace(request, key="wrong", partition="2013"))
    with pytest.raises(Refused, match="flight_id unique"):
        lake.call(versions.replace_rows, msgspec.structs.replace(request, key="bad", rows=[flight(4), flight(4)]))
    assert lake.append("still", [flight(9)]).landed_rows == 1
    lake.call(versions.replace_rows, msgspec.structs.replace(request, key="none", rows=[]))
    assert sorted(delays(lake)) == ["f1440"]
    lake.call(versions.replace_rows, msgspec.structs.replace(request, key="all", partition=""))
    assert sorted(delays(lake)) == ["f2", "f3"]
    assert lake.tools.tables.scan("bronze/flights").collect().height == 10


def test_going_back_is_a_new_version_and_frees_the_keys_that_go(lake: Lake):
    lake.declare(PLAIN)
    for number in range(4):
        lake.append(f"b{number}", flights(10 * number, 10 * number + 10))
    back = lake.call(versions.roll_back, RollBack(dataset="flights", version=1))
    assert (back.version, back.rows, back.gone, back.back) == (4, 20, ["b2", "b3"], [])
    assert (about(lake).rows, about(lake).batches, len(lake.silver())) == (20, 2, 20)
    assert about(lake).newest == datetime(2013, 1, 2, 5, 19, tzinfo=UTC)
    assert len(service.scan(lake.tools, "flights", 3).collect()) == 40
    status = {batch.key: batch.status for batch in lake.call(service.list_batches, ListBatches(dataset="flights"))}
    assert status == {"b0": "landed", "b1": "landed", "b2": "rolled_back", "b3": "rolled_back"}
    assert lake.append("b1", flights(0, 50)).landed_rows == 10
    mended = lake.append("b2", flights(20, 25))
    assert (mended.landed_rows, mended.duplicates) == (5, 0)
    # Going back to before the rollback brings back what it took, and takes what came since.
    undone = lake.call(versions.roll_back, RollBack(dataset="flights", version=3))
    assert (undone.gone, undone.back, undone.rows) == (["b2"], ["b2", "b3"], 40)
    assert about(lake).batches == 4
    assert sorted(delays(lake)) == sorted(f"f{number}" for number in range(40))
    assert lake.append("b3", flights(0, 90)).landed_rows == 10
    assert lake.append("b4", flights(35, 45)).duplicates == 5
    with lake.tools.transaction(write=False) as inner:
        assert lineage.referring(inner, "table:silver/flights@1") == [
            Edge(made="table:silver/flights@4", origin="table:silver/flights@1", relation="restored_from")
        ]
    with pytest.raises(NotFound, match="version 77"):
        lake.call(versions.roll_back, RollBack(dataset="flights", version=77))


def test_a_version_is_found_by_the_moment_when_it_was_the_newest(lake: Lake):
    lake.declare(PLAIN)
    for day in range(3):
        lake.clock.set(START + timedelta(days=day))
        lake.append(f"day-{day}", flights(10 * day, 10 * day + 10))
    shown = lake.call(service.preview_dataset, PreviewDataset(dataset="flights", at="2013-01-04T12:00"))
    assert (shown.version, len(shown.rows)) == (1, 20)
    bronze = lake.call(service.preview_dataset, PreviewDataset(dataset="flights", at="2013-01-03", layer="bronze"))
    assert len(bronze.rows) == 10
    assert lake.call(service.preview_dataset, PreviewDataset(dataset="flights", at="2013-01-01")).version == -1
    assert len(service.scan(lake.tools, "flights", at=START).collect()) == 10
    lake.clock.set(START + timedelta(days=5))
    lake.call(versions.roll_back, RollBack(dataset="flights", version=0))
    assert len(service.scan(lake.tools, "flights", at=START + timedelta(days=4)).collect()) == 30
    assert len(service.scan(lake.tools, "flights", at=START + timedelta(days=5)).collect()) == 10


def test_two_versions_are_compared_by_key(lake: Lake):
    lake.declare(CORRECTED)
    lake.append("one", flights(0, 5))
    lake.append("two", [flight(1, arrival_delay=50.0, carrier="DL"), flight(9)])
    request = ReplaceRows(dataset="flights", key="drop", rows=flights(1, 5), partition="2013-01-02")
    lake.call(versions.replace_rows, request)
    found = lake.call(versions.compare_versions, CompareDatasetVersions(dataset="flights", before=0, after=1))
    assert (found.added, found.changed, found.removed, found.rows_before, found.rows_after) == (1, 1, 0, 5, 6)
    (changed,) = found.changed_rows
    assert (changed.key, changed.before) == ({"flight_id": "f1"}, {"carrier": "UA", "arrival_delay": 1.0})
    assert changed.after == {"carrier": "DL", "arrival_delay": 50.0}
    figures = {one.column: one for one in found.columns}
    assert (figures["arrival_delay"].most_before, figures["arrival_delay"].most_after) == (4.0, 50.0)
    assert figures["distance"].mean_before == 102.0
    whole = lake.call(versions.compare_versions, CompareDatasetVersions(dataset="flights", before=0))
    assert (whole.added, whole.changed, whole.removed) == (0, 0, 1)
    assert whole.removed_rows[0]["flight_id"] == "f0"
    msgspec.json.encode(found)


def test_without_a_key_rows_are_added_and_removed(lake: Lake):
    lake.declare(msgspec.structs.replace(PLAIN, key=[]))
    lake.append("one", [flight(1), flight(1), flight(2)])
    request = ReplaceRows(dataset="flights", key="x", rows=[flight(1), flight(3)], partition="2013-01-02")
    lake.call(versions.replace_rows, request)
    found = lake.call(versions.compare_versions, CompareDatasetVersions(dataset="flights", before=0))
    assert (found.added, found.changed, found.removed) == (1, 0, 2)
    assert [row["flight_id"] for row in found.removed_rows] == ["f1", "f2"]


def test_changes_come_version_by_version_in_pages(lake: Lake):
    lake.declare(CORRECTED)
    lake.append("one", flights(0, 3))
    lake.append("two", [flight(1, arrival_delay=50.0), flight(9)])
    lake.call(versions.compact_dataset, CompactDataset(dataset="flights"))
    lake.call(versions.roll_back, RollBack(dataset="flights", version=0))
    request, seen = ListChanges(dataset="flights", since=-1, limit=2), []
    while True:
        page = lake.call(versions.list_changes, request)
        seen += [(one.version, one.change, one.key["flight_id"]) for one in page.items]
        if not page.next_token:
            break
        request = msgspec.structs.replace(request, token=page.next_token)
    last = about(lake).version
    assert seen == [
        (0, "insert", "f0"), (0, "insert", "f1"), (0, "insert", "f2"), (1, "update", "f1"), (1, "insert", "f9"),
        (last, "delete", "f9"), (last, "update", "f1"),
    ]  # fmt: skip
    since = lake.call(versions.list_changes, ListChanges(dataset="flights", since=0, until=1))
    assert [(one.before or {}).get("arrival_delay") for one in since.items] == [1.0, None]
    assert lake.call(versions.list_changes, ListChanges(dataset="flights", since=last)).items == []


def test_joining_files_is_a_version_with_the_same_rows(lake: Lake):
    lake.declare(PLAIN)
    for number in range(4):
        lake.append(f"b{number}", flights(number, number + 1))
    report = lake.call(versions.compact_dataset, CompactDataset(dataset="flights"))
    assert (report.files_added, report.files_removed, about(lake).version) == (1, 4, report.version)
    assert noted(lake)[0] == (report.version, "compacted", 4)
    assert lake.append("next", flights(3, 6)).duplicates == 1
    assert len(lake.silver()) == 6


def test_vacuum_keeps_what_a_model_was_made_from(lake: Lake):
    lake.declare(PLAIN)
    for number in range(4):
        request = ReplaceRows(dataset="flights", key=f"r{number}", rows=flights(number, number + 2))
        lake.call(versions.replace_rows, request)
        lake.clock.set(START + timedelta(days=20 * (number + 1)))
    with lake.tools.transaction(write=True) as inner:
        made = Edge(made="ts_1", origin="table:silver/flights@1", relation="read")
        lineage.record(inner, edges=[made, Edge(made="mv_1", origin="ts_1", relation="learned_from")])
    asked = VacuumDataset(dataset="flights", older_than="30d", grace_hours=-1)
    would = lake.call(versions.vacuum_dataset, asked)
    assert [(one.version, one.because) for one in would.kept] == [(1, "ts_1 read it"), (3, "the newest")]
    assert (would.dry_run, would.files, would.gone) == (True, 2, [0, 2])
    assert len(service.scan(lake.tools, "flights", 2).collect()) == 2
    done = lake.call(versions.vacuum_dataset, msgspec.structs.replace(asked, dry_run=False))
    assert (done.files, done.gone) == (2, [0, 2])
    assert len(service.scan(lake.tools, "flights", 1).collect()) == 2
    assert len(lake.silver()) == 2
    for ask in (
        lambda: service.scan(lake.tools, "flights", 0),
        lambda: lake.call(service.preview_dataset, PreviewDataset(dataset="flights", version=2)),
        lambda: lake.call(versions.compare_versions, CompareDatasetVersions(dataset="flights", before=0)),
        lambda: lake.call(versions.roll_back, RollBack(dataset="flights", version=0)),
    ):
        with pytest.raises(NotFound, match="vacuum"):
            ask()
    assert service.added(lake.tools, "flights", 0, 3) is None
    assert lake.append("next", flights(50, 52)).landed_rows == 2


@pytest.mark.parametrize("method", ["append", "merge", "replace", "restore"])
@pytest.mark.parametrize("before", [False, True])
def test_who_dies_around_a_commit_is_finished_by_the_next(lake: Lake, monkeypatch, method: str, before: bool):
    """Right before or right after a commit to Delta, before it could tell anybody."""
    lake.declare(CORRECTED)
    lake.append("one", flights(0, 5))
    lake.append("two", flights(5, 8))
    commit = getattr(lake.tools.tables, method)
    on_silver = [True]

    def dies(table: str, *args: object, **how: object):
        if table != "silver/flights" or not on_silver.pop():
            return commit(table, *args, **how)
        if not before:
            commit(table, *args, **how)
        raise KeyboardInterrupt

    day = ReplaceRows(dataset="flights", key="day", rows=[flight(3)], partition="2013-01-02")
    work = {
        "append": lambda: lake.append("three", [flight(20)]),
        "merge": lambda: lake.append("three", [flight(1, arrival_delay=50.0), flight(20)]),
        "replace": lambda: lake.call(versions.replace_rows, day),
        "restore": lambda: lake.call(versions.roll_back, RollBack(dataset="flights", version=0)),
    }[method]
    with monkeypatch.context() as patched:
        patched.setattr(lake.tools.tables, method, dies)
        with pytest.raises(KeyboardInterrupt):
            work()
    lake.append("next", [flight(30)])
    expected = {
        "append": {*range(8), 20, 30},
        "merge": {*range(8), 20, 30},
        "replace": {3, 30},
        "restore": {*range(5), 30},
    }[method]
    assert set(delays(lake)) == {f"f{number}" for number in expected}
    assert len(lake.silver()) == len(expected) == about(lake).rows
    if method == "merge":
        assert delays(lake)["f1"] == 50.0
    if method != "restore":
        assert work().status == "landed"
    assert len(lake.silver()) == len(expected) == noted(lake)[0][2]


def test_processes_that_correct_the_same_rows_lose_nothing(lake: Lake, tmp_path):
    lake.declare(CORRECTED)
    lake.append("one", flights(0, 5))
    other = Lake(tmp_path / "home")
    for number in range(4):
        lake.append(f"mine-{number}", [flight(number, arrival_delay=100.0 + number), flight(100 + number)])
        other.append(f"theirs-{number}", [flight(number, arrival_delay=200.0 + number), flight(200 + number)])
    found = delays(lake)
    other.close()
    assert [found[f"f{number}"] for number in range(4)] == [200.0, 201.0, 202.0, 203.0]
    assert len(found) == len(lake.silver()) == 13
