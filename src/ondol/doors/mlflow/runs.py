"""`runs/*` of the protocol."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ondol.doors.mlflow.protocol import Endpoint, endpoint, require
from ondol.doors.mlflow.records import to_info, to_run, to_view
from ondol.kernel.errors import Invalid
from ondol.ports.tools import Tools
from ondol.tracking import service
from ondol.tracking.service import wire
from ondol.tracking.types import (
    DatasetInput,
    DeleteRun,
    KeyValue,
    ModelInput,
    ModelOutput,
    Point,
    RestoreRun,
    SearchRuns,
)

STATUSES = {"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"}
_STATUS_NUMBERS = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}


class Create(msgspec.Struct, frozen=True, kw_only=True):
    experiment_id: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: int = 0
    tags: list[KeyValue] = []


class OfRun(msgspec.Struct, frozen=True, kw_only=True):
    """Old clients say `run_uuid`."""

    run_id: str = ""
    run_uuid: str = ""

    @property
    def run(self) -> str:
        return require(self.run_id or self.run_uuid, "run_id")


class Update(OfRun, frozen=True, kw_only=True):
    status: str | int = ""
    end_time: int | None = None
    run_name: str = ""


class LogMetric(OfRun, frozen=True, kw_only=True):
    key: str
    value: float
    timestamp: int
    step: int = 0
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


class Entry(OfRun, frozen=True, kw_only=True):
    key: str
    value: str = ""


class LogBatch(msgspec.Struct, frozen=True, kw_only=True):
    run_id: str
    metrics: list[Point] = []
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class LogModel(msgspec.Struct, frozen=True, kw_only=True):
    run_id: str
    model_json: str


class LogInputs(msgspec.Struct, frozen=True, kw_only=True):
    run_id: str
    datasets: list[DatasetInput] = []
    models: list[ModelInput] = []


class LogOutputs(msgspec.Struct, frozen=True, kw_only=True):
    run_id: str
    models: list[ModelOutput]


class Search(msgspec.Struct, frozen=True, kw_only=True):
    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: str | int = "ACTIVE_ONLY"
    max_results: int = 1_000
    order_by: list[str] = []
    page_token: str = ""


def create(tools: Tools, request: Create) -> dict[str, Any]:
    made = wire.create(
        tools,
        require(request.experiment_id, "experiment_id"),
        name=request.run_name,
        person=request.user_id,
        started_ms=_moment(request.start_time, "start_time"),
        tags=request.tags,
    )
    return {"run": to_run(made)}


def _moment(given: int, name: str) -> int:
    if not -(2**63) <= given < 2**63:
        raise Invalid(f"Invalid value {given} for parameter '{name}' supplied. It must be a 64-bit integer.")
    return given


def get(tools: Tools, request: OfRun) -> dict[str, Any]:
    return {"run": to_run(wire.read(tools, request.run))}


def update(tools: Tools, request: Update) -> dict[str, Any]:
    status = _STATUS_NUMBERS.get(str(request.status), str(request.status))
    if status and status not in STATUSES:
        raise Invalid(f"Invalid value '{status}' for parameter 'status' supplied. It is one of {sorted(STATUSES)}.")
    ended = request.end_time if request.end_time is None else _moment(request.end_time, "end_time")
    found = wire.update(tools, request.run, status=status.lower(), ended_ms=ended, name=request.run_name)
    return {"run_info": to_info(found)}


def delete(tools: Tools, request: OfRun) -> dict[str, Any]:
    service.delete_run(tools, DeleteRun(run=request.run))
    return {}


def restore(tools: Tools, request: OfRun) -> dict[str, Any]:
    service.restore_run(tools, RestoreRun(run=request.run))
    return {}


def log_metric(tools: Tools, request: LogMetric) -> dict[str, Any]:
    point = Point(
        key=require(request.key, "key"),
        value=request.value,
        timestamp=request.timestamp,
        step=request.step,
        model_id=request.model_id,
        dataset_name=request.dataset_name,
        dataset_digest=request.dataset_digest,
    )
    wire.log(tools, request.run, points=[point])
    return {}


def log_param(tools: Tools, request: Entry) -> dict[str, Any]:
    wire.log(tools, request.run, params=[KeyValue(key=require(request.key, "key"), value=request.value)])
    return {}


def set_tag(tools: Tools, request: Entry) -> dict[str, Any]:
    wire.log(tools, request.run, tags=[KeyValue(key=require(request.key, "key"), value=request.value)])
    return {}


def delete_tag(tools: Tools, request: Entry) -> dict[str, Any]:
    wire.delete_tag(tools, request.run, require(request.key, "key"))
    return {}


def log_batch(tools: Tools, request: LogBatch) -> dict[str, Any]:
    wire.log(
        tools,
        require(request.run_id, "run_id"),
        points=request.metrics,
        params=request.params,
        tags=request.tags,
    )
    return {}


def log_model(tools: Tools, request: LogModel) -> dict[str, Any]:
    try:
        model = msgspec.json.decode(request.model_json, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Invalid(f"Malformed model info. \n {request.model_json[:500]} \n is not a valid JSON.") from error
    if missing := {"artifact_path", "flavors", "utc_time_created", "run_id"} - set(model):
        raise Invalid(f"Model json is missing mandatory fields: {sorted(missing)}")
    # What the tag holds elsewhere: the model without what only its own file needs.
    left_out = ("model_uuid", "signature", "saved_input_example_info", "metadata", "is_signature_from_type_hint")
    wire.note_model(tools, request.run_id, {key: value for key, value in model.items() if key not in left_out})
    return {}


def log_inputs(tools: Tools, request: LogInputs) -> dict[str, Any]:
    wire.log_inputs(tools, require(request.run_id, "run_id"), request.datasets, request.models)
    return {}


def log_outputs(tools: Tools, request: LogOutputs) -> dict[str, Any]:
    wire.log_outputs(tools, require(request.run_id, "run_id"), request.models)
    return {}


def search(tools: Tools, request: Search) -> dict[str, Any]:
    found, token = wire.search(
        tools,
        SearchRuns(
            experiments=request.experiment_ids,
            filter=request.filter,
            order_by=request.order_by,
            view=to_view(request.run_view_type),
            limit=request.max_results,
            token=request.page_token,
        ),
    )
    return {"runs": [to_run(run) for run in found]} | ({"next_page_token": token} if token else {})


ENDPOINTS: Final[list[Endpoint]] = [
    endpoint("POST", "runs/create", create, Create),
    endpoint("GET", "runs/get", get, OfRun, scope="read"),
    endpoint("POST", "runs/update", update, Update),
    endpoint("POST", "runs/delete", delete, OfRun),
    endpoint("POST", "runs/restore", restore, OfRun),
    endpoint("POST", "runs/log-metric", log_metric, LogMetric),
    endpoint("POST", "runs/log-parameter", log_param, Entry),
    endpoint("POST", "runs/log-batch", log_batch, LogBatch),
    endpoint("POST", "runs/log-model", log_model, LogModel),
    endpoint("POST", "runs/log-inputs", log_inputs, LogInputs),
    endpoint("POST", "runs/outputs", log_outputs, LogOutputs),
    endpoint("POST", "runs/set-tag", set_tag, Entry),
    endpoint("POST", "runs/delete-tag", delete_tag, Entry),
    endpoint("POST", "runs/search", search, Search, scope="read"),
]
