"""What a step gives back is stored without pickle, and is the same when it is read."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from ondol.adapters.runtimes.lightgbm import LightgbmRuntime
from ondol.kernel.errors import Invalid
from ondol.sdk.values import Writer, numbers, read


class Found(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    count: int


def stored(value: Any, kind: Any = None) -> Any:
    blobs: dict[str, bytes] = {}

    def put(name: str, content: bytes) -> str:
        blobs[f"steps/{name}"] = content
        return f"steps/{name}"

    output, fresh = Writer("train", put, [LightgbmRuntime()], kind).write(value)
    assert all(isinstance(content, bytes) for content in blobs.values())
    return output, fresh, read(output, blobs.__getitem__, [LightgbmRuntime()], kind)


@pytest.mark.parametrize(
    "value", [None, 3, 2.5, "text", True, [1, 2], {"auc": 0.7}, {"nested": [{"a": None}]}, (1, "two", {"three": 3})]
)
def test_plain_values_come_back(value: Any) -> None:
    output, fresh, back = stored(value)
    assert fresh == back == value
    assert output.digest == stored(value)[0].digest


def test_frames_come_back_with_their_types() -> None:
    frame = pl.DataFrame({"a": [1, None], "at": [None, "2013-01-01"]}).with_columns(pl.col("at").str.to_datetime())
    output, _, back = stored(frame)
    assert back.equals(frame)
    assert back.schema == frame.schema
    assert output.summary == "2 rows × 2 columns"
    assert stored(frame.lazy())[0].digest == output.digest


def test_structs_come_back_as_structs_and_numpy_numbers_as_numbers() -> None:
    assert stored(Found(name="x", count=2), Found)[2] == Found(name="x", count=2)
    assert stored({"auc": np.float64(0.5), "rows": np.int64(3)})[2] == {"auc": 0.5, "rows": 3}


def test_models_come_back_from_their_own_format() -> None:
    import lightgbm

    data = lightgbm.Dataset(np.arange(200.0).reshape(100, 2), np.arange(100) % 2)
    model = lightgbm.train({"objective": "binary", "verbose": -1, "min_data_in_leaf": 5}, data, num_boost_round=2)
    output, fresh, back = stored(model)
    assert fresh is model
    assert back.model_to_string() == model.model_to_string()
    assert output.format == "lightgbm"


def test_anything_else_is_refused_by_step_and_type() -> None:
    with pytest.raises(Invalid, match=r"Step 'train' gave back a .*object, which cannot be stored"):
        stored(object())
    with pytest.raises(Invalid, match="cannot be stored"):
        stored({"model": lambda: 1})


def test_numbers_of_a_dict_are_metrics() -> None:
    assert numbers({"auc": 0.5, "rows": 3, "name": "x", "fine": True}) == {"auc": 0.5, "rows": 3.0}
    assert numbers([1, 2]) == {}
