"""The file `MLmodel`, by which MLflow 2 and 3 read a package as a model of their own.

Written as JSON, which is YAML too. Layout of the flavors: `mlflow.lightgbm` and `mlflow.sklearn` of MLflow 3.17.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

FILE: Final = "MLmodel"
REQUIREMENTS: Final = "requirements.txt"
PYTHON_ENV: Final = "python_env.yaml"
READ_BY_MLFLOW: Final = ("lightgbm", "sklearn")

_ENV = {"virtualenv": PYTHON_ENV}
_NEEDS = {"lightgbm": ("lightgbm", "numpy", "scipy"), "sklearn": ("numpy", "scikit-learn", "scipy", "skops")}
"""What answering takes. What training took stands in the package's `lock.txt`."""


def write(
    flavor: str, signature: Mapping[str, Any], environment: Mapping[str, str], *, at: datetime, run: str = ""
) -> dict[str, bytes]:
    """The files that MLflow wants beside the model's own; none for a flavor that it does not know.

    `signature` is the runtime's; `environment`: package to version, with `python`.
    """
    make = {"lightgbm": _lightgbm, "sklearn": _sklearn}.get(flavor)
    if make is None:
        return {}
    python = environment.get("python", "")
    content: dict[str, Any] = {
        "artifact_path": "model",
        "flavors": make(signature, environment, python),
        "mlflow_version": "3.17.0",
        "run_id": run or None,
        "signature": {"inputs": _columns(signature["features"]), "outputs": _outputs(), "params": None},
        "utc_time_created": f"{at:%Y-%m-%d %H:%M:%S.%f}",
    }
    env = {"python": python, "build_dependencies": ["pip"], "dependencies": [f"-r {REQUIREMENTS}"]}
    packages = [f"{name}=={environment[name]}" if name in environment else name for name in _NEEDS[flavor]]
    return {FILE: _json(content), PYTHON_ENV: _json(env), REQUIREMENTS: ("\n".join(packages) + "\n").encode()}


def _lightgbm(_: Mapping[str, Any], environment: Mapping[str, str], python: str) -> dict[str, Any]:
    return {
        "lightgbm": {
            "code": None,
            "data": "model.txt",
            "lgb_version": environment.get("lightgbm", ""),
            "model_class": "lightgbm.basic.Booster",
        },
        "python_function": {
            "data": "model.txt",
            "env": _ENV,
            "loader_module": "mlflow.lightgbm",
            "python_version": python,
        },
    }


def _sklearn(signature: Mapping[str, Any], environment: Mapping[str, str], python: str) -> dict[str, Any]:
    return {
        "sklearn": {
            "code": None,
            "pickled_model": "model.skops",
            "serialization_format": "skops",
            "skops_trusted_types": signature.get("trusted_types"),
            "sklearn_version": environment.get("scikit-learn", environment.get("sklearn", "")),
        },
        "python_function": {
            "env": _ENV,
            "loader_module": "mlflow.sklearn",
            "model_path": "model.skops",
            "predict_fn": "predict",
            "python_version": python,
        },
    }


def _columns(features: Sequence[str]) -> str:
    columns = [{"type": "double", "name": name, "required": True} for name in features]
    return msgspec.json.encode(columns).decode()


def _outputs() -> str:
    return msgspec.json.encode([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]).decode()


def _json(content: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
