"""Processes that die midway, and processes that meet."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from ondol.lake import service
from ondol.lake.types import GetDataset, ListBatches
from tests.lake.shore import FLIGHTS, Lake, flights

ROOT = Path(__file__).parents[2]
LASTING = msgspec.structs.replace(FLIGHTS, partition="month", contract=[])


def _appender(home: Path, first: int, last: int, *, shared: bool) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.lake.appender", str(home), str(first), str(last), str(int(shared))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    lake = Lake(tmp_path / "home")
    lake.declare(LASTING)
    lake.close()
    return tmp_path / "home"


def test_kill_loses_nothing_and_repeats_nothing(home: Path):
    answered, first = set(), 0
    for fall in range(5):
        process = _appender(home, first, 10_000, shared=False)
        _go(process)
        time.sleep(0.25 + 0.037 * fall)
        process.send_signal(signal.SIGKILL)
        printed, _ = process.communicate()
        answered |= {int(line) for line in printed.split()}
        # What was not answered is sent again by the next one, as a sender would.
        first = max(answered, default=-1) + 1
    lake = Lake(home)
    lake.append("the end", flights(0, 1))
    landed = {batch.key: batch for batch in lake.call(service.list_batches, ListBatches(dataset="flights", limit=1000))}
    assert {f"batch-{number}" for number in answered} <= set(landed)
    ids = [row["flight_id"] for row in lake.silver()]
    assert len(ids) == len(set(ids))
    assert len(ids) == 10 * (len(landed) - 1) + 1
    bronze = lake.tools.tables.scan("bronze/flights").collect()
    assert bronze.height == len(ids)
    assert set(bronze["_batch"]) == {batch.id for batch in landed.values()}
    assert lake.call(service.get_dataset, GetDataset(dataset="flights")).rows == len(ids)
    lake.close()


def test_two_processes_append_at_once(home: Path):
    processes = [_appender(home, first, first + 15, shared=True) for first in (0, 100)]
    for process in processes:
        _go(process)
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    lake = Lake(home)
    batches = lake.call(service.list_batches, ListBatches(dataset="flights"))
    assert len(batches) == 30
    assert sum(batch.duplicates for batch in batches) == 15 * 5
    ids = [row["flight_id"] for row in lake.silver()]
    assert len(ids) == len(set(ids)) == 30 * 5 + 15 * 5
    assert lake.tools.tables.scan("bronze/flights").collect().height == 300
    lake.close()


@pytest.mark.parametrize("table", ["bronze/flights", "silver/flights"])
def test_a_process_that_dies_at_a_bad_moment_is_finished_by_the_next(home: Path, table: str, monkeypatch):
    """Right after a commit to Delta, before it could tell anybody."""
    monkeypatch.setenv("DIE_AFTER", table)
    process = _appender(home, 0, 1, shared=False)
    _go(process)
    assert process.wait(timeout=30) == -signal.SIGKILL
    process.communicate()
    lake = Lake(home)
    lake.append("next", flights(10_003, 10_013))
    again = lake.append("batch-0", flights(10_000, 10_010))
    assert (again.landed_rows, again.duplicates) == (10, 0)
    assert sorted(row["flight_id"] for row in lake.silver()) == [f"f{number}" for number in range(10_000, 10_013)]
    assert lake.tools.tables.scan("bronze/flights").collect().height == 20
    assert lake.call(service.get_dataset, GetDataset(dataset="flights")).rows == 13
    lake.close()
