"""scikit-learn models: types are audited before any is made."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import polars as pl
import pytest

from ondol.adapters.runtimes.sklearn import SklearnRuntime
from ondol.kernel.errors import Invalid, Refused

pytest.importorskip("skops", reason="needs `pip install 'ondol[sklearn]'`")
np = pytest.importorskip("numpy")

ensemble = pytest.importorskip("sklearn.ensemble")
linear = pytest.importorskip("sklearn.linear_model")
pipeline = pytest.importorskip("sklearn.pipeline")
preprocessing = pytest.importorskip("sklearn.preprocessing")

RUNTIME = SklearnRuntime()


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    random = np.random.default_rng(3)
    return pl.DataFrame({"wind": random.normal(size=200), "hour": random.integers(0, 24, 200)})


def _models() -> list[Any]:
    return [
        pipeline.make_pipeline(preprocessing.StandardScaler(), linear.LogisticRegression()),
        ensemble.RandomForestClassifier(10),
        ensemble.HistGradientBoostingClassifier(max_iter=10),
        ensemble.GradientBoostingRegressor(n_estimators=10),
    ]


@pytest.mark.parametrize("model", _models(), ids=lambda model: type(model).__name__)
def test_a_packed_model_answers_as_the_one_that_was_trained(model: Any, rows: pl.DataFrame) -> None:
    model.fit(rows, (rows["wind"] * 12 + rows["hour"] > 12).to_numpy())
    assert RUNTIME.recognises(model)
    assert RUNTIME.signature(model)["features"] == ["wind", "hour"]
    predictor = RUNTIME.load(RUNTIME.dump(model))
    expected = model.predict_proba(rows)[:, 1] if hasattr(model, "predict_proba") else model.predict(rows)
    assert predictor.predict(rows.select("hour", "wind", flight=pl.lit("UA"))) == pytest.approx(expected.tolist())
    assert predictor.predict(rows.head(0)) == []
    with pytest.raises(Invalid, match="wind"):
        predictor.predict(rows.select("hour"))
    with pytest.raises(Invalid):
        predictor.predict(pl.DataFrame({"wind": ["strong"], "hour": [1]}))


def test_a_package_that_would_call_something_is_refused_before_it_does(rows: pl.DataFrame) -> None:
    model = linear.LinearRegression().fit(rows, rows["hour"].to_numpy())
    packed = RUNTIME.dump(model)["model.skops"]
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    schema |= {"__class__": "Popen", "__module__": "subprocess"}
    members["schema.json"] = json.dumps(schema).encode()
    forged = io.BytesIO()
    with zipfile.ZipFile(forged, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(Refused, match=r"subprocess\.Popen"):
        RUNTIME.load({"model.skops": forged.getvalue()})


class Doubler(linear.LinearRegression):
    pass


def test_a_type_of_ones_own_must_be_vouched_for(rows: pl.DataFrame) -> None:
    model = Doubler().fit(rows, rows["hour"].to_numpy())
    with pytest.raises(Refused) as raised:
        RUNTIME.dump(model)
    (name,) = raised.value.details["types"]
    trusting = SklearnRuntime(trusted=(name,))
    assert trusting.dump(model)


def test_models_without_names_or_with_many_classes_are_refused(rows: pl.DataFrame) -> None:
    with pytest.raises(Refused, match="names"):
        RUNTIME.dump(linear.LinearRegression().fit(rows.to_numpy(), rows["hour"].to_numpy()))
    with pytest.raises(Refused, match="3 classes"):
        RUNTIME.dump(ensemble.RandomForestClassifier(3).fit(rows, (rows["hour"] % 3).to_numpy()))


def test_what_is_no_package_of_ours_is_turned_away() -> None:
    assert not RUNTIME.recognises("model")
    for files in ({}, {"model.skops": b"nonsense"}):
        with pytest.raises(Invalid):
            RUNTIME.load(files)
