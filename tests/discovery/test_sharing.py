"""A person of one project finds a feature of another, reads its story, and uses it without computing it again."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ondol import heartbeat
from ondol.home import House
from ondol.kernel.errors import Conflict, Invalid, NotFound
from tests.discovery.airport import open_airport, open_connections
from tests.projects import apply

WORDS = "share of late arrivals of the carrier"


@pytest.fixture
def airport(house: House, tmp_path: Path) -> Path:
    return open_airport(house, tmp_path)


def test_a_feature_is_found_read_about_and_used_again_without_computing_it_again(house: House, airport: Path) -> None:
    first = house.call("training_sets.build", {"service": "flight_inputs"})
    heartbeat.settle(house)

    found = house.call("catalogue.search", {"text": WORDS}).items[0].thing
    assert (found.kind, found.of, found.name) == ("feature", "carrier_late", "carrier_late_7d")
    assert (found.project, found.owner, found.used_by) == ("flights", "operations", 3)
    assert found.newest is not None

    card = house.call("features.show", {"feature": f"{found.of}.{found.name}"})
    (feature,) = card.features
    assert feature.description == WORDS
    assert feature.definition == "mean(arr_delay > 15) over 7d"
    assert [entry.current for entry in card.history] == [True]
    assert card.history[0].features == ["carrier_late_7d = mean(arr_delay > 15) over 7d"]
    assert (card.behind_versions, card.online_keys, card.owner) == (0, 3, "operations")
    assert {(use.kind, use.name) for use in card.used_by} >= {
        ("feature_service", "flight_inputs"), ("endpoint", "flight-delay"),
    }  # fmt: skip
    assert card.profiled == first.id
    assert feature.profile.rows == first.rows
    assert 0 < feature.profile.mean < 1
    assert sum(feature.profile.histogram.counts) == first.rows - feature.profile.nulls
    values = house.call("views.values", {"view": "carrier_late"})
    assert values.columns == ["carrier", "carrier_late_7d"]
    assert [row[0] for row in values.rows] == ["B6", "DL", "UA"]
    assert (card.computed, card.computed_for_training) == (1, 1)

    open_connections(house, airport.parent)
    second = house.call("training_sets.build", {"service": "connection_inputs"})
    heartbeat.settle(house)
    columns = ["flight_id", "carrier_late_7d"]
    both = [
        house.tools().tables.scan(each.table).select(columns).sort("flight_id").collect() for each in (first, second)
    ]
    assert both[0].equals(both[1])
    read = house.call("features.read", {"service": "connection_inputs", "rows": [{"carrier": "UA", "distance": 187.0}]})
    assert read.rows[0][0] == values.rows[2][1]
    card = house.call("features.show", {"feature": "carrier_late"})
    counted = (card.computed, card.computed_for_training)
    assert counted == (1, 1), "what the first project computed is read by both, online and in training sets"
    assert ("feature_service", "connection_inputs", "connections") in {
        (use.kind, use.name, use.project) for use in card.used_by
    }


def test_a_new_definition_is_a_new_entry_of_the_history(house: House, airport: Path) -> None:
    file = airport / "project.py"
    file.write_text(file.read_text().replace('late = od.mean(LATE, window="7d")', 'late = od.mean(LATE, window="14d")'))
    apply(house, airport)
    history = house.call("features.show", {"feature": "carrier_late"}).history
    assert [(entry.current, entry.features[0].rpartition(" over ")[2]) for entry in history] == [
        (True, "14d"), (False, "7d"),
    ]  # fmt: skip


def test_names_are_common_to_projects_and_each_thing_has_one_owner(house: House, airport: Path) -> None:
    other = airport.parent / "other"
    other.mkdir()
    text = (airport / "project.py").read_text()
    (other / "project.py").write_text(text.replace('od.between("distance", 1, 6000)', 'od.between("distance", 1, 60)'))
    with pytest.raises(Conflict, match="dataset 'flights' is declared by the project 'flights'") as caught:
        apply(house, other)
    assert 'od.dataset("flights") uses it as it is' in caught.value.hint
    assert house.call("datasets.get", {"dataset": "flights"}).spec.contract[2].high == 6000
    connections = open_connections(house, airport.parent)
    assert [project.name for project in house.call("projects.list")] == ["connections", "flights"]
    planned = apply(house, airport)
    assert planned.undeclared == []
    assert {change.action for change in planned.changes} == {"keep"}
    owners = {(each.kind, each.name): each.project for each in house.call("projects.things")}
    assert owners["feature view", "carrier_late"] == "flights"
    assert owners["feature service", "connection_inputs"] == "connections"
    (connections / "project.py").write_text('import ondol as od\n\n\nod.feature_view("carrier_lat")\n')
    with pytest.raises(Invalid, match=r"project.py:4: There is no feature view 'carrier_lat'"):
        apply(house, connections)


def test_filters_and_facets(house: House, airport: Path) -> None:
    everything = house.call("catalogue.search", {"limit": 200})
    assert everything.total == len(everything.items)
    kinds = {facet.value: facet.count for facet in everything.facets["kind"]}
    assert (kinds["dataset"], kinds["feature_view"], kinds["endpoint"]) == (3, 4, 1)
    fleet = house.call("catalogue.search", {"owner": "fleet", "kinds": ["dataset"]})
    assert [found.thing.name for found in fleet.items] == ["planes"]
    assert {facet.value for facet in fleet.facets["owner"]} == {"fleet", "operations"}
    found = house.call("catalogue.search", {"text": "minutes late at the gate", "kinds": ["column"]}).items
    assert (found[0].thing.of, found[0].thing.name) == ("flights", "arr_delay")
    assert found[0].thing.used_by >= 4


def test_who_uses_what(house: House, airport: Path) -> None:
    uses = {
        (use.kind, use.name): use.via for use in house.call("catalogue.uses", {"kind": "dataset", "name": "planes"})
    }
    assert uses["feature_view", "plane"] == []
    assert uses["endpoint", "flight-delay"] == ["plane", "flight_inputs"]
    column = house.call("catalogue.uses", {"kind": "column", "name": "weather.visib"})
    assert {use.name for use in column} >= {"weather_now.visib", "flight_inputs", "flight-delay"}
    with pytest.raises(NotFound, match="There is no dataset 'plan'"):
        house.call("catalogue.uses", {"kind": "dataset", "name": "plan"})


def test_statistics_of_every_column_are_computed_once_for_a_version(house: House, airport: Path) -> None:
    profile = house.call("datasets.statistics", {"dataset": "flights"})
    columns = {column.name: column for column in profile.columns}
    assert (profile.rows, profile.version) == (840, 0)
    assert columns["distance"].distinct == 2
    assert (columns["distance"].low, columns["distance"].high) == (187, 2475)
    assert {entry.value for entry in columns["carrier"].frequent} == {"UA", "B6", "DL"}
    assert sum(columns["arr_delay"].histogram.counts) == 840
    assert sum(columns["departs_at"].histogram.counts) == 840
    assert len(columns["arr_delay"].quantiles) == 5
    rows = house.tools().tables.scan("silver/flights").collect()
    assert columns["arr_delay"].mean == pytest.approx(rows["arr_delay"].mean())
    assert columns["arr_delay"].quantiles[2] == rows["arr_delay"].median()
    assert isinstance(rows, pl.DataFrame)
    assert house.call("datasets.statistics", {"dataset": "flights"}) == profile
