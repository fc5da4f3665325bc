"""Lineage of other tools comes in, and ours goes out, in the words of OpenLineage."""

from __future__ import annotations

from pathlib import Path

from ondol.doors.client import Client
from ondol.doors.server import build_app
from ondol.heartbeat import settle
from ondol.home import open_house
from ondol.kernel.config import Config
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge
from ondol.pipelines.types import PipelineRunEnded
from tests.rooms import served

START = "2013-04-01"


def spark_event(**changes):
    event = {
        "eventType": "COMPLETE",
        "eventTime": "2013-04-01T10:00:00.123Z",
        "run": {"runId": "3b452093-782c-4ef2-9c0c-aafe2aa6f34d", "facets": {"spark": {"version": "4.0"}}},
        "job": {"namespace": "nightly", "name": "clean.flights", "facets": {}},
        "inputs": [{"namespace": "s3://raw", "name": "flights/2013", "facets": {"schema": {"fields": []}}}],
        "outputs": [{"namespace": "ondol", "name": "flights", "outputFacets": {}}],
        "producer": "https://github.com/OpenLineage/OpenLineage/tree/1.40/integration/spark",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }
    return event | changes


def test_an_event_of_another_tool_joins_our_lineage_and_counts_once(house):
    run = house.call("openlineage.receive", spark_event(eventType="START")).run
    for _ in range(2):
        assert house.call("openlineage.receive", spark_event()).run == run
    above = house.call("lineage", {"id": "dataset:flights"})
    assert [node.id for node in above.nodes] == [
        "dataset:flights", run, "dataset:s3://raw/flights/2013", "job:nightly/clean.flights"
    ]  # fmt: skip
    assert {(edge.made, edge.relation) for edge in above.edges} == {
        ("dataset:flights", "written_by"), (run, "ran"), (run, "read")
    }  # fmt: skip
    facts = above.nodes[1].facts
    assert (facts["job"], facts["state"]) == ("clean.flights", "complete")
    below = house.call("lineage", {"id": "dataset:s3://raw/flights/2013", "direction": "descendants"})
    assert [node.id for node in below.nodes][1:] == [run, "dataset:flights"]


def test_names_that_are_too_long_for_an_id_stay_apart(house):
    long = "x" * 500
    events = [spark_event(inputs=[{"namespace": "a", "name": long + end}], outputs=[]) for end in ("1", "2")]
    first, run = (house.call("openlineage.receive", event).run for event in events)
    assert first == run
    assert len(house.call("lineage", {"id": run}).nodes) == 4


def test_every_pipeline_run_is_told_to_the_collector_with_what_it_read_and_made(house, tmp_path: Path):
    with served(build_app(house)) as collector, Client(collector) as there:
        config = Config(home=str(tmp_path / "teller"), clock=START, openlineage_url=collector)
        teller = open_house(config)
        try:
            with teller.tools().transaction(write=True) as tools:
                edges = [("run_1", "ts_1", "read"), ("ts_1", "table:silver/flights@12", "read"), ("mv_1", "run_1", "t")]
                lineage.record(tools, edges=[Edge(made=a, origin=b, relation=c) for a, b, c in edges])
                tools.emit(
                    PipelineRunEnded(subject="run_1", pipeline="training", status="finished", reason="", results={})
                )
            settle(teller)
        finally:
            teller.close()
        (made,) = [node for node in there.lineage(id="dataset:mv_1").nodes if node.kind == "run"]
        assert made.facts["job"] == "training"
        read = {node.id for node in there.lineage(id=made.id).nodes}
        assert {"dataset:silver/flights", "dataset:ts_1", "job:ondol/training"} <= read
