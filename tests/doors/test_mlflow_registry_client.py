"""MLflow's own client against our registry, in an environment of its own: `pytest --lanes=mlflow`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import polars as pl
import pytest

from benchmarks.peers import Unavailable, environment
from ondol.doors.server import build_app
from ondol.registry import service as registry
from ondol.registry.types import About
from tests.registry.weights import declare, registration
from tests.rooms import served

pytestmark = [pytest.mark.mlflow, pytest.mark.timeout(900)]

EXPECTED = {
    "found": ["flight-delay", {"champion": "1"}, ["1"]],
    "files": ["MLmodel", "README.md", "model.txt", "ondol.json"],
    "same scores": True,
    "wrong columns": True,
    "skops": ["HistGradientBoostingClassifier", True],
    "logged": ["1", True],
    "registered again": ["2", "READY"],
    "loaded": True,
    "copied": ["1", "Booster"],
    "by run": [["copied", "1"], ["team", "1"], ["team", "2"]],
    "notes": ["words", {"owner": "ops"}, "more words", {"checked": "yes"}, ["prod"]],
    "stages": [["1", "Archived"], ["2", "Staging"]],
    "staged": "PyFuncModel",
    "searched": [["team"], ["team"], ["1"]],
    "pages": ["copied", "flight-delay", "forest", "team"],
    "alias went too": "INVALID_PARAMETER_VALUE",
    "next number": "3",
    "refused": [
        "RESOURCE_DOES_NOT_EXIST",
        "RESOURCE_DOES_NOT_EXIST",
        "RESOURCE_ALREADY_EXISTS",
        "INVALID_PARAMETER_VALUE",
        "INVALID_PARAMETER_VALUE",
        "INVALID_PARAMETER_VALUE",
    ],
    "prompt": "Hello {{name}}",
    "no prompts among models": ["copied", "flight-delay", "forest"],
}


def put_models(house):
    """A LightGBM and a scikit-learn model in packages of ours."""
    lightgbm = pytest.importorskip("lightgbm")
    ensemble = pytest.importorskip("sklearn.ensemble")
    numpy = pytest.importorskip("numpy")
    x = numpy.random.default_rng(1).normal(size=(300, 2))
    y = (x[:, 0] > 0).astype(int)
    data = lightgbm.Dataset(x, y, feature_name=["wind", "hour"])
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, num_boost_round=5)
    forest = ensemble.HistGradientBoostingClassifier(max_iter=5).fit(
        pl.DataFrame({"wind": x[:, 0], "hour": x[:, 1]}), y
    )
    for name, model in (("flight-delay", booster), ("forest", forest)):
        declare(house, name)
        package = registry.write_package(house.tools(), f"models/{name}", model, About(label="late"))
        version = house.call("versions.register", registration(package, "k", model=name))
        if name == "flight-delay":
            house.call("aliases.point", {"model": name, "alias": "champion", "version": version.id})


@pytest.mark.parametrize("peer", ["mlflow"])
def test_a_team_keeps_its_models_here_and_loads_ours(house, peer, tmp_path):
    try:
        python = environment(peer)
    except Unavailable as reason:
        pytest.skip(str(reason))
    put_models(house)
    with served(build_app(house)) as url:
        settings = {"MLFLOW_TRACKING_URI": url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "HOME": str(tmp_path)}
        answer = subprocess.run(
            [python, Path(__file__).with_name("mlflow_registry_story.py")],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | settings,
        )
    assert answer.returncode == 0, answer.stderr[-6000:]
    assert json.loads(answer.stdout.splitlines()[-1]) == EXPECTED
