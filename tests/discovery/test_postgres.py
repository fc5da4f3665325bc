"""The same words find the same things on Postgres."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondol.home import open_house
from ondol.kernel.config import Config
from tests.discovery.airport import open_airport, open_connections
from tests.rooms import START

pytestmark = pytest.mark.postgres


def test_search_stories_owners_and_counters_on_postgres(tmp_path: Path, postgres_url: str) -> None:
    house = open_house(Config(home=str(tmp_path / "home"), clock=START, database=postgres_url))
    try:
        open_airport(house, tmp_path)
        open_connections(house, tmp_path)
        found = house.call("catalogue.search", {"text": "share of late arrivals of the carrier"}).items[0].thing
        assert (found.of, found.name, found.project) == ("carrier_late", "carrier_late_7d", "flights")
        card = house.call("features.show", {"feature": found.name})
        assert (card.computed, len(card.history)) == (1, 1)
        assert {use.project for use in card.used_by} == {"flights", "connections"}
        rows = house.call("sql.query", {"sql": "SELECT count(*) FROM flights, house.datasets"}).rows
        assert rows == [[840 * 3]]
    finally:
        house.close()
