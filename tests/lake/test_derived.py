"""Datasets that are computed from others."""

from __future__ import annotations

import msgspec
import pytest

from ondol.kernel.errors import Conflict, Invalid
from ondol.lake import reactions, service
from ondol.lake.service import versions
from ondol.lake.types import DatasetSpec, GetDataset, ListBatches, RefreshDataset, Rule
from ondol.lake.types.versions import DatasetRewritten, RollBack
from ondol.lineage import service as lineage
from ondol.lineage.types import Trace
from tests.lake.shore import FLIGHTS, Lake, flight, flights

PLAIN = msgspec.structs.replace(FLIGHTS, where="", contract=[])
BY_CARRIER = DatasetSpec(
    name="by_carrier",
    columns={"carrier": "string", "flights": "integer", "worst": "double", "first_hour": "integer"},
    key=["carrier"],
    layer="gold",
    query="""select carrier, count(*) as flights, max(arrival_delay) as worst,
                    min(extract(hour from departs_at)) as first_hour from flights group by carrier""",
)


def react(lake: Lake) -> None:
    """Deliver what was stated, as the house does, until nothing is left."""
    while lake.events:
        event = lake.events.pop(0)
        answer = reactions.compute_derived_anew if isinstance(event, DatasetRewritten) else reactions.compute_derived
        answer(lake.tools, event)


def rows(lake: Lake, name: str = "by_carrier") -> list[dict]:
    return sorted(lake.silver(name), key=str)


def about(lake: Lake, name: str = "by_carrier"):
    return lake.call(service.get_dataset, GetDataset(dataset=name))


@pytest.fixture
def computed(lake: Lake) -> Lake:
    lake.declare(PLAIN)
    lake.declare(BY_CARRIER)
    return lake


def test_rows_are_computed_when_others_land(computed: Lake):
    computed.append("one", [flight(1), flight(2, carrier="DL")])
    react(computed)
    assert rows(computed) == [
        {"carrier": "DL", "flights": 1, "worst": 2.0, "first_hour": 5},
        {"carrier": "UA", "flights": 1, "worst": 1.0, "first_hour": 5},
    ]
    computed.append("two", flights(5, 9))
    react(computed)
    assert [row["flights"] for row in rows(computed)] == [1, 5]
    assert (about(computed).rows, about(computed).version) == (2, 1)
    assert computed.tools.tables.exists("gold/by_carrier")
    assert not computed.tools.tables.exists("bronze/by_carrier")
    with computed.tools.transaction(write=False) as inner:
        graph = lineage.trace(inner, Trace(id="table:gold/by_carrier@1"))
    assert "table:silver/flights@1" in [node.id for node in graph.nodes]


def test_the_same_rows_are_not_computed_twice(computed: Lake):
    computed.append("one", flights(0, 3))
    for _ in range(3):
        report = computed.call(service.refresh_dataset, RefreshDataset(dataset="by_carrier"))
    assert (report.version, report.batches) == (0, [])
    assert len(computed.call(service.list_batches, ListBatches(dataset="by_carrier"))) == 1


def test_what_goes_back_takes_what_was_computed_with_it(computed: Lake):
    computed.append("one", flights(0, 3))
    computed.append("two", flights(3, 9))
    react(computed)
    computed.call(versions.roll_back, RollBack(dataset="flights", version=0))
    react(computed)
    assert [row["flights"] for row in rows(computed)] == [3]
    computed.call(versions.roll_back, RollBack(dataset="flights", version=1))
    react(computed)
    assert [row["flights"] for row in rows(computed)] == [9]


def test_computed_from_computed(computed: Lake):
    total = DatasetSpec(
        name="total", columns={"flights": "integer"}, key=[], layer="gold",
        query="with all_of_them as (select * from gold.by_carrier) select sum(flights) as flights from all_of_them",
    )  # fmt: skip
    computed.declare(total)
    computed.append("one", flights(0, 3))
    react(computed)
    assert rows(computed, "total") == [{"flights": 3}]


def test_a_contract_that_is_broken_leaves_the_version_before(computed: Lake):
    computed.append("one", flights(0, 3))
    react(computed)
    computed.declare(msgspec.structs.replace(BY_CARRIER, contract=[Rule(kind="between", column="flights", high=5)]))
    computed.append("two", flights(3, 9))
    react(computed)
    assert [row["flights"] for row in rows(computed)] == [3]
    assert about(computed).quarantined == 1
    computed.call(service.refresh_dataset, RefreshDataset(dataset="by_carrier"))
    assert about(computed).quarantined == 1


def test_no_rows_are_sent_to_what_is_computed(computed: Lake):
    with pytest.raises(Conflict, match="computed from other datasets"):
        computed.append("one", [{"carrier": "UA"}], dataset="by_carrier")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("select carrier from flights", "it gives carrier"),
        ("select * from nowhere", "no dataset 'nowhere'"),
        ("select * from by_carrier", "no dataset 'by_carrier'|from itself"),
        ("delete from flights", "one SELECT"),
        ("select 1; select 2", "one SELECT"),
        ("select * from read_csv('/etc/passwd')", "not a dataset"),
        ("select * from house.keys", "not a dataset"),
        ("select * from (select", "not SQL"),
        ("select nothing as carrier, 1 as flights, 1 as worst, 1 as first_hour from flights", "nothing"),
    ],
)
def test_a_query_that_cannot_work_is_told_when_it_is_declared(lake: Lake, query: str, why: str):
    lake.declare(PLAIN)
    with pytest.raises(Invalid, match=why):
        lake.declare(msgspec.structs.replace(BY_CARRIER, query=query))


def test_a_query_never_reads_itself_by_another(computed: Lake):
    columns = {name: BY_CARRIER.columns[name] for name in ("carrier", "flights")}
    other = msgspec.structs.replace(
        BY_CARRIER, name="other", columns=columns, query="select carrier, flights from by_carrier"
    )
    computed.declare(other)
    circle = "select carrier, flights, 1.0 as worst, 1 as first_hour from other"
    with pytest.raises(Invalid, match="from itself"):
        computed.declare(msgspec.structs.replace(BY_CARRIER, query=circle))
