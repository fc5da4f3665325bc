"""Eight kinds of artefact: all there for a model of a project file, each missed by name where it is missing."""

from __future__ import annotations

import msgspec

from ondol.home import House
from ondol.registry import service
from ondol.registry.rules import mlmodel
from ondol.registry.types import GetModel
from tests.registry.weights import declare, register

EIGHT = ["definition", "parameters", "functions", "dependencies", "data", "generation", "experiment", "tags"]


def kinds(house: House):
    return {kind.name: kind for kind in house.call("models.evidence", {"model": "flight-delay"}).kinds}


def test_the_model_of_the_flights_holds_all_eight_kinds_without_a_word_more_in_its_project_file(flights):
    found = house_kinds = kinds(flights)
    assert list(found) == EIGHT
    assert [name for name, kind in house_kinds.items() if not kind.present] == []
    assert "all rows but the newest 14d by departs_at" in found["data"].summary
    assert "test" in found["data"].summary
    assert "silver/flights@" in found["data"].summary
    assert "leaves=31" in found["generation"].summary
    assert found["generation"].summary.startswith("lightgbm 4")
    assert "roc.svg" in found["experiment"].summary
    assert "carrier_late@" in found["functions"].summary


def test_the_lock_names_what_training_needs_with_the_hash_of_what_was_installed(flights):
    version = flights.call("versions.find", {"model": "flight-delay", "reference": "1"})
    packages = version.evidence.environment.packages
    assert {"lightgbm", "numpy", "scipy", "polars", "deltalake", "msgspec"} <= set(packages)
    assert len(packages["lightgbm"].content) == 64
    assert packages["ondol"].content == ""
    lock = flights.tools().blobs.get(f"{version.package}/lock.txt").decode()
    assert f"lightgbm=={packages['lightgbm'].version}\n" in lock
    assert "ondol" not in lock.lower().replace("# everything", "")


def test_the_rows_of_train_and_test_are_counted_and_do_not_overlap(flights):
    version = flights.call("versions.find", {"model": "flight-delay", "reference": "champion"})
    train, test = version.evidence.splits
    assert (train.role, test.role) == ("train", "test")
    assert train.until == test.since
    whole = flights.call("training_sets.get", {"training_set": version.training_set})
    assert train.rows + test.rows == whole.rows
    assert train.rows > test.rows > 1000


def test_a_package_carries_its_definitions_code_and_plots(flights):
    version = flights.call("versions.find", {"model": "flight-delay", "reference": "1"})
    blobs = flights.tools().blobs
    assert {"features.json", "code.json", "plots/roc.svg", "plots/calibration.svg", "plots/importance.svg"} <= set(
        version.files
    )
    code = msgspec.json.decode(blobs.get(f"{version.package}/code.json"))
    assert "def train(" in code["files"]["project.py"]
    definitions = msgspec.json.decode(blobs.get(f"{version.package}/features.json"))
    assert definitions["service"]["hash"] == version.service_hash
    assert blobs.get(f"{version.package}/plots/roc.svg").startswith(b"<svg")
    described = msgspec.json.decode(blobs.get(f"{version.package}/{mlmodel.FILE}"))
    assert described["flavors"]["lightgbm"]["data"] in version.files


def test_what_is_missing_is_said_with_what_adds_it(house):
    declare(house)
    register(house, {"a": 1.0}, "run_1")
    found = kinds(house)
    assert not house.call("models.evidence", {"model": "flight-delay"}).complete
    present = [name for name, kind in found.items() if kind.present]
    assert present == ["parameters"]
    for name in set(EIGHT) - set(present):
        assert found[name].summary
        assert found[name].add


def test_a_use_that_is_written_down_later_counts(house):
    declare(house)
    register(house, {"a": 1.0}, "run_1")
    declare(house, intended_use="Warn passengers.")
    assert kinds(house)["definition"].present
    assert house.call(service.get_model, GetModel(model="flight-delay")).versions == 1
