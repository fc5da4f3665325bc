"""A running MLflow server, through its REST API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from ondol.exchange.local_files import CHUNK, PROXIED, chunks_of, files_below, folder_of
from ondol.exchange.source import (
    POINTS_A_PART,
    SourceExperiment,
    SourceFile,
    SourceModel,
    SourceRegistered,
    SourceRun,
    SourceTrace,
    SourceVersion,
)
from ondol.kernel.errors import NotFound, Unavailable
from ondol.tracking.types import DatasetInput, KeyValue, Point, TrackedDataset

RUNS_A_PAGE = 200
TRACES_A_PAGE = 100
_FILES = "/api/2.0/mlflow-artifacts/artifacts"


class MlflowApi:
    """The REST API of a tracking server."""

    def __init__(self, url: str, token: str = "") -> None:
        self.where = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = urllib3.PoolManager(timeout=60, headers=headers, retries=urllib3.Retry(3, backoff_factor=0.5))

    def close(self) -> None:
        self._http.clear()

    def get(self, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        return self._answer("GET", f"{path}?{urlencode(fields)}", None)

    def post(self, path: str, fields: dict[str, Any], version: str = "2.0") -> dict[str, Any]:
        return self._answer("POST", path, msgspec.json.encode(fields), version)

    def pages(self, path: str, name: str, asked: dict[str, Any], version: str = "2.0") -> Iterator[dict[str, Any]]:
        """Every item of a list that is asked for with POST."""
        token = ""
        while True:
            page = self.post(path, asked | ({"page_token": token} if token else {}), version)
            yield from page.get(name, [])
            if not (token := page.get("next_page_token", "")):
                return

    def listed(self, path: str, name: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Every item of a list that is asked for with GET."""
        token = ""
        while True:
            page = self.get(path, asked | ({"page_token": token} if token else {}))
            yield from page.get(name, [])
            if not (token := page.get("next_page_token", "")):
                return

    def trace_file(self, trace: str) -> str:
        """The spans of a trace, as clients file them; empty where it has none."""
        path = f"{self.where}/ajax-api/2.0/mlflow/get-trace-artifact?{urlencode({'request_id': trace})}"
        answer = self._http.request("GET", path)
        return answer.data.decode() if answer.status == 200 else ""

    def folder(self, path: str) -> list[dict[str, Any]]:
        """What lies in a folder of the artifact proxy."""
        answer = self._http.request("GET", f"{self.where}{_FILES}?{urlencode({'path': path})}")
        if answer.status != 200:
            raise Unavailable(f"{self.where} does not list {path}: {answer.status} {answer.reason}")
        found: list[dict[str, Any]] = msgspec.json.decode(answer.data).get("files", [])
        return found

    def read_file(self, path: str) -> Iterator[bytes]:
        """A file of the artifact proxy, in chunks."""
        answer = self._http.request("GET", f"{self.where}{_FILES}/{quote(path)}", preload_content=False)
        try:
            if answer.status != 200:
                raise NotFound(f"{path} cannot be read: {answer.status} {answer.reason}")
            yield from answer.stream(CHUNK)
        finally:
            answer.release_conn()

    def write_file(self, path: str, content: Iterable[bytes]) -> None:
        answer = self._http.request("PUT", f"{self.where}{_FILES}/{quote(path)}", body=content, retries=False)
        if answer.status != 200:
            raise Unavailable(f"{self.where} does not take {path}: {answer.status} {answer.reason}")

    def _answer(self, method: str, path: str, body: bytes | None, version: str = "2.0") -> dict[str, Any]:
        headers = {**self._http.headers, "Content-Type": "application/json"}
        try:
            answer = self._http.request(method, f"{self.where}/api/{version}/mlflow/{path}", body=body, headers=headers)
        except HTTPError as error:
            raise Unavailable(f"No MLflow server answers at {self.where}: {error}") from error
        if answer.status == 404:
            raise NotFound(f"{self.where} has no {path}: {answer.data[:300].decode()}")
        if answer.status != 200:
            raise Unavailable(f"{self.where} answered {answer.status} to {path}: {answer.data[:300].decode()}")
        return msgspec.json.decode(answer.data, type=dict[str, Any])


