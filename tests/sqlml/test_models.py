"""Models inside SQL."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from ondol.adapters.duckdb_sql import DuckdbSql
from ondol.adapters.runtimes.lightgbm import LightgbmRuntime
from ondol.features import service as features
from ondol.features.types import BuildTrainingSet, DeclareService, Feature, RowFeatures, ServiceSpec
from ondol.kernel.errors import Invalid, NotFound
from ondol.registry import service as registry
from ondol.registry.types import About, DeclareModel, ModelSpec, PointAlias, RegisterVersion
from ondol.sqlml import service
from ondol.sqlml.types import Query, QueryResult
from tests.lake.shore import Lake

lightgbm = pytest.importorskip("lightgbm")
numpy = pytest.importorskip("numpy")


def _ask(lake: Lake, sql: str) -> QueryResult:
    return service.query(lake.tools, Query(sql=sql))


@pytest.fixture(autouse=True, params=["polars", "duckdb"])
def engine(request: pytest.FixtureRequest, lake: Lake) -> None:
    lake.tools = dataclasses.replace(lake.tools, sql=DuckdbSql() if request.param == "duckdb" else None)


@pytest.fixture(scope="module")
def delay(lake: Lake) -> Any:
    """A registered model of one feature that knows the rule `distance > 130`."""
    lake.tools = dataclasses.replace(lake.tools, runtimes=(LightgbmRuntime(),))
    distance = numpy.arange(100, 160, dtype=float).reshape(-1, 1)
    data = lightgbm.Dataset(distance, label=(distance[:, 0] > 130).astype(float), feature_name=["distance"])
    options = {"objective": "binary", "min_data_in_leaf": 2, "min_data_in_bin": 1, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(options, data, num_boost_round=5)
    package = registry.write_package(lake.tools, "models/flight-delay/1", booster, About(label="distance > 130"))
    lake.call(registry.declare_model, DeclareModel(spec=ModelSpec(name="flight-delay")))
    version = lake.call(
        registry.register_version,
        RegisterVersion(
            model="flight-delay",
            key="1",
            flavor="lightgbm",
            package=package.folder,
            files=package.files,
            features=["distance"],
        ),
    )
    lake.call(registry.point_alias, PointAlias(model="flight-delay", alias="champion", version=version.id))
    return version


@pytest.mark.parametrize("model", ["flight-delay", "flight-delay@1", "flight-delay@champion", '"flight-delay"'])
def test_a_model_predicts_a_table(lake: Lake, delay: Any, model: str):
    sql = "SELECT flight_id, predicted FROM ML.PREDICT(MODEL {}, TABLE flights) WHERE predicted > 0.5"
    found = _ask(lake, sql.format(model))
    assert sorted(row[0] for row in found.rows) == [f"f{number}" for number in range(31, 60)]
    assert found.tables == {"silver/flights": 1}


def test_a_model_predicts_a_query_and_joins_other_tables(lake: Lake, delay: Any):
    found = _ask(
        lake,
        """
        SELECT f.carrier, count(*) AS late
        FROM ml.predict(MODEL flight-delay, (SELECT flight_id, distance FROM flights WHERE arrival_delay < 10)) p
        JOIN flights f ON f.flight_id = p.flight_id WHERE p.predicted > 0.5 GROUP BY f.carrier
        """,
    )
    assert found.rows == [["UA", 9]]


def test_a_model_is_evaluated_on_labelled_rows(lake: Lake, delay: Any):
    found = _ask(
        lake,
        "SELECT * FROM ML.EVALUATE(MODEL flight-delay, "
        "(SELECT distance, CASE WHEN distance > 130 THEN 1 ELSE 0 END AS label FROM flights))",
    )
    told = dict(zip(found.columns, found.rows[0], strict=True))
    assert (told["model"], told["version"], told["rows"], told["auc"]) == ("flight-delay", 1, 60, 1.0)
    assert math.isclose(told["positive_share"], 29 / 60)


def test_the_newest_training_set_of_a_service_is_a_table(lake: Lake, delay: Any):
    spec = ServiceSpec(
        name="inputs",
        dataset="flights",
        key="flight_id",
        time="departs_at",
        label="distance > 130",
        views=[],
        row_features=[
            RowFeatures(
                name="schedule",
                columns={"distance": "integer"},
                features=[Feature(name="distance", expression="distance")],
            )
        ],
    )
    lake.call(features.declare_service, DeclareService(spec=spec))
    built = lake.call(features.build_training_set, BuildTrainingSet(service="inputs"))
    found = _ask(lake, "SELECT auc, rows FROM ML.EVALUATE(MODEL flight-delay, TABLE training.inputs)")
    assert found.rows == [[1.0, 60]]
    assert found.tables == {built.table: built.table_version}
    by_id = "SELECT count(*) FROM training.{}"
    assert _ask(lake, by_id.format(built.id)).rows == [[60]]


def test_what_is_wrong_is_said(lake: Lake, delay: Any):
    with pytest.raises(Invalid, match="needs the columns distance"):
        _ask(lake, "SELECT * FROM ML.PREDICT(MODEL flight-delay, (SELECT flight_id FROM flights))")
    with pytest.raises(Invalid, match="needs a column `label`"):
        _ask(lake, "SELECT * FROM ML.EVALUATE(MODEL flight-delay, TABLE flights)")
    with pytest.raises(NotFound, match="no version '7'"):
        _ask(lake, "SELECT * FROM ML.PREDICT(MODEL flight-delay@7, TABLE flights)")
    with pytest.raises(NotFound, match="no model 'flight-dely'"):
        _ask(lake, "SELECT * FROM ML.PREDICT(MODEL flight-dely, TABLE flights)")
    with pytest.raises(Invalid, match=r"line 2, column 60"):
        _ask(lake, "SELECT *\nFROM ML.PREDICT(MODEL flight-delay, (SELECT * FROM flights WHERE))")
