"""One trained model for all tests that only look at it."""

from __future__ import annotations

import pytest

from tests.registry.flights import trained


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory):
    """A house with version 1 of `flight-delay`. Tests leave it as it is."""
    house = trained(tmp_path_factory.mktemp("flights"))
    yield house
    house.close()
