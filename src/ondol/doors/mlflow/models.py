"""`logged-models/*` of the protocol: what runs wrote down, before it is registered."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ondol.doors.mlflow.protocol import Endpoint, endpoint, require
from ondol.doors.mlflow.records import MODEL_STATUSES, to_model
from ondol.kernel.errors import Invalid
from ondol.ports.tools import Tools
from ondol.tracking.service import artifacts, models
from ondol.tracking.types import KeyValue

_STATUSES = {said: kept for kept, said in MODEL_STATUSES.items()}


class Create(msgspec.Struct, frozen=True, kw_only=True):
    experiment_id: str
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class OfModel(msgspec.Struct, frozen=True, kw_only=True):
    model_id: str
    allow_deleted: bool = False


class Finalize(msgspec.Struct, frozen=True, kw_only=True):
    model_id: str
    status: str | int


class Entries(msgspec.Struct, frozen=True, kw_only=True):
    model_id: str
    tags: list[KeyValue] = []
    params: list[KeyValue] = []


class DeleteTag(msgspec.Struct, frozen=True, kw_only=True):
    model_id: str
    tag_key: str


class OnDataset(msgspec.Struct, frozen=True, kw_only=True):
    dataset_name: str = ""
    dataset_digest: str = ""


class OrderBy(msgspec.Struct, frozen=True, kw_only=True):
    field_name: str
    ascending: bool = True
    dataset_name: str = ""
    dataset_digest: str = ""


class Search(msgspec.Struct, frozen=True, kw_only=True):
    experiment_ids: list[str] = []
    filter: str = ""
    datasets: list[OnDataset] = []
    max_results: int = 100
    order_by: list[OrderBy] = []
    page_token: str = ""


class ListFiles(msgspec.Struct, frozen=True, kw_only=True):
    model_id: str
    artifact_directory_path: str = ""


def create(tools: Tools, request: Create) -> dict[str, Any]:
    made = models.create(
        tools,
        require(request.experiment_id, "experiment_id"),
        name=request.name,
        kind=request.model_type,
        source_run=request.source_run_id,
        entries=(request.params, request.tags),
    )
    return {"model": to_model(made)}


def get(tools: Tools, request: OfModel) -> dict[str, Any]:
    return {"model": to_model(models.read(tools, request.model_id, deleted=request.allow_deleted))}


def finalize(tools: Tools, request: Finalize) -> dict[str, Any]:
    names = dict(enumerate(MODEL_STATUSES.values(), start=1))
    said = names.get(request.status, "") if isinstance(request.status, int) else request.status
    if said not in _STATUSES:
        raise Invalid(f"Invalid value '{request.status}' for parameter 'status' supplied.")
    return {"model": to_model(models.finalize(tools, request.model_id, _STATUSES[said]))}


def delete(tools: Tools, request: OfModel) -> dict[str, Any]:
    models.delete(tools, request.model_id)
    return {}


def set_tags(tools: Tools, request: Entries) -> dict[str, Any]:
    return {"model": to_model(models.set_tags(tools, request.model_id, request.tags))}


def delete_tag(tools: Tools, request: DeleteTag) -> dict[str, Any]:
    models.delete_tag(tools, request.model_id, request.tag_key)
    return {}


def log_params(tools: Tools, request: Entries) -> dict[str, Any]:
    models.log_params(tools, request.model_id, request.params)
    return {}


def search(tools: Tools, request: Search) -> dict[str, Any]:
    if not all(one.dataset_name for one in request.datasets):
        raise Invalid("`dataset_name` in the `datasets` clause must be specified.")
    found, token = models.search(
        tools,
        request.experiment_ids,
        text=request.filter,
        datasets=[(one.dataset_name, one.dataset_digest) for one in request.datasets],
        order_by=[(one.field_name, one.ascending, one.dataset_name, one.dataset_digest) for one in request.order_by],
        page=(request.max_results, request.page_token),
    )
    return {"models": [to_model(model) for model in found]} | ({"next_page_token": token} if token else {})


def list_files(tools: Tools, request: ListFiles) -> dict[str, Any]:
    with tools.transaction(write=False) as inner:
        model = models.read(inner, request.model_id)
    root = artifacts.model_uri(model.experiment, model.location, model.id)
    return {"root_uri": root, "files": artifacts.files_below(tools, root, request.artifact_directory_path)}


_MODEL = "logged-models/{model_id}"
ENDPOINTS: Final[list[Endpoint]] = [
    endpoint("POST", "logged-models", create, Create),
    endpoint("POST", "logged-models/search", search, Search, scope="read"),
    endpoint("GET", _MODEL, get, OfModel, scope="read"),
    endpoint("PATCH", _MODEL, finalize, Finalize),
    endpoint("DELETE", _MODEL, delete, OfModel),
    endpoint("PATCH", f"{_MODEL}/tags", set_tags, Entries),
    endpoint("DELETE", f"{_MODEL}/tags/{{tag_key:path}}", delete_tag, DeleteTag),
    endpoint("POST", f"{_MODEL}/params", log_params, Entries),
    endpoint("GET", f"{_MODEL}/artifacts/directories", list_files, ListFiles, scope="read", long=True),
]
