"""The chain from a made thing to everything it was made from."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from ondol.kernel.errors import Invalid, NotFound
from ondol.lineage import service
from ondol.lineage.types import Edge, Node, Trace


def record(house, *, nodes=(), edges=()):
    with house.tools().transaction(write=True) as tools:
        service.record(tools, nodes=nodes, edges=edges)


def trace(house, identity, **options):
    with house.tools().transaction(write=False) as tools:
        return service.trace(tools, Trace(id=identity, **options))


def chain(*ids):
    return [Edge(made=made, origin=origin, relation="made_from") for made, origin in pairwise(ids)]


def test_ancestors_come_nearest_first_with_the_edges_between_them(house):
    record(
        house,
        nodes=[Node(id="mv_1", kind="version", title="flight-delay 1", facts={"auc": 0.7})],
        edges=[
            *chain("mv_1", "run_1", "code:abc"),
            *chain("mv_1", "ts_1", "table:silver/flights@12"),
            *chain("mv_2", "run_2"),
        ],
    )
    graph = trace(house, "mv_1")
    assert [node.id for node in graph.nodes] == ["mv_1", "run_1", "ts_1", "code:abc", "table:silver/flights@12"]
    assert graph.nodes[0].facts == {"auc": 0.7}
    assert len(graph.edges) == 4


def test_an_origin_nobody_described_is_named_by_its_id(house):
    record(house, edges=chain("mv_1", "ts_1", "table:silver/flights@12"))
    kinds = {node.id: (node.kind, node.title) for node in trace(house, "mv_1").nodes}
    assert kinds == {
        "mv_1": ("version", "mv_1"),
        "ts_1": ("training_set", "ts_1"),
        "table:silver/flights@12": ("table", "silver/flights@12"),
    }


def test_descendants_answer_what_a_table_went_into(house):
    record(house, edges=[*chain("mv_1", "ts_1", "table:a@1"), *chain("mv_2", "ts_1")])
    graph = trace(house, "table:a@1", direction="descendants")
    assert [node.id for node in graph.nodes] == ["table:a@1", "ts_1", "mv_1", "mv_2"]


def test_a_cycle_and_a_diamond_show_each_thing_once(house):
    record(house, edges=[*chain("a:1", "a:2", "a:4", "a:1"), *chain("a:1", "a:3", "a:4")])
    graph = trace(house, "a:1")
    assert sorted(node.id for node in graph.nodes) == ["a:1", "a:2", "a:3", "a:4"]
    assert len(graph.edges) == 5


def test_depth_limits_the_walk(house):
    record(house, edges=chain(*(f"a:{number}" for number in range(30))))
    assert len(trace(house, "a:0").nodes) == 21
    assert [node.id for node in trace(house, "a:0", depth=0).nodes] == ["a:0"]
    with pytest.raises(Invalid):
        trace(house, "a:0", depth=101)


def test_recording_twice_keeps_one_edge_the_newer_words_and_the_first_moment(house):
    first, second = datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 2, 1, tzinfo=UTC)
    record(house, nodes=[Node(id="run_1", kind="run", title="a", at=first)], edges=chain("mv_1", "run_1"))
    record(house, nodes=[Node(id="run_1", kind="run", title="b", at=second)], edges=chain("mv_1", "run_1"))
    graph = trace(house, "mv_1")
    assert [(node.title, node.at) for node in graph.nodes if node.id == "run_1"] == [("b", first)]
    assert len(graph.edges) == 1


def test_a_thing_without_a_moment_of_its_own_takes_the_present(house):
    record(house, nodes=[Node(id="run_1", kind="run", title="a")])
    assert trace(house, "run_1").nodes[0].at == house.tools().now()


def test_an_unknown_id_is_not_found_and_says_what_to_give(house):
    with pytest.raises(NotFound) as caught:
        trace(house, "mv_nobody")
    assert "mv_nobody" in caught.value.message
    assert caught.value.hint
