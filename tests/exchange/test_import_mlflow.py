"""Runs of MLflow are taken over whole: from its database, its folder and its server."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondol.doors.client import Client
from ondol.doors.server import build_app
from ondol.exchange.source import open_source
from ondol.exchange.take_over import Report, take_over
from ondol.kernel.errors import Invalid, Unavailable
from ondol.tracking.types import MetricPoint
from tests.rooms import served

META = """artifact_uri: file:///elsewhere/mlruns/7/{run}/artifacts
end_time: 1700000009000
experiment_id: '7'
lifecycle_stage: {stage}
run_id: {run}
run_name: 'it''s a long name with blanks that a writer of YAML folds over more than one line of its file,
  as this one'
start_time: 1700000000000
status: {status}
user_id: minji
"""


@pytest.fixture
def client(house) -> Iterator[Client]:
    with served(build_app(house)) as url, Client(url) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As MLflow's file store leaves it: two runs, one of them deleted."""
    root = tmp_path / "mlruns"
    write(root / "7" / "meta.yaml", "experiment_id: '7'\nlifecycle_stage: active\nname: churn\n")
    write(root / "7" / "tags" / "team", "ops")
    for run, stage, status in (("a" * 32, "active", 3), ("b" * 32, "deleted", 4)):
        home = root / "7" / run
        write(home / "meta.yaml", META.format(run=run, stage=stage, status=status))
        write(home / "params" / "lr", "0.1")
        write(home / "tags" / "mlflow.source.name", "train.py")
        losses = "".join(f"{1700000000000 + step} {1 / (step + 1)} {step}\n" for step in range(50))
        write(home / "metrics" / "train" / "loss", losses)
        write(home / "metrics" / "odd", "1700000000000 nan 0\n1700000000001 inf 1\n1700000000002 -2.5 -3\n")
        write(home / "artifacts" / "plots" / "a plot.txt", "picture" * 1000)
    return root


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def take(where: str | Path, client: Client) -> Report:
    source = open_source(str(where))
    try:
        return take_over(source, client, lambda _: None)
    finally:
        source.close()


def test_a_folder_is_taken_over_whole_and_only_once(folder: Path, client: Client) -> None:
    report = take(folder, client)
    assert (report.runs, report.points, report.files, report.problems) == (2, 106, 2, [])
    run = client.runs.get(run="a" * 32)
    assert (run.experiment, run.status, run.person, run.params) == ("churn", "finished", "minji", {"lr": "0.1"})
    assert run.name.startswith("it's a long name")
    assert run.name.endswith("as this one")
    assert run.started_at.timestamp() == 1700000000
    history = client.runs.history(run=run.id, metric="train/loss")
    assert [point.value for point in history] == [1 / (step + 1) for step in range(50)]
    odd = client.runs.history(run=run.id, metric="odd")
    assert [(point.step, point.value) for point in odd] == [(-3, -2.5), (0, "NaN"), (1, "Infinity")]
    assert client.runs.artifact(run=run.id, path="plots/a plot.txt").body == b"picture" * 1000
    assert client.runs.get(run="b" * 32).deleted_at is not None
    assert client.experiments.get(experiment="churn").tags == {"team": "ops"}

    again = take(folder, client)
    assert (again.runs, again.skipped, again.problems) == (0, 2, [])


def test_an_import_that_broke_off_goes_on_and_repeats_nothing(folder: Path, client: Client) -> None:
    source = open_source(str(folder))
    real, calls = client.request, iter(range(100))

    def breaking(method: str, path: str, **options: object):
        if "mlflow-artifacts" in path and next(calls) == 0:
            raise Unavailable("the line was cut")
        return real(method, path, **options)

    client.request = breaking
    report = take_over(source, client, lambda _: None)
    assert report.runs == 1
    assert len(report.problems) == 1
    report = take_over(source, client, lambda _: None)
    assert (report.runs, report.skipped, report.files, report.problems) == (1, 1, 1, [])
    assert len(client.runs.history(run="a" * 32, metric="train/loss")) == 50


def test_a_run_that_is_not_as_in_the_source_is_told_and_tried_again(folder: Path, client: Client) -> None:
    source = open_source(str(folder))
    points = source.points
    source.points = lambda run: ([point for point in part if point.key != "odd"] for part in points(run))
    report = take_over(source, client, lambda _: None)
    assert report.runs == 0
    assert report.problems == [f"run {letter * 32}: 1 metrics here, 2 in the source" for letter in "ab"]
    source.points = points
    report = take_over(source, client, lambda _: None)
    assert (report.runs, report.skipped, report.problems) == (2, 0, [])
    source.close()


