"""LightGBM models: packed as text, read back without running code, asked by many threads."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pytest

from ondol.adapters.runtimes.lightgbm import LightgbmRuntime
from ondol.kernel.errors import Invalid, Refused

lightgbm = pytest.importorskip("lightgbm")
np = pytest.importorskip("numpy")

FEATURES = ["wind", "late share", "wet", "hour"]
RUNTIME = LightgbmRuntime()


def _values(rows: int) -> Any:
    values = np.random.default_rng(7).normal(size=(rows, len(FEATURES)))
    values[:, 2] = values[:, 2] > 0
    values[:, 3] = np.round(values[:, 3] * 5)
    values[::17, 0] = np.nan
    return values


@pytest.fixture(scope="module")
def booster() -> Any:
    values = _values(2000)
    late = np.nan_to_num(values[:, 0]) + values[:, 1] * values[:, 2] > 0.2
    data = lightgbm.Dataset(values, label=late, feature_name=list(FEATURES))
    settings = {"objective": "binary", "num_leaves": 15, "verbose": -1, "num_threads": 1}
    return lightgbm.train(settings, data, num_boost_round=30)


def _frame(values: Any) -> pl.DataFrame:
    columns = {name: values[:, number].tolist() for number, name in enumerate(FEATURES)}
    frame = pl.DataFrame(columns).with_columns(pl.col("wind").fill_nan(None), pl.col("wet") == 1.0)
    return frame.with_columns(pl.col("hour").cast(pl.Int32), flight=pl.lit("UA 1"))


@pytest.mark.parametrize("rows", [0, 1, 2, 50, 1000])
def test_a_packed_model_answers_as_the_one_that_was_trained(booster: Any, rows: int) -> None:
    values = _values(rows)
    predictor = RUNTIME.load(RUNTIME.dump(booster))
    assert predictor.features == [name.replace(" ", "_") for name in FEATURES]
    frame = _frame(values).rename({"late share": "late_share"})
    expected = booster.predict(values).tolist() if rows else []
    assert predictor.predict(frame.select(reversed(frame.columns))) == pytest.approx(expected, abs=1e-12)


def test_many_threads_may_ask_at_once(booster: Any) -> None:
    values = _values(200)
    predictor = RUNTIME.load(RUNTIME.dump(booster))
    frame = _frame(values).rename({"late share": "late_share"})
    pieces = [frame.slice(row, 1) for row in range(200)] + [frame]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(predictor.predict, pieces * 3))
    expected = booster.predict(values).tolist()
    for turn in range(3):
        single = answers[turn * 201 : turn * 201 + 200]
        assert [score for answer in single for score in answer] == pytest.approx(expected)
        assert answers[turn * 201 + 200] == pytest.approx(expected)


def test_missing_columns_are_named_and_text_is_no_number(booster: Any) -> None:
    predictor = RUNTIME.load(RUNTIME.dump(booster))
    with pytest.raises(Invalid, match="late_share, hour"):
        predictor.predict(pl.DataFrame({"wind": [1.0], "wet": [True]}))
    with pytest.raises(Invalid, match="hour"):
        predictor.predict(pl.DataFrame({"wind": [1.0], "wet": [True], "late_share": [0.1], "hour": ["nine"]}))


def test_nulls_among_truth_values_are_missing_values(booster: Any) -> None:
    predictor = RUNTIME.load(RUNTIME.dump(booster))
    frame = pl.DataFrame({name: [True, None] for name in predictor.features})
    assert predictor.predict(frame) == pytest.approx(booster.predict([[1.0] * 4, [float("nan")] * 4]).tolist())


def test_the_signature_says_what_went_in_and_what_mattered(booster: Any) -> None:
    signature = RUNTIME.signature(booster)
    assert signature["features"] == [name.replace(" ", "_") for name in FEATURES]
    assert signature["parameters"]["num_leaves"] == 15
    assert max(signature["importance"], key=signature["importance"].get) in ("wind", "late_share")


def test_what_is_no_model_of_ours_is_turned_away(booster: Any) -> None:
    for files in ({}, {"model.txt": b"nonsense"}, {"model.txt": b"\xff"}):
        with pytest.raises(Invalid):
            RUNTIME.load(files)


def test_a_model_with_several_scores_a_row_is_refused() -> None:
    data = lightgbm.Dataset(_values(300), label=np.arange(300) % 3)
    model = lightgbm.train({"objective": "multiclass", "num_class": 3, "verbose": -1}, data, num_boost_round=2)
    with pytest.raises(Refused, match="3 scores"):
        RUNTIME.dump(model)


def test_models_are_recognised_without_importing_the_library(booster: Any) -> None:
    assert RUNTIME.recognises(booster)
    assert not RUNTIME.recognises({"model": "x"})
    program = (
        "import sys; from ondol.adapters.runtimes.lightgbm import LightgbmRuntime\n"
        "assert not LightgbmRuntime().recognises(object())\n"
        "assert not {'lightgbm', 'numpy', 'polars'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_model_with_long_names_is_served_without_the_python_package() -> None:
    names = [f"share_of_late_arrivals_{'x' * 300}", "도착"]
    values = np.arange(200.0).reshape(100, 2)
    data = lightgbm.Dataset(values, label=values[:, 0] > 90, feature_name=names)
    model = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, num_boost_round=3)
    program = """
import sys
from ondol.adapters.runtimes.lightgbm import LightgbmRuntime
predictor = LightgbmRuntime().load({"model.txt": sys.stdin.buffer.read()})
print(predictor.features == sys.argv[1:], predictor.predict({name: [3.0] for name in predictor.features}))
assert "lightgbm" not in sys.modules and "scipy" not in sys.modules
"""
    text = RUNTIME.dump(model)["model.txt"]
    answer = subprocess.run([sys.executable, "-c", program, *names], input=text, capture_output=True, check=True)
    assert answer.stdout.decode().strip() == f"True {model.predict([[3.0, 3.0]]).tolist()}"
