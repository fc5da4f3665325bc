"""Declarations: what is refused, what may change later."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ondol.kernel.errors import Conflict, Invalid
from ondol.lake import service
from ondol.lake.types import DatasetSpec, GetDataset, Rule
from tests.lake.shore import FLIGHTS, Lake, flight, flights


def _changed(**fields: Any) -> DatasetSpec:
    return msgspec.structs.replace(FLIGHTS, **fields)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": "no/slash"}, "name: 'no/slash'"),
        ({"columns": {}}, "columns: "),
        ({"columns": {"_batch": "string"}, "key": []}, "columns: '_batch'"),
        ({"key": ["flight"]}, "key: the dataset 'flights' has no column 'flight'"),
        ({"key": ["carrier", "carrier"]}, "names a column twice"),
        ({"time": "carrier"}, "time: 'carrier' is string"),
        ({"known_at": "landed_at"}, "known_at: "),
        ({"time": "", "contract": []}, "partition: by day needs `time`"),
        ({"contract": [Rule(kind="between", column="carrier", low=1)]}, r"contract\[0\]: 'carrier' is string"),
        ({"contract": [Rule(kind="between", column="distance")]}, r"contract\[0\]: between needs"),
        ({"contract": [Rule(kind="between", column="distance", low=2, high=1)]}, "between 2 and 1 is empty"),
        ({"contract": [Rule(kind="one_of", column="carrier")]}, "one_of needs `values`"),
        ({"contract": [Rule(kind="unique", columns=["carrier", "gate"])]}, "has no column 'gate'"),
        ({"contract": [Rule(kind="fresh", within="soon")]}, "'soon' is not a duration"),
        ({"contract": [Rule(kind="types")]}, "'types' is always checked"),
        ({"where": "arrival_dely > 3"}, "where: the dataset 'flights' has no column 'arrival_dely'"),
        ({"where": "arrival_delay >"}, "where: 'arrival_delay >'"),
        ({"where": "carrier > 3"}, "where: 'carrier > 3'"),
        ({"where": "distance + 1"}, r"where: 'distance \+ 1'"),
    ],
)
def test_what_cannot_work_is_refused_with_its_field(lake: Lake, fields: dict[str, Any], told: str):
    with pytest.raises(Invalid, match=told):
        lake.declare(_changed(**fields))


def test_declaring_twice_changes_nothing(lake: Lake):
    lake.declare()
    before = lake.call(service.get_dataset, GetDataset(dataset="flights"))
    lake.declare()
    assert lake.call(service.get_dataset, GetDataset(dataset="flights")) == before


def test_before_the_first_batch_everything_may_change(lake: Lake):
    lake.declare()
    lake.declare(_changed(columns={"a": "string"}, key=["a"], time="", partition="", where="", contract=[]))
    lake.append("one", [{"a": "x"}])
    assert lake.silver() == [{"a": "x"}]


def test_a_new_column_is_null_in_older_rows(lake: Lake):
    lake.declare()
    lake.append("one", [flight(1)])
    lake.declare(_changed(columns=FLIGHTS.columns | {"gate": "string"}))
    assert lake.silver()[0]["gate"] is None
    lake.append("two", [flight(2, gate="A1")])
    assert sorted(row["gate"] or "" for row in lake.silver()) == ["", "A1"]
    assert service.scan(lake.tools, "flights", 0).collect()["gate"].to_list() == [None]


def test_the_contract_may_change(lake: Lake):
    lake.declare()
    lake.append("one", flights(0, 3))
    lake.declare(_changed(contract=[], description="all of 2013"))
    assert lake.append("two", [flight(9, distance=-1)]).landed_rows == 1
    assert lake.append("three", [flight(9, distance=-1)]).duplicates == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"columns": {name: kind for name, kind in FLIGHTS.columns.items() if name != "carrier"}},
        {"columns": FLIGHTS.columns | {"distance": "double"}},
        {"key": ["flight_id", "carrier"]},
        {"partition": "month"},
    ],
)
def test_what_landed_rows_do_not_allow_is_a_conflict(lake: Lake, fields: dict[str, Any]):
    lake.declare()
    lake.append("one", flights(0, 3))
    with pytest.raises(Conflict, match="rows have landed"):
        lake.declare(_changed(**fields))
