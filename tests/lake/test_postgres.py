"""The same shore over PostgreSQL: what the SQL must do there too."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

from ondol.adapters.postgres import PostgresDb
from ondol.kernel.errors import Refused
from ondol.lake import service
from ondol.lake.service import trees, versions
from ondol.lake.types import FileSource, GetBatch, GetDataset, ListBatches, RefreshDataset
from ondol.lake.types.files import AddFiles
from ondol.lake.types.versions import ListDatasetVersions, ReplaceRows, RollBack, VacuumDataset
from tests.lake.shore import FLIGHTS, START, Lake, flight, flights


@pytest.mark.postgres
def test_batches_land_once_are_refused_and_meet(postgres_url: str, tmp_path: Path):
    project = tmp_path / "project"
    project.mkdir()
    pl.DataFrame(flights(100, 110)).write_csv(project / "a.csv")
    lakes = [Lake(tmp_path / "home", PostgresDb(postgres_url)) for _ in range(2)]
    lake = lakes[0]
    source = FileSource(format="csv", path="*.csv")
    lake.declare(msgspec.structs.replace(FLIGHTS, source=source), root=str(project))

    def send(which: int) -> None:
        for number in range(5):
            lakes[which].append(f"{which}-{number}", flights(10 * number, 10 * number + 10 + which))

    threads = [threading.Thread(target=send, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(Refused) as caught:
        lake.append("bad", [flight(1, distance=-1)])
    bad = lake.call(service.get_batch, GetBatch(batch=caught.value.details["batch"]))
    assert bad.violations[0].rows == [0]
    assert lake.call(service.refresh_dataset, RefreshDataset(dataset="flights")).batches[0].landed_rows == 10
    assert lake.call(service.refresh_dataset, RefreshDataset(dataset="flights")).new_files == 0
    dataset = lake.call(service.get_dataset, GetDataset(dataset="flights"))
    assert (dataset.batches, dataset.quarantined, dataset.rows) == (11, 1, 61)
    assert len({row["flight_id"] for row in lake.silver()}) == len(lake.silver()) == 61
    assert len(lake.call(service.list_batches, ListBatches(dataset="flights"))) == 12
    for one in lakes:
        one.close()


@pytest.mark.postgres
def test_versions_come_go_and_are_counted(postgres_url: str, tmp_path: Path):
    lake = Lake(tmp_path / "home", PostgresDb(postgres_url))
    lake.declare(msgspec.structs.replace(FLIGHTS, where="", contract=[], mode="upsert"))
    lake.append("one", flights(0, 5))
    lake.append("two", [flight(1, arrival_delay=50.0), flight(9)])
    replaced = ReplaceRows(dataset="flights", key="day", rows=[flight(3)], partition="2013-01-02")
    lake.call(versions.replace_rows, replaced)
    assert lake.call(versions.roll_back, RollBack(dataset="flights", version=1)).gone == ["day"]
    assert lake.call(versions.roll_back, RollBack(dataset="flights", version=2)).back == ["day"]
    assert lake.call(versions.roll_back, RollBack(dataset="flights", version=0)).gone == ["two", "day"]
    assert lake.append("two", [flight(9)]).landed_rows == 1
    found = lake.call(versions.list_versions, ListDatasetVersions(dataset="flights"))
    assert [one.rows for one in found] == [6, 5, 1, 6, 1, 6, 5]
    lake.clock.set(START + timedelta(days=90))
    asked = VacuumDataset(dataset="flights", grace_hours=-1, dry_run=False)
    gone = lake.call(versions.vacuum_dataset, asked).gone
    found = lake.call(versions.list_versions, ListDatasetVersions(dataset="flights"))
    assert sorted(one.version for one in found if one.gone) == gone != []
    assert len(lake.silver()) == 6
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.txt").write_text("one")
    assert lake.call(trees.add_files, AddFiles(dataset="photos", folder=str(folder))).added == 1
    (folder / "b.txt").write_text("two")
    assert lake.call(trees.add_files, AddFiles(dataset="photos", folder=str(folder))).added == 1
    lake.close()
