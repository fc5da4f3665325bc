"""Sources: each content of each file once, and no path leads out of the project."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import polars as pl
import pytest

from ondol.kernel.errors import Conflict, Invalid, NotFound, Refused
from ondol.lake import service
from ondol.lake.service import files
from ondol.lake.types import FileSource, GetBatch, RefreshDataset, RefreshReport
from tests.lake.shore import FLIGHTS, Lake, flight, flights


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project" / "data").mkdir(parents=True)
    return tmp_path / "project"


def _declare(lake: Lake, project: Path, form: str = "csv", path: str = "data/*.csv") -> None:
    source = FileSource(format=form, path=path)
    lake.declare(msgspec.structs.replace(FLIGHTS, source=source), root=str(project))


def _refresh(lake: Lake) -> RefreshReport:
    return lake.call(service.refresh_dataset, RefreshDataset(dataset="flights"))


def test_files_are_read_once(lake: Lake, project: Path, monkeypatch):
    _declare(lake, project)
    pl.DataFrame(flights(0, 10)).write_csv(project / "data" / "a.csv")
    pl.DataFrame(flights(10, 20)).write_csv(project / "data" / "b.csv")
    first = _refresh(lake)
    assert (first.files, first.new_files, [batch.landed_rows for batch in first.batches]) == (2, 2, [20])
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail(f"{self} was opened again"))
    again = _refresh(lake)
    assert (again.files, again.new_files, again.batches, again.version) == (2, 0, [], first.version)
    monkeypatch.undo()
    pl.DataFrame(flights(15, 30)).write_csv(project / "data" / "c.csv")
    third = _refresh(lake)
    (batch,) = third.batches
    assert (batch.landed_rows, batch.duplicates, batch.origin) == (10, 5, "data/c.csv")
    assert len(lake.silver()) == 30


def test_a_file_touched_without_a_change_brings_nothing(lake: Lake, project: Path, monkeypatch):
    _declare(lake, project)
    file = project / "data" / "a.csv"
    pl.DataFrame(flights(0, 10)).write_csv(file)
    _refresh(lake)
    os.utime(file, (1, 1))
    assert _refresh(lake).new_files == 0
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("its new time was not remembered"))
    assert _refresh(lake).new_files == 0


def test_a_file_that_grew_brings_its_new_rows(lake: Lake, project: Path):
    _declare(lake, project)
    file = project / "data" / "a.csv"
    pl.DataFrame(flights(0, 10)).write_csv(file)
    _refresh(lake)
    pl.DataFrame(flights(0, 14)).write_csv(file)
    (batch,) = _refresh(lake).batches
    assert (batch.landed_rows, batch.duplicates) == (4, 10)


def test_moments_and_numbers_of_csv_are_read_as_what_they_are(lake: Lake, project: Path):
    _declare(lake, project)
    (project / "data" / "a.csv").write_text(
        "flight_id,departs_at,carrier,distance,arrival_delay\n"
        "a,2013-01-02 05:00:00,UA,100.0,NA\n"
        "b,2013-01-02T05:00:00+09:00,,200,3\n"
        "c,2013-01-02T05:00:00.25Z,UA, 300 ,-4.5\n"
        "d,2013-01-02,UA,,1e1\n"
    )
    assert _refresh(lake).batches[0].landed_rows == 3
    rows = {row["flight_id"]: row for row in sorted(lake.silver(), key=lambda row: str(row["flight_id"]))}
    assert {name: row["departs_at"].isoformat() for name, row in rows.items()} == {
        "b": "2013-01-01T20:00:00+00:00",
        "c": "2013-01-02T05:00:00.250000+00:00",
        "d": "2013-01-02T00:00:00+00:00",
    }
    assert [row["distance"] for row in rows.values()] == [200, 300, None]
    assert [row["arrival_delay"] for row in rows.values()] == [3.0, -4.5, 10.0]
    assert rows["b"]["carrier"] is None


@pytest.mark.parametrize("form", ["parquet", "json"])
def test_other_formats_give_the_same_rows(lake: Lake, project: Path, form: str):
    _declare(lake, project, form, f"data/rows.{form}")
    frame = pl.DataFrame(flights(0, 10)).with_columns(pl.col("departs_at").str.to_datetime(time_zone="UTC"))
    if form == "parquet":
        frame.write_parquet(project / "data" / "rows.parquet")
    else:
        (project / "data" / "rows.json").write_bytes(msgspec.json.encode(flights(0, 10)))
    _refresh(lake)
    assert pl.DataFrame(lake.silver()).equals(frame)


def test_a_bad_file_takes_no_good_one_with_it(lake: Lake, project: Path):
    _declare(lake, project)
    pl.DataFrame(flights(0, 10)).write_csv(project / "data" / "a.csv")
    pl.DataFrame([flight(10), flight(11, distance=-1)]).write_csv(project / "data" / "b.csv")
    pl.DataFrame(flights(20, 30)).write_csv(project / "data" / "c.csv")
    batches = {batch.origin: batch for batch in _refresh(lake).batches}
    assert [batch.status for batch in batches.values()] == ["landed", "quarantined", "landed"]
    bad = lake.call(service.get_batch, GetBatch(batch=batches["data/b.csv"].id))
    assert bad.violations[0].message == "distance between 1 and 6000: rows 1"
    kept = pl.read_parquet(lake.tools.blobs.get(bad.quarantine))
    assert kept["flight_id"].to_list() == ["f10", "f11"]
    assert _refresh(lake).new_files == 0
    pl.DataFrame([flight(10), flight(11)]).write_csv(project / "data" / "b.csv")
    assert _refresh(lake).batches[0].landed_rows == 2


def test_a_large_file_lands_in_slices(lake: Lake, project: Path, monkeypatch):
    monkeypatch.setattr(files, "ROWS_TOGETHER", 10)
    _declare(lake, project)
    pl.DataFrame(flights(0, 25)).write_csv(project / "data" / "a.csv")
    pl.DataFrame(flights(25, 30)).write_csv(project / "data" / "b.csv")
    pl.DataFrame(flights(30, 33)).write_csv(project / "data" / "c.csv")
    report = _refresh(lake)
    assert [batch.landed_rows for batch in report.batches] == [10, 10, 5, 8]
    assert (_refresh(lake).new_files, len(lake.silver())) == (0, 33)


def test_slices_that_landed_before_a_crash_are_not_repeated(lake: Lake, project: Path, monkeypatch):
    monkeypatch.setattr(files, "ROWS_TOGETHER", 10)
    _declare(lake, project)
    pl.DataFrame(flights(0, 25)).write_csv(project / "data" / "a.csv")
    append = lake.tools.tables.append

    def fails_at_the_second(table, frame, **how):
        if table.startswith("silver") and "f15" in frame["flight_id"].to_list():
            raise OSError("the disk is full")
        return append(table, frame, **how)

    monkeypatch.setattr(lake.tools.tables, "append", fails_at_the_second)
    with pytest.raises(OSError, match="disk"):
        _refresh(lake)
    monkeypatch.setattr(lake.tools.tables, "append", append)
    assert _refresh(lake).new_files == 1
    assert len(lake.silver()) == 25
    assert lake.tools.tables.scan("bronze/flights").collect().height == 25


@pytest.mark.parametrize("path", ["../secrets.csv", "/etc/passwd", "data/../../x.csv", ""])
def test_a_path_out_of_the_project_cannot_be_declared(lake: Lake, project: Path, path: str):
    with pytest.raises(Invalid, match=r"source\.path"):
        _declare(lake, project, path=path)


def test_a_link_out_of_the_project_is_refused(lake: Lake, project: Path, tmp_path: Path):
    _declare(lake, project)
    pl.DataFrame(flights(0, 10)).write_csv(tmp_path / "elsewhere.csv")
    (project / "data" / "a.csv").symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(Refused, match="out of the project"):
        _refresh(lake)


def test_what_is_wrong_with_a_source_is_said(lake: Lake, project: Path):
    lake.declare()
    with pytest.raises(Conflict, match="no source"):
        _refresh(lake)
    _declare(lake, project, path="data/flights.csv")
    with pytest.raises(NotFound, match=r"data/flights\.csv"):
        _refresh(lake)
    _declare(lake, project, "parquet", "data/*.parquet")
    assert _refresh(lake).files == 0
    (project / "data" / "x.parquet").write_text("no parquet")
    with pytest.raises(Invalid, match=r"data/x\.parquet is no parquet file"):
        _refresh(lake)


@pytest.mark.parametrize("kept", [0, files.BYTES_KEPT])
def test_a_delivery_is_as_fresh_as_its_freshest_file_also_when_it_is_too_large_to_keep(
    lake: Lake, project: Path, monkeypatch, kept: int
):
    monkeypatch.setattr(files, "BYTES_KEPT", kept)
    monkeypatch.setattr(files, "ROWS_TOGETHER", 3)
    _declare(lake, project)
    pl.DataFrame([flight(number, departs_at="2012-06-01T00:00:00Z") for number in range(5)]).write_csv(
        project / "data" / "a.csv"
    )
    pl.DataFrame(flights(5, 10)).write_csv(project / "data" / "b.csv")
    report = _refresh(lake)
    assert (report.new_files, sum(batch.landed_rows for batch in report.batches)) == (2, 10)
