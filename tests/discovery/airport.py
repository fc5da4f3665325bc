"""The flight project of the examples over three small weeks, and a second project that uses its features."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from ondol import heartbeat
from ondol.home import House
from tests.projects import apply

EXAMPLE = Path(__file__).parents[2] / "examples" / "flights" / "project.py"
NOW = datetime(2013, 4, 1, tzinfo=UTC)
CONNECTIONS = """\
import lightgbm as lgb
import polars as pl

import ondol as od

flights = od.dataset("flights")
carrier_late = od.feature_view("carrier_late")
plan = od.row_features("plan", ["distance"])
inputs = od.feature_service("connection_inputs", [carrier_late, plan], dataset=flights, label="arr_delay > 60",
                            owner="passengers", description="Will a passenger miss the connection?")


@od.step
def train(rows: pl.DataFrame) -> lgb.Booster:
    data = lgb.Dataset(rows.select(inputs.features).to_numpy(), rows["label"].to_numpy(), feature_name=inputs.features)
    return lgb.train({"objective": "binary", "verbose": -1, "num_leaves": 4}, data, num_boost_round=5)


@od.pipeline
def learn() -> None:
    od.candidate("missed-connection", train(od.training_set(inputs)))


od.model("missed-connection", trained_by=learn, owner="passengers")
"""


def open_airport(house: House, folder: Path) -> Path:
    """The flight project, applied, its rows landed and online."""
    home = folder / "flights"
    (home / "data/flights").mkdir(parents=True)
    (home / "data/weather").mkdir()
    shutil.copy(EXAMPLE, home)
    chance = random.Random(1)
    flights, weather = [], []
    for day in range(21):
        for number in range(40):
            departs = NOW - timedelta(days=21 - day, hours=-6, minutes=-20 * number)
            delay = chance.gauss(8, 20)
            flights.append({
                "flight_id": f"f{day}-{number}", "carrier": chance.choice(["UA", "B6", "DL"]),
                "tailnum": f"N{number % 7}", "origin": chance.choice(["JFK", "LGA"]),
                "dest": chance.choice(["BOS", "LAX"]),
                "local_date": departs.date(), "hour": departs.hour, "minute": departs.minute,
                "distance": chance.choice([187.0, 2475.0]), "arr_delay": round(delay),
                "departs_at": departs, "known_at": departs + timedelta(hours=3),
            })  # fmt: skip
        for hour in range(24):
            at = NOW - timedelta(days=21 - day, hours=-hour)
            weather += [
                {"origin": origin, "temp": 40.0 + hour, "dewp": 30.0, "humid": 50.0, "wind_dir": 180.0,
                 "wind_speed": 10.0, "precip": 0.0, "pressure": 1010.0, "visib": 10.0, "time": at,
                 "known_at": at + timedelta(hours=1)}
                for origin in ("JFK", "LGA")
            ]  # fmt: skip
    pl.DataFrame(flights).write_csv(home / "data/flights/march.csv")
    pl.DataFrame(weather).write_csv(home / "data/weather/march.csv")
    since = NOW - timedelta(days=400)
    planes = [{"tailnum": f"N{n}", "built": 2000.0 + n, "seats": 150.0, "since": since} for n in range(7)]
    pl.DataFrame(planes).write_csv(home / "data/planes.csv")
    apply(house, home)
    for dataset in ("flights", "weather", "planes"):
        report = house.call("datasets.refresh", {"dataset": dataset})
        assert [batch.status for batch in report.batches] == ["landed"], report.batches[0].violations
    heartbeat.settle(house)
    return home


def open_connections(house: House, folder: Path) -> Path:
    """The second project: a model of its own on a feature that it does not declare."""
    home = folder / "connections"
    home.mkdir()
    (home / "project.py").write_text(CONNECTIONS)
    apply(house, home)
    heartbeat.settle(house)
    return home
