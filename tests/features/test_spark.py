"""The same definitions on Spark: `pytest --lanes=spark`. Spark has an environment of its own; Java 17 must be here."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from benchmarks.peers import Unavailable, environment
from ondol.adapters.spark import SparkEngine
from ondol.demo.feed import Feed
from ondol.features import service as features
from ondol.features.types import BuildTrainingSet
from ondol.home import open_house
from ondol.kernel.config import Config
from ondol.ports.training_engine import EngineJob, EngineTable
from tests.features import sql_cases, sql_worlds
from tests.projects import apply

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

# One compiler instead of two, one collector, no files between processes: this is a small machine and a short day.
QUICK = "&".join(
    [
        "local[2]?spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1 -XX:%2BUseSerialGC",
        "spark.sql.shuffle.partitions=2", "spark.driver.memory=1g", "spark.sql.codegen.wholeStage=false",
        "spark.sql.adaptive.enabled=false", "spark.ui.enabled=false",
    ]
)  # fmt: skip
END = datetime(2013, 2, 20, tzinfo=UTC)


@pytest.fixture
def spark(monkeypatch):
    if not shutil.which("java"):
        pytest.skip("the lane spark needs Java 17: apt-get install openjdk-17-jre-headless")
    try:
        python = environment("spark")
    except Unavailable as reason:
        pytest.skip(str(reason))
    monkeypatch.setenv("PATH", f"{python.parent}{os.pathsep}{os.environ['PATH']}")


def read(folder):
    return pl.concat([pl.read_parquet(file) for file in sorted(Path(folder).glob("*.parquet"))])


def table(folder, name, frame, columns):
    frame.write_parquet(folder / f"{name}.parquet")
    return {name: EngineTable(files=[str(folder / f"{name}.parquet")], columns=columns)}


@pytest.mark.usefixtures("spark")
def test_expressions_and_training_sets_are_those_of_the_house(tmp_path):
    cases = table(tmp_path, "cases", sql_cases.FRAME, sql_cases.COLUMNS | {"row": "integer"})
    example = table(tmp_path, "example", sql_cases.EXAMPLE, sql_cases.test_expressions.WIDE)
    world, span = sql_worlds.world(seed=7, readings=2_000, asked=600, places=30), (None, sql_worlds.UNTIL)
    moments = table(tmp_path, "moments", sql_cases.MOMENTS, {"row": "integer", "t": "timestamp"})
    random = {}
    for name, frame in world.items():
        random |= table(tmp_path, name, frame, sql_worlds.DATASETS[name].columns)
    statements = {
        "cases": (sql_cases.query("spark"), cases),
        "example": (sql_cases.examples("spark"), example),
        "walls": (sql_cases.walls("spark"), moments),
        "random": (sql_worlds.statement(span, "spark"), random),
    }
    # What a person's session might be set to must not matter.
    engine = SparkEngine(f"{QUICK}&spark.sql.session.timeZone=America/New_York", tmp_path)
    engine.run(
        [EngineJob(statement=text, tables=of, folder=str(tmp_path / name)) for name, (text, of) in statements.items()]
    )
    assert sql_cases.differences(read(tmp_path / "cases")) == []
    assert sql_cases.wrong_examples(read(tmp_path / "example")) == []
    assert sql_cases.wrong_walls(read(tmp_path / "walls")) == []
    ours = sql_worlds.by_us(world, span)
    assert ours.height > 200
    assert sql_worlds.unlike(ours, read(tmp_path / "random").with_columns(pl.col("at").cast(ours.schema["at"]))) == []


@pytest.mark.usefixtures("spark")
def test_a_training_set_of_flights_joined_on_spark_is_that_of_the_house(tmp_path):
    folder = tmp_path / "project"
    Feed(date(2013, 2, 20)).write_history(folder / "data")
    shutil.copy("examples/flights/project.py", folder)
    config = Config(home=str(tmp_path / "home"), clock="2013-02-20", training_engine=QUICK)
    house = open_house(config)
    try:
        apply(house, folder)
        for name in ("flights", "weather", "planes"):
            house.call("datasets.refresh", {"dataset": name})
        request = BuildTrainingSet(service="flight_inputs", since=END - timedelta(days=30), until=END)
        made = house.call("training_sets.build", request)
        assert (made.engine, made.query[:4]) == ("spark", "WITH")
        assert house.call("training_sets.get", {"training_set": made.id}) == made
        service = house.call("services.get", {"service": "flight_inputs"})
        views = [house.call("views.get", {"view": name}).spec for name in service.spec.views]
        by_house = features.rebuild_training_set(house.tools(), made, service, views)
        by_spark = features.training_frame(house.tools(), made)
        assert by_spark.schema == by_house.schema
        assert made.rows == by_house.height > 20_000
        assert sql_worlds.unlike(by_house, by_spark) == []
    finally:
        house.close()