class ServerSource:
    """The `Source` over a server of MLflow's, or of ours."""

    def __init__(self, url: str, token: str = "") -> None:
        self._api = MlflowApi(url, token)
        self.where = self._api.where

    def close(self) -> None:
        self._api.close()

    def experiments(self) -> list[SourceExperiment]:
        found = self._api.pages("experiments/search", "experiments", {"max_results": 1000, "view_type": "ALL"})
        return [
            SourceExperiment(
                id=one["experiment_id"],
                name=one["name"],
                deleted=one.get("lifecycle_stage") == "deleted",
                tags=_pairs(one.get("tags", [])),
            )
            for one in found
        ]

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        asked = {
            "experiment_ids": [experiment.id],
            "run_view_type": "ALL",
            "max_results": RUNS_A_PAGE,
            "order_by": ["attributes.start_time ASC"],
        }
        for found in self._api.pages("runs/search", "runs", asked):
            yield _run(found)

    def points(self, run: SourceRun) -> Iterator[list[Point]]:
        for key in run.metrics:
            token = ""
            while True:
                asked = {"run_id": run.id, "metric_key": key, "max_results": POINTS_A_PART}
                page = self._api.get("metrics/get-history", asked | ({"page_token": token} if token else {}))
                yield [
                    Point(
                        key=key,
                        value=float(one["value"]),
                        timestamp=int(one["timestamp"]),
                        step=int(one.get("step", 0)),
                    )
                    for one in page.get("metrics", [])
                ]
                if not (token := page.get("next_page_token", "")):
                    break

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        try:
            for found in self._api.pages("logged-models/search", "models", {"experiment_ids": [experiment.id]}):
                yield _model(found)
        except NotFound:
            return  # MLflow 2 has no logged models.

    def traces(self, experiment: SourceExperiment) -> Iterator[SourceTrace]:
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment.id}}
        asked = {"locations": [place], "max_results": TRACES_A_PAGE}
        try:
            for info in self._api.pages("traces/search", "traces", asked, version="3.0"):
                spans = self._api.trace_file(info["trace_id"])
                yield SourceTrace(id=info["trace_id"], info=info, spans=spans)
        except NotFound:
            return  # MLflow 2 has other traces.

    def registered(self) -> Iterator[SourceRegistered]:
        for found in self._api.listed("registered-models/search", "registered_models", {"max_results": 1000}):
            asked = {"filter": f"name = '{found['name']}'", "max_results": 1000}
            versions = map(_version, self._api.listed("model-versions/search", "model_versions", asked))
            yield SourceRegistered(
                name=found["name"],
                description=found.get("description", ""),
                tags=_pairs(found.get("tags", [])),
                aliases={one["alias"]: int(one["version"]) for one in found.get("aliases", [])},
                versions=sorted(versions, key=lambda version: version.number),
            )

    def files(self, artifacts: str) -> Iterator[SourceFile]:
        if not artifacts.startswith(PROXIED):
            yield from files_below(folder_of(artifacts, ""))
            return
        root = artifacts.removeprefix(PROXIED).lstrip("/")
        folders = [""]
        while folders:
            folder = folders.pop()
            for one in self._api.folder(f"{root}/{folder}".rstrip("/")):
                path = f"{folder}/{one['path'].rpartition('/')[2]}".lstrip("/")
                if one.get("is_dir"):
                    folders.append(path)
                else:
                    yield SourceFile(path=path, size=int(one.get("file_size") or 0))

    def read(self, artifacts: str, file: SourceFile) -> Iterator[bytes]:
        if not artifacts.startswith(PROXIED):
            yield from chunks_of(folder_of(artifacts, "") / file.path)
            return
        yield from self._api.read_file(f"{artifacts.removeprefix(PROXIED).lstrip('/')}/{file.path}")


def _model(found: dict[str, Any]) -> SourceModel:
    info, data = found["info"], found.get("data", {})
    return SourceModel(
        id=info["model_id"],
        name=info.get("name", ""),
        created_ms=int(info.get("creation_timestamp_ms") or 0),
        artifacts=info.get("artifact_uri", ""),
        kind=info.get("model_type", ""),
        status=info.get("status", "READY").removeprefix("LOGGED_MODEL_").replace("UPLOAD_FAILED", "FAILED"),
        source_run=info.get("source_run_id", ""),
        params=_pairs(data.get("params", [])),
        tags=_pairs(info.get("tags", [])),
    )


def _version(found: dict[str, Any]) -> SourceVersion:
    return SourceVersion(
        number=int(found["version"]),
        source=found.get("source", ""),
        run=found.get("run_id", ""),
        run_link=found.get("run_link", ""),
        description=found.get("description", ""),
        stage=found.get("current_stage", "None"),
        tags=_pairs(found.get("tags", [])),
    )


def _pairs(found: list[dict[str, str]]) -> dict[str, str]:
    return {one["key"]: one.get("value", "") for one in found}


def _run(found: dict[str, Any]) -> SourceRun:
    info, data = found["info"], found.get("data", {})
    tags = _pairs(data.get("tags", []))
    ended = int(info.get("end_time") or 0)
    return SourceRun(
        id=info.get("run_id") or info["run_uuid"],
        name=info.get("run_name") or tags.get("mlflow.runName", ""),
        status=info["status"].lower(),
        started_ms=int(info.get("start_time") or 0),
        ended_ms=ended or None,
        deleted=info.get("lifecycle_stage") == "deleted",
        person=info.get("user_id", ""),
        artifacts=info.get("artifact_uri", ""),
        params=_pairs(data.get("params", [])),
        tags=tags,
        metrics=sorted({one["key"] for one in data.get("metrics", [])}),
        datasets=[_dataset(one) for one in found.get("inputs", {}).get("dataset_inputs", [])],
    )


def _dataset(found: dict[str, Any]) -> DatasetInput:
    known = found["dataset"]
    dataset = TrackedDataset(
        name=known["name"],
        digest=known["digest"],
        source_type=known.get("source_type", ""),
        source=known.get("source", ""),
        schema=known.get("schema"),
        profile=known.get("profile"),
    )
    tags = [KeyValue(key=one["key"], value=one.get("value", "")) for one in found.get("tags", [])]
    return DatasetInput(dataset=dataset, tags=tags)
