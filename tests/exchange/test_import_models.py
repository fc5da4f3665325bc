"""Models come along with their numbers, aliases, stages and files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondol.doors.client import Client
from ondol.doors.server import build_app
from ondol.exchange.source import open_source
from ondol.exchange.take_over import take_over
from ondol.kernel.errors import NotFound
from tests.exchange.test_import_mlflow import DATABASE, write
from tests.rooms import served

RUN, MODEL = "c" * 32, "m-" + "d" * 32
MODELS = """
create table logged_models (model_id text, experiment_id integer, name text, artifact_location text,
  creation_timestamp_ms bigint, status integer, lifecycle_stage text, model_type text, source_run_id text);
create table logged_model_params (model_id text, experiment_id integer, param_key text, param_value text);
create table registered_models (name text, description text);
create table registered_model_aliases (alias text, version integer, name text);
create table registered_model_tags (key text, value text, name text);
create table model_versions (name text, version integer, description text, current_stage text, source text,
  run_id text, run_link text, storage_location text);
create table model_version_tags (key text, value text, name text, version integer);
insert into logged_models values ('$MODEL', 1, 'clf', 'mlflow-artifacts:/1/models/$MODEL/artifacts', 1700000000000, 2,
  'active', 'sklearn', '$RUN');
insert into logged_model_params values ('$MODEL', 1, 'C', '3');
insert into registered_models values ('churn', 'who leaves');
insert into registered_model_tags values ('team', 'ops', 'churn');
insert into registered_model_aliases values ('champion', 4, 'churn');
insert into model_versions values
  ('churn', 2, 'the old way', 'Staging', 'mlflow-artifacts:/1/$RUN/artifacts/old', '$RUN', '', ''),
  ('churn', 4, '', 'None', 'models:/$MODEL', '$RUN', '', 'mlflow-artifacts:/1/models/$MODEL/artifacts');
insert into model_version_tags values ('ok', 'yes', 'churn', 4);
"""


@pytest.fixture
def client(house) -> Iterator[Client]:
    with served(build_app(house)) as url, Client(url) as opened:
        yield opened


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "mlflow.db") as opened:
        opened.executescript((DATABASE + MODELS).replace("$RUN", RUN).replace("$MODEL", MODEL))
    write(tmp_path / "store" / "1" / RUN / "artifacts" / "old" / "MLmodel", "flavors: {}")
    write(tmp_path / "store" / "1" / "models" / MODEL / "artifacts" / "MLmodel", "flavors: {sklearn: {}}")
    return tmp_path / "mlflow.db"


def take(database: Path, client: Client):
    source = open_source(str(database), str(database.parent / "store"))
    try:
        return take_over(source, client, lambda _: None)
    finally:
        source.close()


def test_versions_keep_their_numbers_aliases_stages_and_files(database: Path, client: Client) -> None:
    report = take(database, client)
    assert report.problems == []
    assert (report.logged_models, report.models, report.versions) == (1, 1, 2)
    old, new = (client.versions.find(model="churn", reference=number) for number in ("2", "champion"))
    assert (old.number, old.stage, old.description, old.run) == (2, "Staging", "the old way", RUN)
    assert (new.number, new.tags, new.source) == (4, {"ok": "yes"}, f"models:/{MODEL}")
    assert client.models.get(model="churn").spec.description == "who leaves"
    with pytest.raises(NotFound):
        client.versions.find(model="churn", reference="3")
    uri = client.request("GET", "/api/2.0/mlflow/model-versions/get-download-uri?name=churn&version=4").json()
    path = uri["artifact_uri"].removeprefix("mlflow-artifacts:/")
    file = client.request("GET", f"/api/2.0/mlflow-artifacts/artifacts/{path.lstrip('/')}/MLmodel")
    assert file.data == b"flavors: {sklearn: {}}"
    logged = client.request("GET", f"/api/2.0/mlflow/logged-models/{MODEL}").json()["model"]
    assert (logged["info"]["name"], logged["info"]["source_run_id"]) == ("clf", RUN)


def test_a_second_import_adds_nothing_and_new_versions_follow_on(database: Path, client: Client) -> None:
    take(database, client)
    again = take(database, client)
    assert (again.models, again.versions, again.files, again.problems) == (0, 0, 0, [])
    assert client.call("versions.link", model="churn", source="s3://elsewhere/model").number == 5


def test_a_model_of_ours_with_the_same_name_is_left_alone(database: Path, client: Client) -> None:
    client.models.declare(spec={"name": "churn", "description": "ours"})
    report = take(database, client)
    assert report.problems == ["model churn: there is one of this name here already"]
    assert client.versions.list(model="churn") == []
