"""The tracking half of the MLflow protocol, as a raw HTTP client sees it."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ondol.doors.server import build_app
from ondol.home import open_house
from ondol.kernel.config import Config
from tests.doors.test_server import start, url_of
from tests.rooms import served

PREFIX = "/api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


class Mlflow:
    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def send(self, method: str, path: str, /, **fields: Any) -> httpx.Response:
        how = {"params": fields} if method == "GET" else {"content": json.dumps(fields)}
        return self.http.request(method, f"{PREFIX}/{path}", **how)

    def ask(self, method: str, path: str, /, **fields: Any) -> dict[str, Any]:
        answer = self.send(method, path, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, /, **fields: Any) -> tuple[int, str]:
        answer = self.send(method, path, **fields)
        return answer.status_code, answer.json()["error_code"]

    def run(self, **fields: Any) -> str:
        fields = {"experiment_id": "0", "start_time": 1_700_000_000_000} | fields
        return self.ask("POST", "runs/create", **fields)["run"]["info"]["run_id"]

    def read(self, run: str) -> dict[str, Any]:
        return self.ask("GET", "runs/get", run_id=run)["run"]

    def metric(self, run: str, key: str, value: float, at: int = 1, step: int = 0) -> None:
        self.ask("POST", "runs/log-metric", run_id=run, key=key, value=value, timestamp=at, step=step)


@pytest.fixture
def mlflow(house) -> Iterator[Mlflow]:
    with served(build_app(house)) as url, httpx.Client(base_url=url) as http:
        yield Mlflow(http)


INVALID = (400, "INVALID_PARAMETER_VALUE")
MISSING = (404, "RESOURCE_DOES_NOT_EXIST")


def pairs(entries: list[dict[str, Any]]) -> dict[str, Any]:
    return {entry["key"]: entry["value"] for entry in entries}


def test_a_run_is_made_with_all_it_was_given(mlflow):
    made = mlflow.ask(
        "POST", "runs/create", experiment_id="0", user_id="kim", start_time="1700000000123", run_name="first",
        tags=[{"key": "by", "value": "hand"}],
    )["run"]  # fmt: skip
    info = made["info"]
    assert (info["run_id"], info["experiment_id"], info["user_id"]) == (info["run_uuid"], "0", "kim")
    assert (info["status"], info["start_time"], info["lifecycle_stage"]) == ("RUNNING", 1_700_000_000_123, "active")
    assert info["artifact_uri"] == f"mlflow-artifacts:/0/{info['run_id']}/artifacts"
    assert pairs(made["data"]["tags"]) == {"mlflow.runName": "first", "by": "hand"}
    assert mlflow.read(info["run_id"]) == made


def test_a_run_has_one_name_however_it_is_said(mlflow):
    unnamed = mlflow.read(mlflow.run())
    assert unnamed["info"]["run_name"]
    tagged = mlflow.run(tags=[{"key": "mlflow.runName", "value": "a"}])
    assert mlflow.read(tagged)["info"]["run_name"] == "a"
    assert mlflow.refused(
        "POST", "runs/create", experiment_id="0", run_name="b", tags=[{"key": "mlflow.runName", "value": "a"}]
    ) == INVALID  # fmt: skip
    mlflow.ask("POST", "runs/set-tag", run_id=tagged, key="mlflow.runName", value="c")
    assert mlflow.read(tagged)["info"]["run_name"] == "c"
    mlflow.ask("POST", "runs/update", run_id=tagged, run_name="d", status="KILLED", end_time=5)
    found = mlflow.read(tagged)
    assert (found["info"]["status"], found["info"]["end_time"]) == ("KILLED", 5)
    assert pairs(found["data"]["tags"]) == {"mlflow.runName": "d"}


def test_the_newest_point_is_the_largest_of_step_moment_and_value(mlflow):
    run = mlflow.run()
    for value, at, step in [(1.0, 5, 1), (2.0, 4, 1), (9.0, 9, 0), (3.0, 5, 1), (0.5, 5, 1), (7.0, 1, -3)]:
        mlflow.metric(run, "loss", value, at, step)
    newest = {"key": "loss", "value": 3.0, "timestamp": 5, "step": 1}
    assert mlflow.read(run)["data"]["metrics"] == [newest]
    history = mlflow.ask("GET", "metrics/get-history", run_id=run, metric_key="loss")["metrics"]
    order = [(point["timestamp"], point["step"], point["value"]) for point in history]
    assert order == sorted(order)
    assert len(order) == 6


@pytest.mark.parametrize(("said", "kept"), [("NaN", "NaN"), ("Infinity", "Infinity"), (-math.inf, "-Infinity")])
def test_numbers_that_json_has_no_word_for_come_back(mlflow, said, kept):
    run = mlflow.run()
    mlflow.metric(run, "loss", said)
    assert mlflow.read(run)["data"]["metrics"][0]["value"] == kept
    for path, fields in [("get-history", {"run_id": run}), ("get-history-bulk", {"run_id": run}),
                         ("get-history-bulk-interval", {"run_ids": run})]:  # fmt: skip
        points = mlflow.ask("GET", f"metrics/{path}", metric_key="loss", **fields)["metrics"]
        assert [point["value"] for point in points] == [kept]


def test_a_history_comes_in_pages_and_points_sent_again_are_one(mlflow):
    run = mlflow.run()
    points = [{"key": "k", "value": i / 7, "timestamp": i // 3, "step": i % 5} for i in range(500)]
    for _ in range(2):
        mlflow.ask("POST", "runs/log-batch", run_id=run, metrics=points)
    found, token = [], ""
    while True:
        fields = {"page_token": token} if token else {}
        page = mlflow.ask("GET", "metrics/get-history", run_id=run, metric_key="k", max_results=77, **fields)
        found += page["metrics"]
        token = page.get("next_page_token")
        if not token:
            break
    assert len(found) == 500
    assert found == mlflow.ask("GET", "metrics/get-history", run_id=run, metric_key="k")["metrics"]
    for wrong in ({"max_results": 0}, {"max_results": -1}, {"page_token": "bm9uc2Vuc2U"}, {"page_token": "%"}):
        assert mlflow.refused("GET", "metrics/get-history", run_id=run, metric_key="k", **wrong) == INVALID
    assert mlflow.ask("GET", "metrics/get-history", run_id=run, metric_key="no") == {"metrics": []}
    assert mlflow.refused("GET", "metrics/get-history", run_id="no", metric_key="k") == MISSING


def test_a_long_history_is_thinned_with_its_ends(mlflow):
    first, second = mlflow.run(), mlflow.run()
    points = [{"key": "k", "value": i, "timestamp": i, "step": i} for i in range(1_000)]
    mlflow.ask("POST", "runs/log-batch", run_id=first, metrics=points)
    mlflow.metric(second, "k", 1.5)
    fields = {"run_ids": [first, second], "metric_key": "k"}
    found = mlflow.ask("GET", "metrics/get-history-bulk-interval", max_results=10, **fields)["metrics"]
    steps = [point["step"] for point in found if point["run_id"] == first]
    assert (len(steps), steps[0], steps[-1]) == (10, 0, 999)
    assert [point["value"] for point in found if point["run_id"] == second] == [1.5]
    inside = mlflow.ask("GET", "metrics/get-history-bulk-interval", start_step=5, end_step=7, **fields)["metrics"]
    assert [point["step"] for point in inside] == [5, 6, 7]
    for wrong in ({"start_step": 1}, {"start_step": 2, "end_step": 1}, {"max_results": 2_501}, {"max_results": 0}):
        assert mlflow.refused("GET", "metrics/get-history-bulk-interval", **fields, **wrong) == INVALID
    bulk = mlflow.ask("GET", "metrics/get-history-bulk", run_id=[first, second], metric_key="k", max_results=1_001)
    assert len(bulk["metrics"]) == 1_001


def test_a_parameter_keeps_its_first_value_and_long_ones_are_cut(mlflow):
    run = mlflow.run()
    for _ in range(2):
        mlflow.ask("POST", "runs/log-parameter", run_id=run, key="leaves", value="63")
    assert mlflow.refused("POST", "runs/log-parameter", run_id=run, key="leaves", value="64") == INVALID
    mlflow.ask("POST", "runs/log-parameter", run_id=run, key="long", value="x" * 7_000)
    mlflow.ask("POST", "runs/set-tag", run_id=run, key="long", value="x" * 9_000)
    found = mlflow.read(run)["data"]
    assert (len(pairs(found["params"])["long"]), len(pairs(found["tags"])["long"])) == (6_000, 8_000)


def test_a_batch_is_all_or_nothing(mlflow):
    run = mlflow.run()
    mlflow.ask("POST", "runs/log-parameter", run_id=run, key="leaves", value="63")
    batch = {
        "metrics": [{"key": "auc", "value": 1.0, "timestamp": 1}],
        "tags": [{"key": "t", "value": "v"}],
        "params": [{"key": "depth", "value": "4"}, {"key": "leaves", "value": "64"}],
    }
    assert mlflow.refused("POST", "runs/log-batch", run_id=run, **batch) == INVALID
    data = mlflow.read(run)["data"]
    assert (data["metrics"], pairs(data["params"]), "t" in pairs(data["tags"])) == ([], {"leaves": "63"}, False)


def _points(count: int) -> list[dict[str, Any]]:
    return [{"key": "k", "value": 1, "timestamp": i} for i in range(count)]


def _entries(count: int) -> list[dict[str, str]]:
    return [{"key": f"k{i}", "value": "v"} for i in range(count)]


@pytest.mark.parametrize(
    "batch",
    [
        {"metrics": _points(1_001)},
        {"params": _entries(101)},
        {"tags": _entries(101)},
        {"metrics": _points(950), "params": _entries(51)},
        {"params": [{"key": "a", "value": "1"}, {"key": "a", "value": "1"}]},
        {"metrics": [{"key": "a", "value": 1}]},
        {"metrics": [{"key": "a", "timestamp": 1}]},
        {"metrics": [{"key": "a", "value": "high", "timestamp": 1}]},
        {"metrics": [{"key": "a", "value": 1, "timestamp": -1}]},
        {"metrics": [{"key": "a", "value": 1, "timestamp": 2**63}]},
        {"metrics": [{"key": "a", "value": 1, "timestamp": 1, "step": 2**70}]},
        *({"metrics": [{"key": key, "value": 1, "timestamp": 1}]} for key in ("", "a@b", "../a", "/a", "a//b", "./a")),
        {"tags": [{"key": "x" * 251, "value": ""}]},
        {"params": [{"key": "a", "value": "\0"}]},
        {"params": "many"},
        {"run_id": "../../x"},
    ],
)
def test_what_cannot_be_kept_is_the_askers_mistake(mlflow, batch):
    run = mlflow.run()
    assert mlflow.refused("POST", "runs/log-batch", **({"run_id": run} | batch)) == INVALID
    assert mlflow.read(run)["data"]["metrics"] == []


@pytest.mark.parametrize(
    ("method", "path", "fields", "expected"),
    [
        ("GET", "runs/get", {}, INVALID),
        ("GET", "runs/get", {"run_id": "no"}, MISSING),
        ("POST", "runs/delete", {"run_id": "no"}, MISSING),
        ("POST", "runs/log-metric", {"run_id": "no", "key": "a", "value": 1, "timestamp": 1}, MISSING),
        ("POST", "runs/create", {}, INVALID),
        ("POST", "runs/create", {"experiment_id": "x"}, INVALID),
        ("POST", "runs/create", {"experiment_id": "99"}, MISSING),
        ("POST", "runs/create", {"experiment_id": "0", "start_time": 2**64}, INVALID),
        ("POST", "runs/update", {"run_id": "no", "status": "GREAT"}, INVALID),
        ("POST", "runs/search", {"experiment_ids": ["0"], "max_results": 0}, INVALID),
        ("POST", "runs/search", {"experiment_ids": ["0"], "max_results": 50_001}, INVALID),
        ("POST", "runs/search", {"experiment_ids": ["0"], "filter": "metrics.a LIKE 'x'"}, INVALID),
        ("POST", "runs/search", {"experiment_ids": ["0"], "order_by": ["start_time", "start_time"]}, INVALID),
        ("POST", "runs/search", {"experiment_ids": ["0"], "page_token": "x"}, INVALID),
        ("POST", "runs/search", {"experiment_ids": ["0"], "run_view_type": "SOME"}, INVALID),
        ("POST", "runs/log-model", {"run_id": "no", "model_json": "{"}, INVALID),
        ("POST", "runs/log-model", {"run_id": "no", "model_json": "{}"}, INVALID),
        ("POST", "runs/log-inputs", {"run_id": "no", "datasets": [{"dataset": {"name": "a"}}]}, INVALID),
        ("POST", "experiments/create", {"name": ""}, INVALID),
        ("POST", "experiments/create", {"name": "x" * 501}, INVALID),
        ("POST", "experiments/create", {"name": "Default"}, (400, "RESOURCE_ALREADY_EXISTS")),
        ("GET", "experiments/get", {"experiment_id": "99"}, MISSING),
        ("GET", "experiments/get-by-name", {"experiment_name": "no"}, MISSING),
        ("POST", "experiments/search", {"filter": "nothing = 'x'"}, INVALID),
        ("POST", "experiments/restore", {"experiment_id": "0"}, MISSING),
        ("POST", "experiments/search-datasets", {"experiment_ids": []}, INVALID),
        ("GET", "logged-models/m-no", {}, MISSING),
        ("POST", "logged-models", {"experiment_id": "0", "name": "a/b"}, INVALID),
        ("POST", "logged-models/search", {"experiment_ids": ["0"], "order_by": [{"field_name": "x"}]}, INVALID),
        ("GET", "artifacts/list", {"run_id": "no"}, MISSING),
        ("GET", "metrics/get-history-bulk", {"metric_key": "a"}, INVALID),
    ],
)  # fmt: skip
def test_every_refusal_has_its_word(mlflow, method, path, fields, expected):
    assert mlflow.refused(method, path, **fields) == expected


def test_a_deleted_run_takes_nothing_and_comes_back_whole(mlflow):
    run = mlflow.run()
    mlflow.metric(run, "auc", 0.7)
    mlflow.ask("POST", "runs/delete", run_id=run)
    assert mlflow.read(run)["info"]["lifecycle_stage"] == "deleted"
    for path, fields in [("log-metric", {"key": "a", "value": 1, "timestamp": 1}), ("set-tag", {"key": "a"}),
                         ("log-parameter", {"key": "a"}), ("update", {"status": "FAILED"})]:  # fmt: skip
        assert mlflow.refused("POST", f"runs/{path}", run_id=run, **fields) == INVALID
    assert "runs" not in mlflow.ask("POST", "runs/search", experiment_ids=["0"]) or not mlflow.ask(
        "POST", "runs/search", experiment_ids=["0"]
    )["runs"]  # fmt: skip
    mlflow.ask("POST", "runs/restore", run_id=run)
    assert pairs(mlflow.read(run)["data"]["metrics"]) == {"auc": 0.7}


def test_runs_of_ours_and_of_clients_are_the_same_runs(mlflow, house):
    ours = house.call("runs.create", {"experiment": "flights", "name": "nightly", "tags": {"by": "us"}})
    house.call(
        "runs.log", {"run": ours.id, "params": {"leaves": 63, "deep": True}, "metrics": [{"key": "auc", "value": 0.7}]}
    )
    experiment = mlflow.ask("GET", "experiments/get-by-name", experiment_name="flights")["experiment"]
    [found] = mlflow.ask("POST", "runs/search", experiment_ids=[experiment["experiment_id"]],
                         filter="params.leaves = '63' AND attributes.run_name = 'nightly'")["runs"]  # fmt: skip
    assert pairs(found["data"]["params"]) == {"leaves": "63", "deep": "True"}
    mlflow.ask("POST", "runs/log-parameter", run_id=ours.id, key="leaves", value="63")
    mlflow.metric(ours.id, "auc", 0.8, at=2_000_000_000_000)
    mlflow.http.put(f"{PROXY}/{experiment['experiment_id']}/{ours.id}/artifacts/a/b.txt", content=b"hello")
    again = house.call("runs.get", {"run": ours.id})
    assert (again.params, again.metrics) == ({"leaves": 63, "deep": True}, {"auc": 0.8})
    assert [file.path for file in house.call("runs.artifacts", {"run": ours.id})] == ["a/b.txt"]
    page = house.call("runs.search", {"experiments": ["flights"], "filter": "metrics.auc > 0.75"})
    assert [run.id for run in page.items] == [ours.id]


def test_experiments_are_deleted_and_restored_with_their_runs(mlflow):
    experiment = mlflow.ask("POST", "experiments/create", name="a", tags=[{"key": "k", "value": "v"}])["experiment_id"]
    run = mlflow.run(experiment_id=experiment)
    mlflow.ask("POST", "experiments/delete", experiment_id=experiment)
    assert mlflow.read(run)["info"]["lifecycle_stage"] == "deleted"
    assert mlflow.refused("POST", "experiments/delete", experiment_id=experiment) == MISSING
    assert mlflow.refused("POST", "experiments/create", name="a") == (400, "RESOURCE_ALREADY_EXISTS")
    names = [one["name"] for one in mlflow.ask("GET", "experiments/search", max_results=10)["experiments"]]
    assert names == ["Default"]
    deleted = mlflow.ask("POST", "experiments/search", view_type="DELETED_ONLY")["experiments"]
    assert [one["name"] for one in deleted] == ["a"]
    mlflow.ask("POST", "experiments/restore", experiment_id=experiment)
    assert mlflow.read(run)["info"]["lifecycle_stage"] == "active"


def test_files_pass_through_the_proxy(mlflow):
    run = mlflow.run()
    base = f"{PROXY}/0/{run}/artifacts"
    large = bytes(range(256)) * 16_384
    assert mlflow.http.put(f"{base}/large.bin", content=iter([large[:1000], large[1000:]])).json() == {}
    assert mlflow.http.put(f"{base}/a dir/ü.txt", content="grüße".encode()).status_code == 200
    assert mlflow.http.get(f"{base}/large.bin").content == large
    answer = mlflow.http.get("/get-artifact", params={"run_id": run, "path": "a dir/ü.txt"})
    assert (answer.text, answer.headers["content-security-policy"]) == ("grüße", "sandbox")
    listed = mlflow.ask("GET", "artifacts/list", run_id=run)
    assert [(file["path"], file["is_dir"]) for file in listed["files"]] == [("a dir", True), ("large.bin", False)]
    assert [file["path"] for file in mlflow.ask("GET", "artifacts/list", run_id=run, path="a dir")["files"]] == [
        "a dir/ü.txt"
    ]
    proxied = mlflow.http.get(PROXY, params={"path": f"0/{run}/artifacts/a dir"}).json()["files"]
    assert [file["path"] for file in proxied] == ["ü.txt"]
    assert mlflow.http.delete(f"{base}/a dir").status_code == 200
    assert mlflow.http.get(f"{base}/a dir/ü.txt").status_code == 404
    assert mlflow.http.get(f"/api/2.0/mlflow-artifacts/presigned/0/{run}/artifacts/x").status_code == 501


def test_a_large_file_may_come_in_parts_in_any_order(mlflow):
    run = mlflow.run()
    mpu, folder = "/api/2.0/mlflow-artifacts/mpu", f"0/{run}/artifacts/models"
    made = mlflow.http.post(f"{mpu}/create/{folder}", json={"path": "/disk/big.bin", "num_parts": 3}).json()
    tags = []
    for part in reversed(made["credentials"]):
        answer = mlflow.http.put(part["url"], content=b"%d" % part["part_number"] * 5, headers=part["headers"])
        tags.append({"part_number": part["part_number"], "etag": answer.headers["etag"], "url": part["url"]})
    finish = {"path": "/disk/big.bin", "upload_id": made["upload_id"], "parts": tags}
    assert mlflow.http.post(f"{mpu}/complete/{folder}", json=finish).status_code == 200
    assert mlflow.http.get(f"{PROXY}/{folder}/big.bin").content == b"111112222233333"
    again = mlflow.http.post(f"{mpu}/complete/{folder}", json=finish)
    assert (again.status_code, again.json()["error_code"]) == MISSING
    assert mlflow.http.post(f"{mpu}/abort/{folder}", json=finish).status_code == 200
    for wrong in ({"path": "x", "num_parts": 0}, {"path": "", "num_parts": 1}, {"path": "..", "num_parts": 1}):
        assert mlflow.http.post(f"{mpu}/create/{folder}", json=wrong).status_code == 400
    assert mlflow.http.put(f"{mpu}/part/..%2Fx/1", content=b"x").status_code in (400, 404)
    assert mlflow.http.put(f"{mpu}/part/upload_x/1", content=b"x").status_code == 400


def test_the_web_apps_own_calls_for_files_are_answered_too(mlflow):
    run = mlflow.run()
    ajax = "/ajax-api/2.0/mlflow"
    sent = mlflow.http.post(f"{ajax}/upload-artifact", params={"run_uuid": run, "path": "a/b.txt"}, content=b"hello")
    assert sent.status_code == 200, sent.text
    assert mlflow.http.get("/get-artifact", params={"run_uuid": run, "path": "a/b.txt"}).text == "hello"
    model = mlflow.ask("POST", "logged-models", experiment_id="0")["model"]["info"]["model_id"]
    mlflow.http.put(f"{PROXY}/0/models/{model}/artifacts/MLmodel", content=b"flavors: {}")
    files = f"{ajax}/logged-models/{model}/artifacts/files"
    assert mlflow.http.get(files, params={"artifact_file_path": "MLmodel"}).text == "flavors: {}"
    assert mlflow.http.get(files, params={"artifact_file_path": "../../x"}).status_code == 400
    assert mlflow.http.get(f"{ajax}/runs/get", params={"run_id": run}).status_code == 200


@pytest.mark.parametrize("path", ["..%2F..%2Fx", "%252e%252e/x", "a%5Cb", "%2Fetc/passwd", "a%00b", "a/%2e%2e/b"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_no_path_leaves_the_runs_folder(mlflow, method, path):
    answer = mlflow.http.request(method, f"{PROXY}/0/run_x/artifacts/{path}")
    assert (answer.status_code, answer.json()["error_code"]) == INVALID


def test_logged_models_are_made_measured_found_and_deleted(mlflow):
    run = mlflow.run()
    made = mlflow.ask("POST", "logged-models", experiment_id="0", name="clf", source_run_id=run,
                      model_type="tree", params=[{"key": "leaves", "value": "63"}], tags=[{"key": "a", "value": "b"}]
                      )["model"]  # fmt: skip
    identity = made["info"]["model_id"]
    assert made["info"]["status"] == "LOGGED_MODEL_PENDING"
    assert made["info"]["artifact_uri"] == f"mlflow-artifacts:/0/models/{identity}/artifacts"
    done = mlflow.ask("PATCH", f"logged-models/{identity}", model_id=identity, status="LOGGED_MODEL_READY")["model"]
    assert done["info"]["status"] == "LOGGED_MODEL_READY"
    mlflow.ask("POST", "runs/log-metric", run_id=run, key="acc", value=0.9, timestamp=1, model_id=identity,
               dataset_name="d", dataset_digest="1")  # fmt: skip
    mlflow.ask("POST", "runs/outputs", run_id=run, models=[{"model_id": identity, "step": 3}])
    assert mlflow.read(run)["outputs"] == {"model_outputs": [{"model_id": identity, "step": 3}]}

    def found(**fields: Any) -> list[str]:
        answer = mlflow.ask("POST", "logged-models/search", experiment_ids=["0"], **fields)
        return [model["info"]["model_id"] for model in answer["models"]]

    assert found(filter="metrics.acc > 0.5 AND params.leaves = '63' AND tags.a LIKE 'b%'") == [identity]
    assert found(filter="name = 'clf' AND status = 'READY' AND source_run_id IN ('x')") == []
    assert found(datasets=[{"dataset_name": "d"}], order_by=[{"field_name": "metrics.acc", "ascending": False}]) == [
        identity
    ]
    assert found(datasets=[{"dataset_name": "d", "dataset_digest": "2"}]) == []
    mlflow.http.put(f"{PROXY}/0/models/{identity}/artifacts/MLmodel", content=b"flavors: {}")
    files = mlflow.ask("GET", f"logged-models/{identity}/artifacts/directories")["files"]
    assert [file["path"] for file in files] == ["MLmodel"]
    mlflow.ask("DELETE", f"logged-models/{identity}/tags/a")
    assert mlflow.refused("DELETE", f"logged-models/{identity}/tags/a") == MISSING
    mlflow.ask("DELETE", f"logged-models/{identity}")
    assert mlflow.refused("GET", f"logged-models/{identity}") == MISSING


def test_data_sets_are_summed_up_by_experiment(mlflow):
    run = mlflow.run()
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "{}"}
    tags = [{"key": "mlflow.data.context", "value": "training"}]
    for _ in range(2):
        mlflow.ask("POST", "runs/log-inputs", run_id=run, datasets=[{"dataset": dataset, "tags": tags}])
    assert mlflow.read(run)["inputs"]["dataset_inputs"] == [{"dataset": dataset, "tags": tags}]
    summary = {"experiment_id": "0", "name": "d", "digest": "1", "context": "training"}
    assert mlflow.ask("POST", "experiments/search-datasets", experiment_ids=["0"]) == {"dataset_summaries": [summary]}


def test_after_kill_9_every_acknowledged_point_is_there(tmp_path):
    acknowledged: list[list[int]] = [[] for _ in range(4)]
    with start(tmp_path) as process:
        url = url_of(tmp_path, process)
        with httpx.Client(base_url=url) as http:
            runs = [Mlflow(http).run() for _ in acknowledged]

        def log(place: int) -> None:
            with httpx.Client(base_url=url) as http, contextlib.suppress(httpx.TransportError):
                for number in itertools.count():
                    Mlflow(http).metric(runs[place], "loss", number, at=number)
                    acknowledged[place].append(number)

        threads = [threading.Thread(target=log, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        while min(map(len, acknowledged)) < 25:
            time.sleep(0.01)
        process.kill()
        for thread in threads:
            thread.join()
    with start(tmp_path) as again:
        with httpx.Client(base_url=url_of(tmp_path, again)) as http:
            for run, numbers in zip(runs, acknowledged, strict=True):
                history = Mlflow(http).ask("GET", "metrics/get-history", run_id=run, metric_key="loss")["metrics"]
                assert set(numbers) <= {point["value"] for point in history}
        again.terminate()


@pytest.mark.postgres
def test_it_is_the_same_on_postgres(postgres_url, tmp_path):
    house = open_house(Config(home=str(tmp_path), database=postgres_url))
    with served(build_app(house)) as url, httpx.Client(base_url=url) as http:
        mlflow = Mlflow(http)
        test_a_batch_is_all_or_nothing(mlflow)
        test_the_newest_point_is_the_largest_of_step_moment_and_value(mlflow)
        test_a_history_comes_in_pages_and_points_sent_again_are_one(mlflow)
        test_a_long_history_is_thinned_with_its_ends(mlflow)
        test_logged_models_are_made_measured_found_and_deleted(mlflow)
        test_runs_of_ours_and_of_clients_are_the_same_runs(mlflow, house)
    house.close()
