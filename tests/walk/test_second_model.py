"""A second project trains a model of its own on a feature that the first one declares: found, read about, shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondol import heartbeat
from ondol.home import House
from tests.discovery.airport import open_airport, open_connections
from tests.projects import run

pytestmark = pytest.mark.walk


def test_a_second_model_learns_from_a_feature_that_another_project_declares_and_computed(
    house: House, tmp_path: Path
) -> None:
    open_airport(house, tmp_path)
    first = house.call("training_sets.build", {"service": "flight_inputs"})
    heartbeat.settle(house)
    found = house.call("catalogue.search", {"text": "share of late arrivals of the carrier"}).items[0].thing
    assert (found.of, found.name, found.owner) == ("carrier_late", "carrier_late_7d", "operations")
    before = house.call("features.show", {"feature": found.name})
    assert before.history
    assert before.newest
    assert before.used_by

    open_connections(house, tmp_path)
    ended = run(house, "learn")
    assert ended.status == "finished", ended.error
    (version,) = house.call("versions.list", {"model": "missed-connection"})
    assert version.features == ["carrier_late_7d", "distance"]

    after = house.call("features.show", {"feature": found.name})
    users = {(use.kind, use.name): use for use in after.used_by}
    assert users["model", "missed-connection"].project == "connections"
    assert users["model", "missed-connection"].owner == "passengers"
    assert (after.computed, after.computed_for_training) == (before.computed, before.computed_for_training) == (1, 1)
    second = house.call("training_sets.get", {"training_set": version.training_set})
    assert second.rows == first.rows
