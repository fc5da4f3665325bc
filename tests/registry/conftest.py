"""One trained model for all tests that only look at it; and a house on each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ondol.home import House, open_house
from ondol.kernel.config import Config
from tests.registry.flights import trained
from tests.rooms import START


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house with version 1 of `flight-delay`. Tests leave it as it is."""
    house = trained(tmp_path_factory.mktemp("flights"))
    yield house
    house.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """As everywhere, on SQLite; in the lane `postgres` on PostgreSQL too."""
    database = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    opened = open_house(Config(home=str(tmp_path / "home"), clock=START, database=database))
    yield opened
    opened.close()
