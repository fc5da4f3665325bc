"""How the protocol writes runs, experiments and models down."""

from __future__ import annotations

from typing import Any

import msgspec

from ondol.doors.mlflow.protocol import MlflowError
from ondol.tracking.rules import to_ms
from ondol.tracking.service import artifacts
from ondol.tracking.service.wire import RUN_NAME
from ondol.tracking.types import (
    DatasetInput,
    Experiment,
    KeyValue,
    LoggedModel,
    ModelInput,
    ModelOutput,
    NewestPoint,
    TrackedRun,
    View,
)

VIEWS: dict[str, View] = {
    "ACTIVE_ONLY": "active", "DELETED_ONLY": "deleted", "ALL": "all", "1": "active", "2": "deleted", "3": "all",
}  # fmt: skip
MODEL_STATUSES = {
    "PENDING": "LOGGED_MODEL_PENDING",
    "READY": "LOGGED_MODEL_READY",
    "FAILED": "LOGGED_MODEL_UPLOAD_FAILED",
}


class RunInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    run_id: str
    run_uuid: str
    run_name: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    end_time: int | None = None
    artifact_uri: str
    lifecycle_stage: str


class RunData(msgspec.Struct, frozen=True, kw_only=True):
    metrics: list[NewestPoint]
    params: list[KeyValue]
    tags: list[KeyValue]


class RunInputs(msgspec.Struct, frozen=True, kw_only=True):
    dataset_inputs: list[DatasetInput]
    model_inputs: list[ModelInput]


class RunOutputs(msgspec.Struct, frozen=True, kw_only=True):
    model_outputs: list[ModelOutput]


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    info: RunInfo
    data: RunData
    inputs: RunInputs
    outputs: RunOutputs


def to_info(run: TrackedRun) -> RunInfo:
    return RunInfo(
        run_id=run.id,
        run_uuid=run.id,
        run_name=run.name,
        experiment_id=str(run.experiment),
        user_id=run.person,
        status=run.status.upper(),
        start_time=run.started_ms,
        end_time=run.ended_ms,
        artifact_uri=artifacts.run_uri(run.experiment, run.location, run.id),
        lifecycle_stage=stage(run.deleted_ms),
    )


def to_run(run: TrackedRun) -> RunRecord:
    """The name is also a tag there, which is not stored: it cannot differ from the name."""
    return RunRecord(
        info=to_info(run),
        data=RunData(metrics=run.metrics, params=run.params, tags=[KeyValue(key=RUN_NAME, value=run.name), *run.tags]),
        inputs=RunInputs(dataset_inputs=run.datasets, model_inputs=run.model_inputs),
        outputs=RunOutputs(model_outputs=run.model_outputs),
    )


def stage(deleted: Any) -> str:
    return "active" if deleted is None else "deleted"


def to_experiment(found: Experiment) -> dict[str, Any]:
    return {
        "experiment_id": found.id,
        "name": found.name,
        "artifact_location": artifacts.root_uri(int(found.id), found.location),
        "lifecycle_stage": stage(found.deleted_at),
        "creation_time": to_ms(found.created_at),
        "last_update_time": to_ms(found.updated_at),
        "tags": [{"key": key, "value": value} for key, value in found.tags.items()],
    }


def to_model(model: LoggedModel) -> dict[str, Any]:
    info = {
        "model_id": model.id,
        "experiment_id": str(model.experiment),
        "name": model.name,
        "creation_timestamp_ms": model.created_ms,
        "last_updated_timestamp_ms": model.updated_ms,
        "artifact_uri": artifacts.model_uri(model.experiment, model.location, model.id),
        "status": MODEL_STATUSES[model.status],
        "model_type": model.kind,
        "source_run_id": model.source_run,
        "status_message": model.status_message,
        "tags": model.tags,
        "registrations": [],
    }
    return {"info": info, "data": {"params": model.params, "metrics": model.metrics}}


def to_view(given: str | int) -> View:
    if (found := VIEWS.get(str(given) or "ACTIVE_ONLY")) is None:
        raise MlflowError("INVALID_PARAMETER_VALUE", f"Invalid value '{given}' for parameter 'view_type' supplied.")
    return found
