"""A materialisation that is killed at any moment goes on where it stopped: nothing is lost, nothing is stored twice."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from ondol.features.rules import columns
from ondol.features.rules.definitions import stairs_of
from ondol.features.types import DeclareView, Feature, GetView, MaterializeView, ViewSpec
from ondol.home import House, open_house
from ondol.kernel.config import Config
from ondol.lake.types import AppendBatch, DatasetSpec, DeclareDataset
from tests.features.materialiser import CHUNK

KEYS = 1500
PARCELS = DatasetSpec(
    name="parcels",
    columns={"parcel": "string", "at": "timestamp", "weight": "double"},
    key=["parcel", "at"],
    time="at",
)
VIEWS = [
    ViewSpec(
        name="newest", entity=["parcel"], dataset="parcels", features=[Feature(name="weight", expression="weight")]
    ),
    ViewSpec(
        name="weekly",
        entity=["parcel"],
        dataset="parcels",
        features=[
            Feature(name="week", expression="weight", aggregate="sum", window="7d"),
            Feature(name="day", expression="weight", aggregate="max", window="1d", tile="1h"),
        ],
    ),
]
STORES = [stair.store for view in VIEWS for stair in stairs_of(view)]


def rows(round_number: int) -> list[dict[str, object]]:
    at = datetime.now(UTC) - timedelta(hours=30 - round_number)
    return [
        {"parcel": f"p{number}", "at": at.isoformat(), "weight": float(number * 10 + round_number)}
        for number in range(KEYS)
    ]


def land(home: Path, store: str, round_number: int) -> None:
    house = open_house(Config(home=str(home), online=store))
    if not round_number:
        house.call("datasets.declare", DeclareDataset(spec=PARCELS))
        for view in VIEWS:
            house.call("views.declare", DeclareView(spec=view))
    house.call("datasets.append", AppendBatch(dataset="parcels", key=str(round_number), rows=rows(round_number)))
    house.close()


@contextmanager
def forking(home: Path, store: str) -> Iterator[Callable[[float], str]]:
    command = [sys.executable, "-m", "tests.features.materialiser", str(home), store]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdin
        assert process.stdout

        def attempt(milliseconds: float) -> str:
            print(milliseconds, file=process.stdin, flush=True)
            return process.stdout.readline().strip()

        yield attempt
        process.stdin.close()


@pytest.mark.parametrize(("store", "kills"), [("sqlite", 50), ("lmdb", 10)])
@pytest.mark.walk
def test_kills_at_any_moment_lose_nothing_and_repeat_nothing(tmp_path: Path, store: str, kills: int) -> None:
    check(tmp_path / "home", store, kills)


def check(home: Path, store: str, kills: int) -> None:
    chance = random.Random(kills)
    killed = rounds = 0
    with forking(home, store) as attempt:
        while killed < kills:
            land(home, store, rounds)
            before = revisions(home, store)
            in_round = 0
            # Of twelve kills of one materialisation some meet its reading, some its stores, some its very end.
            while in_round < 12 and killed + in_round < kills and attempt(chance.uniform(0, 120)) == "killed":
                in_round += 1
            assert attempt(-1) == "done"
            killed, rounds = killed + in_round, rounds + 1
            puts = -(-KEYS // CHUNK)
            assert revisions(home, store) == [revision + puts for revision in before], "a part was stored again"
    house = open_house(Config(home=str(home), online=store))
    assert online_values(house) == expected_values(house, home)
    views = [house.call("views.get", GetView(view=view.name)) for view in VIEWS]
    assert [(view.online_keys, view.materialization) for view in views] == [(KEYS, None)] * 2
    house.close()


def revisions(home: Path, store: str) -> list[int]:
    house = open_house(Config(home=str(home), online=store))
    found = [house.tools().online.revision(store) for store in STORES]
    house.close()
    return found


def online_values(house: House) -> list[list[object]]:
    return [house.tools().online.get(store, [f"p{number}" for number in range(KEYS)]) for store in STORES]


def expected_values(house: House, home: Path) -> list[list[object]]:
    """The same rows, brought online by one that nobody disturbs, at the same moment."""
    note = house.tools().online.notes(STORES[0])["materialization"]
    now = columns.moment_of(msgspec.json.decode(note)["now"])
    fresh = open_house(Config(home=str(home), online=f"sqlite://{home / 'fresh.db'}", clock=now.isoformat()))
    for view in VIEWS:
        fresh.call("views.materialize", MaterializeView(view=view.name, full=True))
    found = online_values(fresh)
    fresh.close()
    return found
