"""The way back: a server of MLflow's gets the runs, and gets them once."""

from __future__ import annotations

from pathlib import Path

from ondol.doors.client import Client
from ondol.doors.server import build_app
from ondol.exchange.give_back import give_back
from ondol.exchange.mlflow_server import MlflowApi, ServerSource
from ondol.home import open_house
from ondol.kernel.config import Config
from ondol.tracking.types import MetricPoint
from tests.rooms import served


def test_runs_go_to_a_server_with_histories_and_files_and_only_once(house, tmp_path: Path) -> None:
    """The other side speaks MLflow's protocol too; the lane `mlflow` asks MLflow's own server."""
    points = [MetricPoint(key="loss", value=1 / (step + 1), step=step) for step in range(2500)]
    other = open_house(Config(home=str(tmp_path / "other")))
    try:
        with (
            served(build_app(house)) as url,
            Client(url) as ours,
            served(build_app(other)) as there,
            Client(there) as theirs,
        ):
            run = ours.runs.create(experiment="churn", name="third", tags={"team": "ops"}).id
            ours.runs.log(run=run, params={"lr": 0.1}, metrics=[*points, MetricPoint(key="odd", value="NaN")])
            ours.request("PUT", f"/api/2.0/mlflow-artifacts/artifacts/1/{run}/artifacts/a/b c.txt", content=b"hello")
            ours.runs.finish(run=run, status="failed")
            source, target = ServerSource(url), MlflowApi(there)
            report = give_back(source, target, lambda _: None)
            assert (report.runs, report.points, report.files, report.problems) == (1, 2501, 1, [])
            (copy,) = theirs.runs.list(experiment="churn").items
            assert (copy.name, copy.status, copy.params) == ("third", "failed", {"lr": "0.1"})
            assert copy.tags["ondol.run"] == run
            assert copy.tags["team"] == "ops"
            assert copy.started_at == ours.runs.get(run=run).started_at
            assert len(theirs.runs.history(run=copy.id, metric="loss")) == 2500
            assert copy.metrics["odd"] == "NaN"
            assert theirs.runs.artifact(run=copy.id, path="a/b c.txt").body == b"hello"

            again = give_back(source, target, lambda _: None)
            assert (again.runs, again.skipped) == (0, 1)
            source.close()
            target.close()
    finally:
        other.close()
