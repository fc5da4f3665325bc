"""A writer is killed at any moment, fifty times over: nothing is lost, nothing is there twice."""

from __future__ import annotations

import multiprocessing
import random
import time
from pathlib import Path
from typing import Any

import pytest

from ondol.lake import service
from ondol.lake.service import versions
from ondol.lake.types import GetDataset, ListBatches
from ondol.lake.types.versions import ListDatasetVersions
from tests.lake import sender
from tests.lake.shore import Lake

pytestmark = pytest.mark.walk

KILLS = 50


def test_a_writer_killed_fifty_times_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    home, answered = tmp_path / "home", tmp_path / "answered"
    lake = Lake(home)
    lake.declare(sender.SPEC)
    lake.close()
    answered.touch()
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.lake.sender"])
    chance, counts = random.Random(7), []
    for _ in range(KILLS):
        before = answered.read_text().count("\n")
        process = processes.Process(target=sender.send, args=(home, answered))
        process.start()
        # From the start of the process in one half, from its first answer in the other.
        if chance.random() < 0.5:
            wait_until(lambda seen=before: answered.read_text().count("\n") > seen)
        time.sleep(chance.uniform(0, 0.25))
        process.kill()
        process.join()
        counts.append(answered.read_text().count("\n"))
    sent = counts[-1] + 1
    lake = Lake(home)
    # What was not answered is sent again, as a sender would.
    lake.append(f"batch-{counts[-1]}", sender.rows_of(counts[-1]))
    assert rows_by_id(lake) == expected(sent)
    landed = lake.call(service.list_batches, ListBatches(dataset="flights", status="landed", limit=1000))
    assert sorted(batch.key for batch in landed) == sorted(f"batch-{number}" for number in range(sent))
    about = lake.call(service.get_dataset, GetDataset(dataset="flights"))
    assert (about.rows, about.batches) == (sender.ROWS * sent, sent)
    newest = lake.call(versions.list_versions, ListDatasetVersions(dataset="flights", limit=1))[0]
    assert (newest.version, newest.rows) == (about.version, about.rows)
    bronze = lake.tools.tables.scan("bronze/flights").collect()
    assert bronze.height == sum(len(sender.rows_of(number)) for number in range(sent))
    lake.close()
    assert sent > KILLS / 4


def rows_by_id(lake: Lake) -> dict[str, float]:
    rows = lake.silver()
    found = {row["flight_id"]: row["arrival_delay"] for row in rows}
    assert len(found) == len(rows)
    return found


def expected(batches: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number in range(batches):
        found |= {row["flight_id"]: row["arrival_delay"] for row in sender.rows_of(number)}
    return found


def wait_until(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
