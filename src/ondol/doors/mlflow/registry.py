"""Registered models and their versions, as MLflow's clients know them.

A version that a client registers has its files where the client put them (`source`); a version of a pipeline has
them in its package, which clients download through the artifact proxy. Both have an `MLmodel` file.
Differs from MLflow in one thing on purpose: a number is never given again, not even after its model was removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from ondol import catalog
from ondol.doors.mlflow.protocol import Endpoint, MlflowError, endpoint, require
from ondol.doors.mlflow.registry_requests import (
    Alias,
    CreateModel,
    CreateVersion,
    DescribeModel,
    DescribeVersion,
    LatestVersions,
    Named,
    Numbered,
    RenameModel,
    SearchModels,
    SearchVersions,
    StageVersion,
    Tag,
    TagModel,
    TagVersion,
)
from ondol.kernel.errors import Conflict, Invalid, NotFound
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.registry.types import Model, Version
from ondol.tracking.service import artifacts
from ondol.tracking.service import models as logged_models

STAGES: Final = ("None", "Staging", "Production", "Archived")
MODELS_LIMIT, VERSIONS_LIMIT = 1_000, 200_000

Json = dict[str, Any]


def create_model(tools: Tools, request: CreateModel) -> Json:
    name = require(request.name, "name")
    spec = {"name": name, "description": request.description}
    try:
        made = _run(tools, "models.declare", spec=spec, new=True, tags=_tags(request.tags))
    except Conflict as error:
        raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.") from error
    return {"registered_model": _model_json(tools, made)}


def get_model(tools: Tools, request: Named) -> Json:
    return {"registered_model": _model_json(tools, _model(tools, request.name))}


def rename_model(tools: Tools, request: RenameModel) -> Json:
    name = _model(tools, request.name).name
    to = require(request.new_name, "new_name")
    try:
        made = _run(tools, "models.rename", model=name, to=to)
    except Conflict as error:
        word = "RESOURCE_ALREADY_EXISTS" if "already" in error.message else "INVALID_PARAMETER_VALUE"
        raise MlflowError(word, f"{error.message} {error.hint}") from error
    return {"registered_model": _model_json(tools, made)}


def describe_model(tools: Tools, request: DescribeModel) -> Json:
    name = _model(tools, request.name).name
    made = _run(tools, "models.annotate", model=name, description=request.description)
    return {"registered_model": _model_json(tools, made)}


def delete_model(tools: Tools, request: Named) -> Json:
    _run(tools, "models.remove", model=_model(tools, request.name).name)
    return {}


def tag_model(tools: Tools, request: TagModel) -> Json:
    name = _model(tools, request.name).name
    _run(tools, "models.annotate", model=name, tags={require(request.key, "key"): request.value})
    return {}


def untag_model(tools: Tools, request: TagModel) -> Json:
    name = _model(tools, request.name).name
    _run(tools, "models.annotate", model=name, untag=[require(request.key, "key")])
    return {}


def search_models(tools: Tools, request: SearchModels) -> Json:
    _check_limit(request.max_results, MODELS_LIMIT)
    page = _run(
        tools,
        "models.search",
        filter=request.filter,
        order_by=request.order_by,
        limit=request.max_results,
        token=request.page_token,
    )
    newest = registry.newest_by_stage(tools, [found.name for found in page.items])
    found = [_model_json(tools, model, newest.get(model.name, [])) for model in page.items]
    return _page("registered_models", found, page.next_token)


def latest_versions(tools: Tools, request: LatestVersions) -> Json:
    model = _model(tools, request.name)
    stages = [_stage(stage) for stage in request.stages] or list(STAGES)
    found = [version for version in _newest(tools, model.name) if version.stage in stages]
    return {"model_versions": [_version_json(tools, version, _pointing(model, version)) for version in found]}


def set_alias(tools: Tools, request: Alias) -> Json:
    version = _version(tools, request.name, require(request.version, "version"))
    _run(tools, "aliases.point", model=version.model, alias=require(request.alias, "alias"), version=version.id)
    return {}


def delete_alias(tools: Tools, request: Alias) -> Json:
    name = _model(tools, request.name).name
    _run(tools, "aliases.remove", model=name, alias=require(request.alias, "alias"))
    return {}


def get_by_alias(tools: Tools, request: Alias) -> Json:
    name, alias = require(request.name, "name"), require(request.alias, "alias")
    latest = alias.lower() == "latest"
    try:
        if re.fullmatch(r"[0-9]+", alias):
            raise NotFound(alias)
        found: Version = _run(tools, "versions.find", model=name, reference="latest" if latest else alias)
    except NotFound as error:
        _model(tools, name)
        if latest:
            raise NotFound(f"Latest version not found for model {name}.") from error
        raise Invalid(f"Registered model alias {alias} not found.") from error
    return {"model_version": _version_json(tools, found)}


def create_version(tools: Tools, request: CreateVersion) -> Json:
    name, source = require(request.name, "name"), require(request.source, "source")
    location, run = _located(tools, source)
    if not (request.run_id or run) and request.model_id:
        run = _logged(tools, request.model_id)[1]
    fields = {"source": source, "location": location, "folder": _folder(location or source)}
    fields |= {"run": request.run_id or run, "run_link": request.run_link}
    words = {"description": request.description, "tags": _tags(request.tags)}
    try:
        made = _run(tools, "versions.link", model=name, **fields, **words)
    except NotFound as error:
        raise NotFound(f"Registered Model with name={name} not found") from error
    return {"model_version": _version_json(tools, made, [])}


def get_version(tools: Tools, request: Numbered) -> Json:
    return {"model_version": _version_json(tools, _version(tools, request.name, request.version))}


def describe_version(tools: Tools, request: DescribeVersion) -> Json:
    version = _version(tools, request.name, request.version)
    made = _run(tools, "versions.annotate", version=version.id, description=request.description)
    return {"model_version": _version_json(tools, made)}


def stage_version(tools: Tools, request: StageVersion) -> Json:
    version = _version(tools, request.name, request.version)
    stage = _stage(require(request.stage, "stage"))
    made = _run(
        tools,
        "versions.stage",
        version=version.id,
        stage=stage,
        archive_existing=request.archive_existing_versions,
    )
    return {"model_version": _version_json(tools, made)}


def delete_version(tools: Tools, request: Numbered) -> Json:
    _run(tools, "versions.remove", version=_version(tools, request.name, request.version).id)
    return {}


def tag_version(tools: Tools, request: TagVersion) -> Json:
    version = _version(tools, request.name, request.version)
    _run(tools, "versions.annotate", version=version.id, tags={require(request.key, "key"): request.value})
    return {}


def untag_version(tools: Tools, request: TagVersion) -> Json:
    version = _version(tools, request.name, request.version)
    _run(tools, "versions.annotate", version=version.id, untag=[require(request.key, "key")])
    return {}


def search_versions(tools: Tools, request: SearchVersions) -> Json:
    _check_limit(request.max_results, VERSIONS_LIMIT)
    page = _run(
        tools,
        "versions.search",
        filter=request.filter,
        order_by=request.order_by,
        limit=request.max_results,
        token=request.page_token,
    )
    aliases = registry.aliases_of(tools, [found.id for found in page.items])
    found = [_version_json(tools, version, aliases.get(version.id, [])) for version in page.items]
    return _page("model_versions", found, page.next_token)


def download_uri(tools: Tools, request: Numbered) -> Json:
    version = _version(tools, request.name, request.version)
    return {"artifact_uri": version.location or _source(version)}


def _run(tools: Tools, name: str, **fields: Any) -> Any:
    """An operation of the house, in the transaction of this call."""
    found = catalog.OPERATIONS[name]
    return found.function(tools, msgspec.convert(fields, found.request))


def _model(tools: Tools, name: str) -> Model:
    try:
        found: Model = _run(tools, "models.get", model=require(name, "name"))
    except NotFound as error:
        raise NotFound(f"Registered Model with name={name} not found") from error
    return found


def _version(tools: Tools, name: str, number: str) -> Version:
    if not re.fullmatch(r"[0-9]{1,9}", require(number, "version")):
        raise Invalid(f"Parameter 'version' must be an integer, got '{number}'.")
    try:
        found: Version = _run(tools, "versions.find", model=require(name, "name"), reference=number)
    except NotFound as error:
        _model(tools, name)
        raise NotFound(f"Model Version (name={name}, version={number}) not found") from error
    return found


def _located(tools: Tools, source: str) -> tuple[str, str]:
    """Where the files of a version are that is made from another model, and the run that made them."""
    if not source.startswith("models:/"):
        return "", ""
    place = source.removeprefix("models:/").strip("/")
    if "/" not in place and "@" not in place:
        return _logged(tools, place)
    name, _, reference = place.partition("@") if "@" in place else place.rpartition("/")
    try:
        found = _run(tools, "versions.find", model=_model(tools, name).name, reference=reference)
    except NotFound as error:
        raise Invalid(f"Unable to fetch model from model URI source artifact location '{source}'.") from error
    return found.location or _source(found), found.run


def _folder(uri: str) -> str:
    """Where an address of the artifact proxy lies among our blobs; empty for any other."""
    path = uri.removeprefix(artifacts.SCHEME)
    if path == uri or path.startswith("/"):
        return ""
    return artifacts.blob_path(path, reading=True)


def _logged(tools: Tools, identity: str) -> tuple[str, str]:
    """Of a logged model of MLflow 3 (`models:/m-...`)."""
    found = logged_models.read(tools, identity)
    return artifacts.model_uri(found.experiment, found.location, found.id), found.source_run


def _source(version: Version) -> str:
    """Where clients find the files: our own packages by the artifact proxy."""
    if version.source or not version.package:
        return version.source
    return f"mlflow-artifacts:/{artifacts.PACKAGES}/{version.package.removeprefix('models/')}"


def _newest(tools: Tools, name: str) -> list[Version]:
    return registry.newest_by_stage(tools, [name]).get(name, [])


def _model_json(tools: Tools, model: Model, newest: list[Version] | None = None) -> Json:
    known = _newest(tools, model.name) if newest is None else newest
    aliases = [{"alias": alias, "version": str(number)} for alias, number in model.aliases.items()]
    return {
        "name": model.name,
        "creation_timestamp": _milliseconds(model.created_at),
        "last_updated_timestamp": _milliseconds(model.updated_at),
        "description": model.spec.description,
        "latest_versions": [_version_json(tools, version, _pointing(model, version)) for version in known],
        "tags": _tag_list(model.tags),
        "aliases": aliases,
    }


def _pointing(model: Model, version: Version) -> list[str]:
    return [alias for alias, number in model.aliases.items() if number == version.number]


def _version_json(tools: Tools, version: Version, aliases: list[str] | None = None) -> Json:
    known = registry.aliases_of(tools, [version.id]).get(version.id, []) if aliases is None else aliases
    found = {
        "name": version.model,
        "version": str(version.number),
        "creation_timestamp": _milliseconds(version.created_at),
        "last_updated_timestamp": _milliseconds(version.updated_at or version.created_at),
        "user_id": version.created_by,
        "current_stage": version.stage,
        "description": version.description,
        "source": _source(version),
        "run_id": version.run,
        "status": "READY",
        "tags": _tag_list(version.tags),
        "run_link": version.run_link,
        "aliases": known,
    }
    if version.source.startswith("models:/m-"):
        found["model_id"] = version.source.removeprefix("models:/")
    return found


def _tags(tags: Iterable[Tag]) -> dict[str, str]:
    return {require(tag.key, "key"): tag.value for tag in tags}


def _tag_list(tags: Mapping[str, str]) -> list[Json]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _stage(given: str) -> str:
    for stage in STAGES:
        if stage.lower() == given.lower():
            return stage
    raise Invalid(f"Invalid Model Version stage: {given}. Value must be one of {', '.join(STAGES)}.")


def _check_limit(limit: int, most: int) -> None:
    if not 1 <= limit <= most:
        raise Invalid(f"Invalid value {limit} for parameter 'max_results'. It must be between 1 and {most}.")


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _page(name: str, items: list[Json], token: str | None) -> Json:
    return {name: items, "next_page_token": token} if token else {name: items}


ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    endpoint("POST", "registered-models/create", create_model, CreateModel),
    endpoint("GET", "registered-models/get", get_model, Named, scope="read"),
    endpoint("POST", "registered-models/rename", rename_model, RenameModel, scope="deploy"),
    endpoint("PATCH", "registered-models/update", describe_model, DescribeModel),
    endpoint("DELETE", "registered-models/delete", delete_model, Named, scope="deploy"),
    endpoint("GET", "registered-models/search", search_models, SearchModels, scope="read"),
    endpoint("POST", "registered-models/get-latest-versions", latest_versions, LatestVersions, scope="read"),
    endpoint("GET", "registered-models/get-latest-versions", latest_versions, LatestVersions, scope="read"),
    endpoint("POST", "registered-models/set-tag", tag_model, TagModel),
    endpoint("DELETE", "registered-models/delete-tag", untag_model, TagModel),
    endpoint("POST", "registered-models/alias", set_alias, Alias, scope="deploy"),
    endpoint("DELETE", "registered-models/alias", delete_alias, Alias, scope="deploy"),
    endpoint("GET", "registered-models/alias", get_by_alias, Alias, scope="read"),
    endpoint("POST", "model-versions/create", create_version, CreateVersion),
    endpoint("GET", "model-versions/get", get_version, Numbered, scope="read"),
    endpoint("PATCH", "model-versions/update", describe_version, DescribeVersion),
    endpoint("DELETE", "model-versions/delete", delete_version, Numbered, scope="deploy"),
    endpoint("GET", "model-versions/search", search_versions, SearchVersions, scope="read"),
    endpoint("GET", "model-versions/get-download-uri", download_uri, Numbered, scope="read"),
    endpoint("POST", "model-versions/transition-stage", stage_version, StageVersion, scope="deploy"),
    endpoint("POST", "model-versions/set-tag", tag_version, TagVersion),
    endpoint("DELETE", "model-versions/delete-tag", untag_version, TagVersion),
)
