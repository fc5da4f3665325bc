"""The registry part of the MLflow protocol, spoken over HTTP."""

from __future__ import annotations

import json

import httpx
import polars as pl
import pytest

from ondol.home import open_house
from ondol.kernel.config import Config
from ondol.kernel.errors import Conflict, NotFound, Refused
from ondol.registry import service
from ondol.registry.rules import package
from tests.registry.weights import declare, register
from tests.rooms import START

PREFIX = "/api/2.0/mlflow"


class Caller:
    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False)

    def ask(self, method: str, path: str, **fields):
        status, answer = self.try_to(method, path, **fields)
        assert status == 200, answer
        return answer

    def refused(self, method: str, path: str, **fields):
        status, answer = self.try_to(method, path, **fields)
        assert 400 <= status < 500, answer
        return status, answer["error_code"], answer["message"]

    def try_to(self, method: str, path: str, **fields):
        if method == "GET":
            response = self.http.get(f"{PREFIX}/{path}", params=fields)
        else:
            response = self.http.request(method, f"{PREFIX}/{path}", content=json.dumps(fields))
        return response.status_code, response.json()

    def close(self) -> None:
        self.http.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def house(request, tmp_path):
    database = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    opened = open_house(Config(home=str(tmp_path / "home"), clock=START, database=database))
    yield opened
    opened.close()


@pytest.fixture
def mlflow(open_doors):
    caller = Caller(open_doors.url)
    yield caller
    caller.close()


def create(mlflow, name="m", versions=0, **fields):
    mlflow.ask("POST", "registered-models/create", name=name, **fields)
    return [
        mlflow.ask("POST", "model-versions/create", name=name, source=f"s3://bucket/{number}", run_id=f"r{number}")
        for number in range(1, versions + 1)
    ]


def test_a_model_is_created_once_and_read_back(mlflow):
    made = mlflow.ask(
        "POST", "registered-models/create", name="My Model", description="d", tags=[{"key": "team", "value": "ops"}]
    )["registered_model"]
    assert (made["name"], made["description"], made["tags"]) == ("My Model", "d", [{"key": "team", "value": "ops"}])
    assert made["creation_timestamp"] == made["last_updated_timestamp"] > 1_300_000_000_000
    assert mlflow.ask("GET", "registered-models/get", name="My Model")["registered_model"] == made
    status, code, message = mlflow.refused("POST", "registered-models/create", name="My Model")
    assert (status, code) == (400, "RESOURCE_ALREADY_EXISTS")
    assert "already exists" in message


