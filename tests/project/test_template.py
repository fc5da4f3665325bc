"""What `ondol new` writes runs: from rows in a file to an endpoint with traffic."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ondol.home import House, open_house
from ondol.kernel.config import Config
from ondol.kernel.errors import Conflict
from ondol.sdk.template import new_project
from tests.projects import apply, run

CARELESS = """

@od.pipeline
def careless():
    rows = od.training_set(inputs)
    model = train(rows.with_columns(pl.col("label").shuffle(seed=1)))
    od.deploy(od.candidate("returns", model), to="returns", past_the_gate=True)
"""


def test_the_new_project_trains_passes_its_gate_and_serves(tmp_path: Path) -> None:
    new_project(tmp_path / "shop")
    with (tmp_path / "shop" / "project.py").open("a") as file:
        file.write(CARELESS)
    house = open_house(Config(home=str(tmp_path / "home")))
    try:
        apply(house, tmp_path / "shop")
        first = run(house, "training")
        assert (first.status, first.error) == ("finished", "")
        names = ["ingest", "validate", "features", "train", "evaluate", "register", "gate", "deploy"]
        assert [step.name for step in first.steps] == names
        check_version(house, first.results["version"], first.results["training_set"], first.code)
        (route,) = house.call("endpoints.get", {"endpoint": "returns"}).traffic
        assert (route.version, route.share) == (first.results["version"], 1.0)

        careless = run(house, "careless")
        assert careless.status == "finished"
        assert [step.name for step in careless.steps] == ["features", "train", "register", "deploy"]
        shares = {route.version: route.share for route in house.call("endpoints.get", {"endpoint": "returns"}).traffic}
        assert shares == {first.results["version"]: 0.9, careless.results["version"]: 0.1}

        again = run(house, "training")
        cached = [step.name for step in again.steps if step.status == "cached"]
        assert cached == ["validate", "features", "train", "evaluate"]
        assert again.results["training_set"] == careless.results["training_set"] == first.results["training_set"]
        assert "returns tries version 2" in again.error
        assert re.search(r"\(at project.py:\d+\)$", again.error)
    finally:
        house.close()


def check_version(house: House, identity: str, training_set: str, code: str) -> None:
    version = house.call("versions.get", {"version": identity})
    assert version.training_set == training_set
    assert version.code == code
    assert version.params == {"leaves": 15, "rounds": 40}
    assert version.metrics["auc"] > 0.65
    assert version.features == ["returned_30d", "orders_30d", "category_30d", "price", "hour"]
    assert version.label == "returned > 0"
    assert version.tables
    assert "lightgbm" in version.environment
    ancestors = {node.kind for node in house.call("lineage", {"id": identity}).nodes}
    assert {"run", "training_set", "code", "table"} <= ancestors


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").touch()
    with pytest.raises(Conflict):
        new_project(tmp_path)
