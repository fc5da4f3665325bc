"""Runs as a caller sees them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import msgspec
import pytest

from ondol.kernel.errors import Conflict, Invalid, NotFound
from ondol.lineage import service as lineage
from ondol.lineage.types import Trace
from ondol.tracking import service
from ondol.tracking.types import (
    CreateRun,
    FinishRun,
    GetMetricHistory,
    GetRun,
    ListArtifacts,
    ListRuns,
    LogRun,
    MetricPoint,
    Run,
)


def create(house, **fields):
    return house.call(service.create_run, CreateRun(**fields))


def log(house, run, **fields):
    return house.call(service.log_run, LogRun(run=run, **fields))


def names_of_events(house):
    return [event.name for event in house.call("events.list", {})]


def test_a_run_is_made_logged_to_and_finished(house):
    run = create(house, experiment="flights", name="first", tags={"by": "hand"})
    assert run.id.startswith("run_")
    assert run.started_at == house.tools().now()
    log(house, run.id, params={"leaves": 63}, metrics=[MetricPoint(key="auc", value=0.7)], tags={"by": "schedule"})
    house.tools().clock.set(house.tools().now() + timedelta(hours=1))
    ended = house.call(service.finish_run, FinishRun(run=run.id))
    assert ended == house.call(service.get_run, GetRun(run=run.id))
    assert (ended.status, ended.ended_at - ended.started_at) == ("finished", timedelta(hours=1))
    assert (ended.params, ended.metrics, ended.tags) == ({"leaves": 63}, {"auc": 0.7}, {"by": "schedule"})
    assert names_of_events(house) == ["RunStarted", "RunEnded"]


def test_creating_the_same_run_again_goes_on_with_it(house):
    first = create(house, id="run_a", experiment="flights")
    log(house, "run_a", params={"leaves": 63})
    assert create(house, id="run_a", experiment="flights").params == {"leaves": 63}
    house.call(service.finish_run, FinishRun(run="run_a", status="failed"))
    again = create(house, id="run_a", experiment="flights")
    assert (again.status, again.ended_at, again.started_at) == ("running", None, first.started_at)
    with pytest.raises(Conflict):
        create(house, id="run_a", experiment="other")
    assert names_of_events(house) == ["RunStarted", "RunEnded", "RunStarted"]


def test_a_run_ends_once(house):
    run = create(house)
    first = house.call(service.finish_run, FinishRun(run=run.id))
    assert house.call(service.finish_run, FinishRun(run=run.id)) == first
    with pytest.raises(Conflict):
        house.call(service.finish_run, FinishRun(run=run.id, status="failed"))


def test_logging_is_all_or_nothing(house):
    run = create(house)
    log(house, run.id, params={"leaves": 63})
    with pytest.raises(Conflict):
        log(house, run.id, params={"depth": 4, "leaves": 64}, metrics=[MetricPoint(key="auc", value=1.0)])
    kept = house.call(service.get_run, GetRun(run=run.id))
    assert (kept.params, kept.metrics) == ({"leaves": 63}, {})


def test_the_newest_metric_is_the_one_of_the_last_step_whenever_it_arrives(house):
    run = create(house)
    log(house, run.id, metrics=[MetricPoint(key="loss", value=1 / (step + 1), step=step) for step in range(100)])
    log(house, run.id, metrics=[MetricPoint(key="loss", value=9.0, step=50)])
    assert house.call(service.get_run, GetRun(run=run.id)).metrics == {"loss": 0.01}
    history = house.call(service.metric_history, GetMetricHistory(run=run.id, metric="loss"))
    assert len(history) == 101
    assert [point.step for point in history] == sorted(point.step for point in history)
    newest = house.call(service.metric_history, GetMetricHistory(run=run.id, metric="loss", limit=2))
    assert [point.step for point in newest] == [98, 99]


def test_a_loss_that_diverged_is_kept_and_survives_json(house):
    run = create(house)
    values = {"nan": math.nan, "up": math.inf, "down": -math.inf}
    log(house, run.id, metrics=[MetricPoint(key=key, value=value) for key, value in values.items()])
    log(house, run.id, params={"rate": math.inf})
    found = house.call(service.get_run, GetRun(run=run.id))
    assert found.metrics == {"nan": "NaN", "up": "Infinity", "down": "-Infinity"}
    assert found.params == {"rate": "Infinity"}
    assert msgspec.json.decode(msgspec.json.encode(found), type=Run) == found
    history = house.call(service.metric_history, GetMetricHistory(run=run.id, metric="nan"))
    assert [point.value for point in history] == ["NaN"]


def test_runs_are_listed_newest_first_page_by_page(house):
    made = [create(house, experiment="even" if number % 2 == 0 else "odd").id for number in range(7)]
    seen, token = [], ""
    while token is not None:
        page = house.call(service.list_runs, ListRuns(limit=3, token=token))
        seen += [run.id for run in page.items]
        token = page.next_token
    assert seen == made[::-1]
    odd = house.call(service.list_runs, ListRuns(experiment="odd", status="running"))
    assert ([run.id for run in odd.items], odd.next_token) == (made[1::2][::-1], None)
    assert house.call(service.list_runs, ListRuns(status="failed")).items == []


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": 1_001}, {"status": "done"}, {"token": "bm9uc2Vuc2U"}])
def test_a_wrong_listing_is_refused(house, wrong):
    with pytest.raises(Invalid):
        house.call(service.list_runs, ListRuns(**wrong))


def test_what_is_not_there_is_not_found(house):
    run = create(house)
    for call in (
        lambda: house.call(service.get_run, GetRun(run="run_x")),
        lambda: log(house, "run_x"),
        lambda: house.call(service.finish_run, FinishRun(run="run_x")),
        lambda: house.call(service.metric_history, GetMetricHistory(run=run.id, metric="auc")),
        lambda: house.call(service.list_artifacts, ListArtifacts(run="run_x")),
        lambda: service.put_artifact(house.tools(), "run_x", "a.txt", b""),
        lambda: service.read_artifact(house.tools(), run.id, "a.txt"),
    ):
        with pytest.raises(NotFound):
            call()


def test_artifacts_are_kept_below_their_run(house):
    run, other = create(house), create(house)
    tools = house.tools()
    service.put_artifact(tools, run.id, "plots/roc.json", b"{}")
    service.put_artifact(tools, run.id, "model.txt", [b"tree", b"tree"])
    service.put_artifact(tools, other.id, "model.txt", b"")
    listed = house.call(service.list_artifacts, ListArtifacts(run=run.id))
    assert [(file.path, file.size) for file in listed] == [("model.txt", 8), ("plots/roc.json", 2)]
    assert [file.path for file in house.call(service.list_artifacts, ListArtifacts(run=run.id, folder="plots"))] == [
        "plots/roc.json"
    ]
    assert service.read_artifact(tools, run.id, "model.txt") == b"treetree"
    with pytest.raises(Invalid):
        service.artifact_path(run.id, "../../secret")


def test_a_run_is_a_node_of_the_lineage(house):
    run = create(house, name="first")
    with house.tools().transaction(write=False) as tools:
        [node] = lineage.trace(tools, Trace(id=run.id)).nodes
    assert (node.kind, node.title, node.at) == ("run", "first", run.started_at)
    assert isinstance(node.at, datetime)