@pytest.mark.parametrize("name", ["", "a/b", "a:b", ".."])
def test_a_name_that_is_a_path_is_refused(mlflow, name):
    assert mlflow.refused("POST", "registered-models/create", name=name)[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_what_is_not_there_is_said_to_be_missing(mlflow):
    create(mlflow)
    missing = (404, "RESOURCE_DOES_NOT_EXIST")
    assert mlflow.refused("GET", "registered-models/get", name="x")[:2] == missing
    assert mlflow.refused("DELETE", "registered-models/delete", name="x")[:2] == missing
    assert mlflow.refused("GET", "model-versions/get", name="m", version="7")[:2] == missing
    assert mlflow.refused("POST", "model-versions/create", name="x", source="s")[:2] == missing
    assert mlflow.refused("GET", "model-versions/get", name="m", version="one")[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert mlflow.refused("POST", "model-versions/create", name="m")[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_descriptions_and_tags_change_and_go(mlflow):
    create(mlflow, versions=1)
    mlflow.ask("PATCH", "registered-models/update", name="m", description="new")
    mlflow.ask("POST", "registered-models/set-tag", name="m", key="a", value="1")
    mlflow.ask("POST", "registered-models/set-tag", name="m", key="a", value="2")
    model = mlflow.ask("GET", "registered-models/get", name="m")["registered_model"]
    assert (model["description"], model["tags"]) == ("new", [{"key": "a", "value": "2"}])
    for _ in range(2):
        mlflow.ask("DELETE", "registered-models/delete-tag", name="m", key="a")
    assert mlflow.ask("GET", "registered-models/get", name="m")["registered_model"]["tags"] == []
    mlflow.ask("PATCH", "model-versions/update", name="m", version="1", description="v")
    mlflow.ask("POST", "model-versions/set-tag", name="m", version="1", key="k", value="")
    version = mlflow.ask("GET", "model-versions/get", name="m", version="1")["model_version"]
    assert (version["description"], version["tags"]) == ("v", [{"key": "k", "value": ""}])
    mlflow.ask("DELETE", "model-versions/delete-tag", name="m", version="1", key="k")
    assert mlflow.ask("GET", "model-versions/get", name="m", version="1")["model_version"]["tags"] == []


def test_versions_are_numbered_and_a_number_is_never_given_again(mlflow):
    made = create(mlflow, versions=2)
    assert [answer["model_version"]["version"] for answer in made] == ["1", "2"]
    first = made[0]["model_version"]
    assert (first["source"], first["run_id"], first["status"], first["current_stage"]) == (
        "s3://bucket/1",
        "r1",
        "READY",
        "None",
    )
    mlflow.ask("DELETE", "model-versions/delete", name="m", version="2")
    assert mlflow.refused("GET", "model-versions/get", name="m", version="2")[1] == "RESOURCE_DOES_NOT_EXIST"
    third = mlflow.ask("POST", "model-versions/create", name="m", source="s")["model_version"]
    assert third["version"] == "3"
    mlflow.ask("DELETE", "registered-models/delete", name="m")
    create(mlflow)
    assert mlflow.ask("POST", "model-versions/create", name="m", source="s")["model_version"]["version"] == "4"
    assert mlflow.ask("GET", "model-versions/search", filter="name = 'm'")["model_versions"][0]["version"] == "4"


def test_an_alias_points_moves_and_goes_with_its_version(mlflow):
    create(mlflow, versions=2)
    for number in "12":
        mlflow.ask("POST", "registered-models/alias", name="m", alias="Best_1", version=number)
    found = mlflow.ask("GET", "registered-models/alias", name="m", alias="Best_1")["model_version"]
    assert (found["version"], found["aliases"]) == ("2", ["Best_1"])
    assert mlflow.ask("GET", "registered-models/get", name="m")["registered_model"]["aliases"] == [
        {"alias": "Best_1", "version": "2"}
    ]
    mlflow.ask("DELETE", "model-versions/delete", name="m", version="2")
    assert mlflow.refused("GET", "registered-models/alias", name="m", alias="Best_1")[:2] == (
        400,
        "INVALID_PARAMETER_VALUE",
    )
    mlflow.ask("POST", "registered-models/alias", name="m", alias="a", version="1")
    for _ in range(2):
        mlflow.ask("DELETE", "registered-models/alias", name="m", alias="a")
    assert mlflow.ask("GET", "model-versions/get", name="m", version="1")["model_version"]["aliases"] == []
    for alias in ("latest", "v1", "a b", ""):
        assert mlflow.refused("POST", "registered-models/alias", name="m", alias=alias, version="1")[1] == (
            "INVALID_PARAMETER_VALUE"
        )
    assert mlflow.ask("GET", "registered-models/alias", name="m", alias="latest")["model_version"]["version"] == "1"


def test_stages_for_clients_that_know_no_aliases(mlflow):
    create(mlflow, versions=3)

    def move(version, stage, **fields):
        return mlflow.ask("POST", "model-versions/transition-stage", name="m", version=version, stage=stage, **fields)

    move("1", "Production")
    move("2", "production")
    assert move("3", "Production", archive_existing_versions=True)["model_version"]["current_stage"] == "Production"
    stages = {
        found["version"]: found["current_stage"]
        for found in mlflow.ask("GET", "model-versions/search")["model_versions"]
    }
    assert stages == {"1": "Archived", "2": "Archived", "3": "Production"}
    newest = mlflow.ask("POST", "registered-models/get-latest-versions", name="m", stages=["archived"])
    assert [found["version"] for found in newest["model_versions"]] == ["2"]
    model = mlflow.ask("GET", "registered-models/get", name="m")["registered_model"]
    assert {found["version"] for found in model["latest_versions"]} == {"2", "3"}
    for stage, archive in (("Live", False), ("Archived", True)):
        fields = {"stage": stage, "archive_existing_versions": archive}
        refused = mlflow.refused("POST", "model-versions/transition-stage", name="m", version="1", **fields)
        assert refused[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_a_model_is_renamed_with_its_versions_and_aliases(mlflow):
    create(mlflow, versions=1)
    create(mlflow, "other")
    mlflow.ask("POST", "registered-models/alias", name="m", alias="a", version="1")
    assert (
        mlflow.refused("POST", "registered-models/rename", name="m", new_name="other")[1] == "RESOURCE_ALREADY_EXISTS"
    )
    assert mlflow.refused("POST", "registered-models/rename", name="m", new_name="a/b")[1] == "INVALID_PARAMETER_VALUE"
    renamed = mlflow.ask("POST", "registered-models/rename", name="m", new_name="n")["registered_model"]
    assert (renamed["name"], renamed["aliases"]) == ("n", [{"alias": "a", "version": "1"}])
    assert mlflow.ask("GET", "registered-models/alias", name="n", alias="a")["model_version"]["name"] == "n"
    assert mlflow.refused("GET", "registered-models/get", name="m")[1] == "RESOURCE_DOES_NOT_EXIST"


def names(mlflow, filter_text="", **fields):
    return [found["name"] for found in search(mlflow, filter_text, **fields)]


def search(mlflow, filter_text, **fields):
    return mlflow.ask("GET", "registered-models/search", filter=filter_text, **fields).get("registered_models", [])


def test_models_are_searched_by_name_and_tags_page_by_page(mlflow):
    for number, name in enumerate(["Alpha", "alpine", "beta", "a_b", "a%b"]):
        create(mlflow, name, tags=[{"key": "n", "value": str(number)}, {"key": "odd key", "value": "It's"}])
    create(mlflow, "hello prompt", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])
    assert names(mlflow, "name = 'beta'") == ["beta"]
    assert names(mlflow, "name LIKE 'al%'") == ["alpine"]
    assert names(mlflow, "name ILIKE 'AL%'") == ["Alpha", "alpine"]
    assert names(mlflow, "name IN ('beta', 'Alpha')") == ["Alpha", "beta"]
    assert names(mlflow, "tags.n != '2' AND tag.`odd key` = 'It''s' and name LIKE '%b%'") == ["a%b", "a_b"]
    assert names(mlflow, "tag.`mlflow.prompt.is_prompt` = 'true'") == ["hello prompt"]
    assert "hello prompt" not in names(mlflow, "tags.`mlflow.prompt.is_prompt` != 'true'")
    seen, token = [], ""
    while True:
        page = mlflow.ask("GET", "registered-models/search", max_results=2, page_token=token, order_by=["name DESC"])
        seen += [found["name"] for found in page["registered_models"]]
        if not (token := page.get("next_page_token", "")):
            break
    assert seen == ["hello prompt", "beta", "alpine", "a_b", "a%b", "Alpha"]


@pytest.mark.parametrize(
    "filter_text",
    ["name", "name = beta", "name > 'a'", "run_id = 'x'", "name = 'a' OR name = 'b'", "name = 'a' AND",
     "tags.x IN ('a')", "name LIKE 'a", "'a' = name", "name = 'a' name = 'b'", "name IN ()", "!"],
)  # fmt: skip
def test_a_filter_that_cannot_be_read_is_the_askers_mistake(mlflow, filter_text):
    refused = mlflow.refused("GET", "registered-models/search", filter=filter_text)
    assert refused[:2] == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "fields",
    [{"max_results": 0}, {"max_results": 1001}, {"page_token": "?"}, {"page_token": "LTE"}, {"order_by": ["size"]},
     {"order_by": ["name UP"]}],
)  # fmt: skip
def test_a_page_that_cannot_be_given_is_the_askers_mistake(mlflow, fields):
    assert mlflow.refused("GET", "registered-models/search", **fields)[:2] == (400, "INVALID_PARAMETER_VALUE")


def numbers(mlflow, filter_text, **fields):
    found = mlflow.ask("GET", "model-versions/search", filter=filter_text, **fields).get("model_versions", [])
    return [(version["name"], version["version"]) for version in found]


def test_versions_are_searched_by_what_they_are(mlflow):
    create(mlflow, "a", versions=3)
    create(mlflow, "b", versions=1)
    mlflow.ask("POST", "model-versions/set-tag", name="a", version="2", key="k", value="v")
    assert numbers(mlflow, "name = 'a'", order_by=["version_number ASC"]) == [("a", "1"), ("a", "2"), ("a", "3")]
    assert numbers(mlflow, "run_id IN ('r1', 'r9')", order_by=["name DESC"]) == [("b", "1"), ("a", "1")]
    assert numbers(mlflow, "name = 'a' AND version_number >= 2 AND source_path LIKE 's3://%3'") == [("a", "3")]
    assert numbers(mlflow, "tags.k = 'v'") == [("a", "2")]
    assert numbers(mlflow, "name='a' and version_number = '2'") == [("a", "2")]


def test_a_version_made_from_another_lies_where_that_one_lies(mlflow):
    create(mlflow, "dev", versions=1)
    create(mlflow, "prod")
    made = mlflow.ask("POST", "model-versions/create", name="prod", source="models:/dev/1")["model_version"]
    assert (made["source"], made["run_id"]) == ("models:/dev/1", "r1")
    uri = mlflow.ask("GET", "model-versions/get-download-uri", name="prod", version="1")["artifact_uri"]
    assert uri == "s3://bucket/1"
    refused = mlflow.refused("POST", "model-versions/create", name="prod", source="models:/nowhere/1")
    assert refused[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_a_version_of_ours_is_there_for_clients_too(mlflow, house):
    declare(house, description="Late?")
    version = register(house, {"a": 1.0}, "run_1", tags={"reason": "by hand"})
    found = mlflow.ask("GET", "model-versions/get", name="flight-delay", version="1")["model_version"]
    assert found["tags"] == [{"key": "reason", "value": "by hand"}]
    uri = mlflow.ask("GET", "model-versions/get-download-uri", name="flight-delay", version="1")["artifact_uri"]
    assert uri == found["source"] == f"mlflow-artifacts:/ondol-packages/{version.package.removeprefix('models/')}"
    proxied = uri.removeprefix("mlflow-artifacts:/")
    listed = mlflow.http.get("/api/2.0/mlflow-artifacts/artifacts", params={"path": proxied}).json()["files"]
    assert {"ondol.json", "weights.json"} <= {file["path"] for file in listed}
    content = mlflow.http.get(f"/api/2.0/mlflow-artifacts/artifacts/{proxied}/weights.json")
    assert package.digest(content.content) == version.files["weights.json"]
    for method in ("PUT", "DELETE"):
        refused = mlflow.http.request(
            method, f"/api/2.0/mlflow-artifacts/artifacts/{proxied}/weights.json", content=b""
        )
        assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    mlflow.ask("POST", "registered-models/alias", name="flight-delay", alias="champion", version="1")
    (span,) = house.call("aliases.history", {"model": "flight-delay"})
    assert (span.alias, span.by) == ("champion", "local")


def put(mlflow, path, content):
    answer = mlflow.http.put(f"/api/2.0/mlflow-artifacts/artifacts/{path}", content=content)
    assert answer.status_code == 200, answer.text


def test_a_model_that_a_client_logged_is_adopted_and_then_served_by_the_house(mlflow, house, open_doors):
    lightgbm = pytest.importorskip("lightgbm")
    numpy = pytest.importorskip("numpy")
    x = numpy.random.default_rng(1).normal(size=(300, 2))
    data = lightgbm.Dataset(x, (x[:, 0] > 0).astype(int), feature_name=["wind", "hour"])
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, num_boost_round=5)
    put(mlflow, "0/models/m-1/artifacts/model.lgb", booster.model_to_string().encode())
    put(mlflow, "0/models/m-1/artifacts/MLmodel", b"flavors: {}")
    mlflow.ask("POST", "registered-models/create", name="My Model")
    mlflow.ask("POST", "model-versions/create", name="My Model", source="mlflow-artifacts:/0/models/m-1/artifacts")
    found = open_doors.versions.find(model="My Model", reference="1")
    with pytest.raises(Refused, match="lie elsewhere") as caught:
        service.load(house.tools(), found.id)
    assert found.id in caught.value.hint
    adopted = open_doors.versions.adopt(version=found.id, label="late")
    assert (adopted.number, adopted.flavor, adopted.features, adopted.label) == (
        1,
        "lightgbm",
        ["wind", "hour"],
        "late",
    )
    assert adopted.package.startswith("models/My-Model/")
    rows = pl.DataFrame({"wind": x[:9, 0].tolist(), "hour": x[:9, 1].tolist()})
    scores = service.load(house.tools(), found.id).predict(rows)
    assert scores == pytest.approx(booster.predict(x[:9]).tolist())
    assert open_doors.versions.adopt(version=found.id) == adopted
    again = mlflow.ask("GET", "model-versions/get-download-uri", name="My Model", version="1")["artifact_uri"]
    assert again == "mlflow-artifacts:/0/models/m-1/artifacts"


def test_a_pickle_is_not_adopted_and_neither_is_what_lies_elsewhere(mlflow, open_doors):
    put(mlflow, "0/models/m-2/artifacts/model.pkl", b"cos\nsystem\n(S'true'\ntR.")
    mlflow.ask("POST", "registered-models/create", name="m")
    for source in (
        "mlflow-artifacts:/0/models/m-2/artifacts",
        "s3://bucket/m",
        "mlflow-artifacts:/0/models/m-3/artifacts",
    ):
        mlflow.ask("POST", "model-versions/create", name="m", source=source)
    for number, error in (("1", Refused), ("2", Conflict), ("3", NotFound)):
        version = open_doors.versions.find(model="m", reference=number)
        with pytest.raises(error):
            open_doors.versions.adopt(version=version.id)
    refused = mlflow.refused("POST", "model-versions/create", name="m", source="mlflow-artifacts:/../../etc")
    assert refused[:2] == (400, "INVALID_PARAMETER_VALUE")