def test_a_server_is_taken_over_with_its_histories_and_files(house, folder, client, tmp_path: Path) -> None:
    take(folder, client)
    client.runs.log(run="a" * 32, metrics=[MetricPoint(key="late", value="NaN")])
    from ondol.home import open_house
    from ondol.kernel.config import Config

    other = open_house(Config(home=str(tmp_path / "other")))
    try:
        with served(build_app(other)) as url, Client(url) as second:
            report = take(client.url, second)
            assert (report.runs, report.points, report.files, report.problems) == (2, 107, 2, [])
            assert second.runs.history(run="a" * 32, metric="odd") == client.runs.history(run="a" * 32, metric="odd")
            assert second.runs.artifact(run="b" * 32, path="plots/a plot.txt").body == b"picture" * 1000
    finally:
        other.close()


def test_a_database_is_taken_over_with_its_datasets_and_marks_for_numbers(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "mlflow.db"
    with sqlite3.connect(file) as database:
        database.executescript(DATABASE.replace("$RUN", "c" * 32))
    write(tmp_path / "store" / "1" / ("c" * 32) / "artifacts" / "model.txt", "tree")
    report = take(f"sqlite:///{file}", client)
    assert [problem.partition(": ")[2] for problem in report.problems] == [
        "The artifacts went through the server of this database."
    ]
    source = open_source(str(file), str(tmp_path / "store"))
    report = take_over(source, client, lambda _: None)
    source.close()
    assert (report.runs, report.points, report.files, report.problems) == (1, 3, 1, [])
    values = [float(point.value) for point in client.runs.history(run="c" * 32, metric="loss")]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, 0.5]


def test_what_is_nothing_of_mlflow_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="nothing that MLflow keeps runs in"):
        open_source(str(tmp_path / "nowhere"))
    with pytest.raises(Invalid, match="no mlruns folder"):
        open_source(str(tmp_path))
    sqlite3.connect(tmp_path / "empty.db").execute("create table a (b)").connection.commit()
    with pytest.raises(Invalid, match="no database of MLflow"):
        open_source(f"sqlite:///{tmp_path / 'empty.db'}")


DATABASE = """
create table experiments (experiment_id integer primary key, name text, artifact_location text, lifecycle_stage text);
create table experiment_tags (key text, value text, experiment_id integer);
create table runs (run_uuid text primary key, name text, experiment_id integer, user_id text, status text,
  start_time bigint, end_time bigint, lifecycle_stage text, artifact_uri text);
create table metrics (key text, value double, timestamp bigint, run_uuid text, step bigint, is_nan boolean);
create table latest_metrics (key text, value double, timestamp bigint, run_uuid text, step bigint, is_nan boolean);
create table params (key text, value text, run_uuid text);
create table tags (key text, value text, run_uuid text);
create table datasets (dataset_uuid text, experiment_id integer, name text, digest text, dataset_source_type text,
  dataset_source text, dataset_schema text, dataset_profile text);
create table inputs (input_uuid text, source_type text, source_id text, destination_type text, destination_id text);
create table input_tags (input_uuid text, name text, value text);
insert into experiments values (1, 'old', 'mlflow-artifacts:/1', 'active');
insert into runs values ('$RUN', 'third', 1, 'jun', 'FINISHED', 1700000000000, 1700000001000, 'active',
  'mlflow-artifacts:/1/$RUN/artifacts');
insert into metrics values ('loss', 0, 1, '$RUN', 0, 1), ('loss', 1.7976931348623157e308, 2, '$RUN', 1, 0),
  ('loss', 0.5, 3, '$RUN', 2, 0);
insert into latest_metrics values ('loss', 0.5, 3, '$RUN', 2, 0);
insert into params values ('depth', '6', '$RUN');
insert into tags values ('mlflow.runName', 'third', '$RUN');
insert into datasets values ('d', 1, 'train', 'abc', 'local', '{}', null, null);
insert into inputs values ('i', 'DATASET', 'd', 'RUN', '$RUN');
insert into input_tags values ('i', 'mlflow.data.context', 'training');
"""
