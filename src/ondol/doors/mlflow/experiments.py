"""`experiments/*` of the protocol."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ondol.doors.mlflow.protocol import Endpoint, MlflowError, endpoint, require
from ondol.doors.mlflow.records import to_experiment, to_view
from ondol.kernel.errors import Conflict, Invalid, NotFound
from ondol.ports.tools import Tools
from ondol.tracking.service import experiments, wire
from ondol.tracking.types import (
    CreateExperiment,
    DeleteExperiment,
    KeyValue,
    ListExperiments,
    RestoreExperiment,
    UpdateExperiment,
)

DATASET_EXPERIMENTS = 20
DATASET_SUMMARIES = 1_000


class Create(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    artifact_location: str = ""
    tags: list[KeyValue] = []


class ById(msgspec.Struct, frozen=True, kw_only=True):
    experiment_id: str


class ByName(msgspec.Struct, frozen=True, kw_only=True):
    experiment_name: str


class Search(msgspec.Struct, frozen=True, kw_only=True):
    max_results: int = 1_000
    page_token: str = ""
    filter: str = ""
    order_by: list[str] = []
    view_type: str | int = "ACTIVE_ONLY"


class Update(msgspec.Struct, frozen=True, kw_only=True):
    experiment_id: str
    new_name: str


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    experiment_id: str
    key: str
    value: str = ""


class SearchDatasets(msgspec.Struct, frozen=True, kw_only=True):
    experiment_ids: list[str] = []


def create(tools: Tools, request: Create) -> dict[str, Any]:
    require(request.name, "name")
    if request.artifact_location.startswith("runs:") or "#" in request.artifact_location:
        raise Invalid(f"Invalid artifact location: {request.artifact_location}")
    tags = {tag.key: tag.value for tag in request.tags}
    wanted = CreateExperiment(name=request.name, location=request.artifact_location.rstrip("/"), tags=tags)
    try:
        made = experiments.create_experiment(tools, wanted)
    except Conflict as error:
        raise MlflowError("RESOURCE_ALREADY_EXISTS", error.message) from error
    return {"experiment_id": made.id}


def _known(tools: Tools, given: str) -> str:
    """The id itself, of an experiment that exists; names are no ids here."""
    identity = wire.experiment_id(require(given, "experiment_id"))
    if not experiments.exists(tools, identity):
        raise NotFound(f"No Experiment with id={given} exists")
    return str(identity)


def get(tools: Tools, request: ById) -> dict[str, Any]:
    return {"experiment": to_experiment(experiments.record(tools, int(_known(tools, request.experiment_id))))}


def get_by_name(tools: Tools, request: ByName) -> dict[str, Any]:
    name = require(request.experiment_name, "experiment_name")
    if (identity := experiments.id_of(tools, name)) is None:
        raise NotFound(f"Could not find experiment with name '{name}'")
    return {"experiment": to_experiment(experiments.record(tools, identity))}


def search(tools: Tools, request: Search) -> dict[str, Any]:
    page = experiments.list_experiments(
        tools,
        ListExperiments(
            filter=request.filter,
            order_by=request.order_by,
            view=to_view(request.view_type),
            limit=request.max_results,
            token=request.page_token,
        ),
    )
    found = {"experiments": [to_experiment(one) for one in page.items]}
    return found | ({"next_page_token": page.next_token} if page.next_token else {})


def update(tools: Tools, request: Update) -> dict[str, Any]:
    identity = _known(tools, request.experiment_id)
    require(request.new_name, "new_name")
    try:
        experiments.rename(tools, int(identity), request.new_name)
    except Conflict as error:
        exists = "already exists" in error.message
        raise MlflowError("RESOURCE_ALREADY_EXISTS" if exists else "INVALID_PARAMETER_VALUE", error.message) from error
    return {}


def delete(tools: Tools, request: ById) -> dict[str, Any]:
    identity = _known(tools, request.experiment_id)
    try:
        experiments.delete_experiment(tools, DeleteExperiment(experiment=identity))
    except Conflict as error:
        raise NotFound(f"No Experiment with id={identity} exists") from error
    return {}


def restore(tools: Tools, request: ById) -> dict[str, Any]:
    experiments.restore_experiment(tools, RestoreExperiment(experiment=_known(tools, request.experiment_id)))
    return {}


def set_tag(tools: Tools, request: Tag) -> dict[str, Any]:
    identity = _known(tools, request.experiment_id)
    tags = {require(request.key, "key"): request.value}
    experiments.update_experiment(tools, UpdateExperiment(experiment=identity, tags=tags))
    return {}


def delete_tag(tools: Tools, request: Tag) -> dict[str, Any]:
    identity = _known(tools, request.experiment_id)
    untag = [require(request.key, "key")]
    experiments.update_experiment(tools, UpdateExperiment(experiment=identity, untag=untag))
    return {}


def search_datasets(tools: Tools, request: SearchDatasets) -> dict[str, Any]:
    if not 1 <= len(request.experiment_ids) <= DATASET_EXPERIMENTS:
        raise Invalid(
            f"SearchDatasets request must specify 1 to {DATASET_EXPERIMENTS} experiment_ids."
            f" Received {len(request.experiment_ids)} experiment_ids."
        )
    found = wire.dataset_summaries(tools, request.experiment_ids, DATASET_SUMMARIES)
    return {
        "dataset_summaries": [
            {"experiment_id": str(experiment), "name": name, "digest": digest}
            | ({"context": context} if context else {})
            for experiment, name, digest, context in found
        ]
    }


ENDPOINTS: Final[list[Endpoint]] = [
    endpoint("POST", "experiments/create", create, Create),
    endpoint("GET", "experiments/get", get, ById, scope="read"),
    endpoint("GET", "experiments/get-by-name", get_by_name, ByName, scope="read"),
    endpoint("POST", "experiments/search", search, Search, scope="read"),
    endpoint("GET", "experiments/search", search, Search, scope="read"),
    endpoint("POST", "experiments/update", update, Update),
    endpoint("POST", "experiments/delete", delete, ById),
    endpoint("POST", "experiments/restore", restore, ById),
    endpoint("POST", "experiments/set-experiment-tag", set_tag, Tag),
    endpoint("POST", "experiments/delete-experiment-tag", delete_tag, Tag),
    endpoint("POST", "experiments/search-datasets", search_datasets, SearchDatasets, scope="read"),
]
