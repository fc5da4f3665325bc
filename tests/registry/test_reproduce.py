"""A version is trained again from the registry alone, and what differs is said."""

from __future__ import annotations

import msgspec
import pytest
from click.testing import CliRunner

from ondol.doors.cli.main import root
from ondol.kernel.errors import NotFound, Refused
from ondol.runner.reproduce import reproduce_version
from tests.registry.weights import declare, register


def command(house, *words):
    return CliRunner(env={"ONDOL_DATABASE": house.config.database}).invoke(
        root, ["--home", str(house.config.home_path), *words]
    )


def test_the_flight_model_is_trained_again_to_equal_metrics_and_the_same_bytes(flights):
    ended = command(flights, "reproduce", "flight-delay", "--json")
    found = msgspec.json.decode(ended.stdout)
    assert (ended.exit_code, found["equal"], found["identical"]) == (0, True, True)
    assert found["again"] == found["metrics"]
    assert found["metrics"]["auc"] > 0.6
    assert found["differences"] == found["environment"] == []
    assert "equal to the stored table" in found["data"][0]
    assert len(flights.call("versions.list", {"model": "flight-delay"})) == 1


def test_another_seed_shows_as_other_metrics_and_a_failing_exit_status(flights, monkeypatch):
    """The code of the package is changed below the registry's hands, and signed by nobody."""
    from ondol.registry import service as registry

    (version,) = flights.call("versions.list", {"model": "flight-delay"})
    files = registry.read_package(flights.tools(), version)
    assert b"seed: int = 7" in files["code.json"]
    changed = files | {"code.json": files["code.json"].replace(b"seed: int = 7", b"seed: int = 8")}
    monkeypatch.setattr(registry, "read_package", lambda *_, **__: changed)
    found = reproduce_version(flights, version.id)
    assert (found.equal, found.identical) == (False, False)
    assert {"auc", "model.txt"} <= {difference.what for difference in found.differences}
    assert found.again["auc"] == pytest.approx(found.metrics["auc"], abs=0.05)


def test_a_version_without_code_says_what_is_missing(house):
    declare(house)
    version = register(house, {"a": 1.0}, "run_1")
    with pytest.raises(NotFound, match="holds no code"):
        reproduce_version(house, version.id)
    ended = command(house, "reproduce", "flight-delay", "--json")
    assert isinstance(ended.exception, NotFound)


def test_code_that_was_changed_among_the_blobs_is_refused(house):
    declare(house)
    version = register(house, {"a": 1.0}, "run_1", files={"code.json": b"{}"})
    house.tools().blobs.put(f"{version.package}/code.json", b'{"files": {}}')
    with pytest.raises(Refused, match=r"code\.json was changed"):
        reproduce_version(house, version.id)


def test_rows_that_came_later_change_nothing(tmp_path):
    from tests.registry.flights import trained

    house = trained(tmp_path)
    try:
        (version,) = house.call("versions.list", {"model": "flight-delay"})
        row = {"origin": "JFK", "temp": 99.0, "dewp": 1.0, "humid": 1.0, "wind_dir": 1.0, "wind_speed": 199.0,
               "precip": 1.0, "pressure": 1.0, "visib": 0.0, "time": "2013-01-20T10:30:00Z",
               "known_at": "2013-01-20T10:31:00Z"}  # fmt: skip
        house.call("datasets.append", {"dataset": "weather", "key": "late", "rows": [row]})
        assert house.call("datasets.get", {"dataset": "weather"}).version > version.tables["silver/weather"]
        found = reproduce_version(house, version.id)
        assert (found.equal, found.identical) == (True, True)
    finally:
        house.close()


@pytest.mark.packaging
@pytest.mark.timeout(900)
def test_a_fresh_environment_made_from_the_lock_gives_the_same_model(flights):
    ended = command(flights, "reproduce", "flight-delay", "--fresh-environment", "--json")
    found = msgspec.json.decode(ended.stdout)
    assert (ended.exit_code, found["equal"], found["identical"]) == (0, True, True)
    assert found["environment"] == []
