"""Training sets said to other engines, in a real house."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import polars as pl
import pytest
from msgspec.structs import replace

from ondol.adapters.duckdb_training import DuckdbEngine
from ondol.adapters.spark import SparkEngine
from ondol.features import service as features
from ondol.features.types import BuildTrainingSet, DeclareService, DeclareView, GetTrainingQuery
from ondol.home import open_house
from ondol.kernel.config import Config
from ondol.kernel.errors import Invalid, NotFound, Refused, Unavailable
from ondol.lake.types import DeclareDataset
from ondol.ports.training_engine import EngineJob
from tests.features.sql_worlds import unlike
from tests.features.test_house import (  # noqa: F401
    FLIGHTS,
    INPUTS,
    LATE,
    NOW,
    SKY,
    WEATHER,
    append,
    declared,
    filled,
    flight,
    of_row,
)


def test_the_query_of_a_service_gives_its_training_set(filled, tmp_path):  # noqa: F811
    asked = filled.call("features.sql", GetTrainingQuery(service="inputs", tables=""))
    assert (asked.dialect, asked.until, asked.tables) == ("duckdb", NOW, {"flights": "flights", "weather": "weather"})
    made = filled.call("training_sets.build", BuildTrainingSet(service="inputs"))
    assert (made.engine, made.query) == ("house", "")
    tables = filled.tools().tables
    with duckdb.connect() as connection:
        for name in asked.tables:
            tables.scan(f"silver/{name}").collect().write_parquet(tmp_path / f"{name}.parquet")
            connection.sql(f"create view {name} as from '{tmp_path}/{name}.parquet'")
        connection.sql(f"copy ({asked.sql}) to '{tmp_path}/found.parquet'")
    ours = tables.scan(made.table, version=made.table_version).collect()
    assert unlike(ours, pl.read_parquet(tmp_path / "found.parquet")) == []


def test_a_warehouse_is_told_where_the_tables_stand(declared):  # noqa: F811
    request = GetTrainingQuery(service="inputs", dialect="bigquery", tables="air.silver")
    asked = declared.call("features.sql", request)
    assert asked.tables["flights"] == "air.silver.flights"
    assert "FROM air.silver.flights" in asked.sql
    with pytest.raises(NotFound, match="no_such"):
        declared.call("features.sql", GetTrainingQuery(service="no_such"))


def test_what_only_the_house_can_compute_says_so(declared):  # noqa: F811
    spec = of_row("delay", {"delay": "double"})
    function = "def tripled(delay):\n    return delay * 3"
    feature = spec["row_features"][0].features[0]
    row = type(spec["row_features"][0])(
        name="r",
        columns={"delay": "double"},
        features=[type(feature)(name="a", expression="tripled(delay)", function=function)],
    )
    service = type(INPUTS)(
        name="pure", dataset="flights", key="id", time="departs_at", label="delay > 15", views=[], row_features=[row]
    )
    declared.call("services.declare", DeclareService(spec=service))
    with pytest.raises(Invalid, match="Python function"):
        declared.call("features.sql", GetTrainingQuery(service="pure", dialect="spark"))


def test_an_engine_that_is_not_configured_is_named(filled):  # noqa: F811
    with pytest.raises(Invalid, match="No spark is configured") as caught:
        filled.call("training_sets.build", BuildTrainingSet(service="inputs", engine="spark"))
    assert "training_engine" in caught.value.hint
    assert filled.call("training_sets.build", BuildTrainingSet(service="inputs", engine="house")).engine == "house"


def test_a_machine_without_spark_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(Unavailable, match="spark-submit") as caught:
        SparkEngine("local[2]", tmp_path).run([EngineJob(statement="select 1", tables={}, folder=str(tmp_path / "x"))])
    assert "Java 17" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("JAVA_HOME is not set", "Spark found no Java"),
        ("26/01/01 WARN Utils: x\nTraceback: boom", "Spark failed: Traceback: boom"),
        ("", "it said nothing"),
    ],
)
def test_what_spark_says_is_passed_on(tmp_path, monkeypatch, said, message):
    program = tmp_path / "spark-submit"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(Unavailable, match=message):
        SparkEngine("local[2]", tmp_path).run([])


def test_an_address_that_is_no_master_is_refused(tmp_path):
    with pytest.raises(Invalid, match="not an address"):
        SparkEngine("sparky", tmp_path)


class TestByDuckdb:
    """The whole way of a training set that another engine joins, by one that is here."""

    @pytest.fixture
    def house(self, tmp_path):
        address = "duckdb?memory_limit=500MB&threads=1"
        opened = open_house(Config(home=str(tmp_path / "home"), clock="2013-04-01", training_engine=address))
        yield opened
        opened.close()

    def test_it_is_that_of_the_house_under_the_same_id(self, filled):  # noqa: F811
        made = filled.call("training_sets.build", BuildTrainingSet(service="inputs"))
        assert (made.engine, made.query[:4]) == ("duckdb", "WITH")
        assert filled.call("training_sets.build", BuildTrainingSet(service="inputs", engine="house")) == made
        tools = filled.tools()
        service = features.service_of(tools, "inputs")
        views = [filled.call("views.get", {"view": name}).spec for name in service.spec.views]
        by_house = features.rebuild_training_set(tools, made, service, views)
        by_duckdb = features.training_frame(tools, made)
        assert by_duckdb.schema == by_house.schema
        assert unlike(by_house, by_duckdb) == []

    def test_a_service_without_rows_is_refused_as_in_the_house(self, declared):  # noqa: F811
        with pytest.raises(Refused, match="No row"):
            declared.call("training_sets.build", BuildTrainingSet(service="inputs"))

    def test_what_the_files_alone_do_not_tell_is_written_out_first(self, filled, monkeypatch):  # noqa: F811
        monkeypatch.setattr("ondol.adapters.delta.DeltaTables.files", lambda *_, **__: None)
        made = filled.call("training_sets.build", BuildTrainingSet(service="inputs"))
        assert (made.engine, made.rows) == ("duckdb", 20)

    def test_a_dataset_of_another_layer_is_read_where_it_stands(self, house):
        for spec in (replace(FLIGHTS, layer="gold"), WEATHER):
            house.call("datasets.declare", DeclareDataset(spec=spec))
        for one in (SKY, LATE):
            house.call("views.declare", DeclareView(spec=one))
        house.call("services.declare", DeclareService(spec=INPUTS))
        append(house, "flights", flight(1, NOW - timedelta(days=2)), flight(2, NOW - timedelta(days=1), delay=30.0))
        made = house.call("training_sets.build", BuildTrainingSet(service="inputs"))
        assert (made.rows, list(made.tables), made.positive_share) == (2, ["gold/flights", "silver/weather"], 0.5)

    def test_another_engine_than_the_configured_one_is_refused(self, filled):  # noqa: F811
        with pytest.raises(Invalid, match="No spark"):
            filled.call("training_sets.build", BuildTrainingSet(service="inputs", engine="spark"))

    def test_what_it_cannot_do_is_told(self, tmp_path):
        job = EngineJob(statement="select no_such", tables={}, folder=str(tmp_path / "x"))
        with pytest.raises(Unavailable, match="no_such"):
            DuckdbEngine("", tmp_path).run([job])
