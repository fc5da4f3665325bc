"""What may change after the registration: descriptions, tags, stages, names; versions kept elsewhere; removal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import msgspec

from ondol.kernel.errors import Conflict, Invalid
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.kernel.page import Page, decode_token, page_of
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.ports.tools import Tools
from ondol.registry.rules import names, search
from ondol.registry.service import changes
from ondol.registry.service.look import check_model, locked_model, locked_version, model_of, version_of
from ondol.registry.types import Model, Version, VersionRegistered
from ondol.registry.types.lifecycle import (
    AnnotateModel,
    AnnotateVersion,
    LinkVersion,
    RemoveModel,
    RemoveVersion,
    RenameModel,
    SearchModels,
    SearchVersions,
    Stage,
    StageVersion,
)

if TYPE_CHECKING:
    from ondol.registry import repo
else:
    repo = lazy("ondol.registry.repo")

SEARCH_LIMIT = 200_000
_ACTIVE = ("Staging", "Production")
_LONGEST_TEXT = 100_000


@operation("models.annotate", "POST", "/v1/models/{model}/notes", scope="write")
def annotate_model(tools: Tools, request: AnnotateModel) -> Model:
    """Change the description and the tags of a model."""
    names.check_tags(request.tags)
    _check_text(request.description)
    model = locked_model(tools, request.model)
    if request.description is not None:
        spec = msgspec.structs.replace(model.spec, description=request.description)
        repo.versions.update_spec(tools.connection, spec, tools.now())
    repo.notes.tag_model(tools.connection, model.name, request.tags, request.untag)
    changes.model_tagged(tools, model, request.tags, request.untag)
    return model_of(tools, model.name)


@operation("models.rename", "POST", "/v1/models/{model}/rename", scope="deploy")
def rename_model(tools: Tools, request: RenameModel) -> Model:
    """Give a model another name, with its versions and its history. Not while an endpoint answers with it."""
    model = locked_model(tools, request.model)
    names.check_model_name(request.to)
    if repo.notes.is_taken(tools.connection, request.to):
        raise Conflict(f"There is a model {request.to!r} already, or there was one.", hint="Choose another name.")
    _check_idle(tools, model)
    if model.spec.pipeline:
        raise Conflict(
            f"{model.name} is declared in a project file, which knows it by this name.",
            hint="Change the name there, and apply it: that makes a new model.",
        )
    repo.notes.rename_model(tools.connection, model.name, request.to, tools.now())
    repo.versions.update_spec(tools.connection, msgspec.structs.replace(model.spec, name=request.to), tools.now())
    return model_of(tools, request.to)


@operation("models.remove", "DELETE", "/v1/models/{model}", scope="deploy")
def remove_model(tools: Tools, request: RemoveModel) -> Model:
    """Remove a model and its versions. Not while an endpoint answers with it; its history and lineage stay."""
    model, now = locked_model(tools, request.model), tools.now()
    _check_idle(tools, model)
    repo.aliases.close(tools.connection, now, model=model.name)
    repo.notes.remove_versions(tools.connection, now, model=model.name)
    repo.notes.remove_model(tools.connection, model.name, now)
    return model


@operation("models.search", "GET", "/v1/search/models", scope="read")
def search_models(tools: Tools, request: SearchModels) -> Page[Model]:
    """Models by name and tags."""
    found, start = _search(tools, "models", request)
    known = repo.versions.read_models(tools.connection, found)
    return page_of(known, request.limit, str(start + request.limit))


@operation("versions.search", "GET", "/v1/search/versions", scope="read")
def search_versions(tools: Tools, request: SearchVersions) -> Page[Version]:
    """Versions of any model by model, number, run, source and tags."""
    found, start = _search(tools, "versions", request)
    known = repo.versions.read_versions(tools.connection, found)
    return page_of(known, request.limit, str(start + request.limit))


def _search(tools: Tools, subject: search.Subject, request: SearchModels | SearchVersions) -> tuple[list[str], int]:
    if not 1 <= request.limit <= SEARCH_LIMIT:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {SEARCH_LIMIT}.")
    comparisons = search.parse(request.filter, subject)
    order = search.order(request.order_by, subject)
    start = _start(request.token)
    found = repo.search.find(tools.connection, subject, comparisons, order, limit=request.limit + 1, offset=start)
    return found, start


def _start(token: str) -> int:
    text = decode_token(token) if token else "0"
    if not text.isascii() or not text.isdecimal() or len(text) > 12:
        raise Invalid("This page token is not one of ours.", hint="Start again without a token.")
    return int(text)


@operation("versions.link", "POST", "/v1/models/{model}/links", scope="write")
def link_version(tools: Tools, request: LinkVersion) -> Version:
    """Register a model whose files lie elsewhere, as MLflow's clients do."""
    names.check_tags(request.tags)
    _check_text(request.description)
    if not request.source or len(request.source) > _LONGEST_TEXT:
        raise Invalid("`source` is missing, or too long.", hint="Say where the files lie: s3://bucket/model.")
    names.check_linked_folder(request.folder)
    check_model(tools, request.model)
    if request.number and not repo.versions.skip_numbers(tools.connection, request.model, request.number):
        raise Conflict(f"Version {request.number} of {request.model} was there before.", hint="Leave the number out.")
    now, identity = tools.now(), tools.new_id("mv")
    version = Version(
        id=identity, model=request.model, number=repo.versions.take_number(tools.connection, request.model, now),
        created_at=now, updated_at=now, created_by=tools.actor, flavor="", package=request.folder, files={},
        run=request.run, run_link=request.run_link, source=request.source, location=request.location,
        description=request.description, tags=request.tags,
    )  # fmt: skip
    repo.versions.insert_version(tools.connection, version, identity)
    title = f"{version.model} {version.number}"
    facts = {"by": version.created_by, "source": version.source[:200]}
    node = Node(id=identity, kind="version", title=title, facts=facts, at=now)
    edges = [Edge(made=identity, origin=request.run, relation="trained_in")] if request.run else []
    lineage.record(tools, nodes=[node], edges=edges)
    registered = VersionRegistered(
        subject=version.model, version=identity, number=version.number, metrics={}, run=version.run
    )
    tools.emit(registered)
    changes.version_created(tools, model_of(tools, version.model), version)
    return version


@operation("versions.annotate", "POST", "/v1/versions/{version}/notes", scope="write")
def annotate_version(tools: Tools, request: AnnotateVersion) -> Version:
    """Change the description and the tags of a version."""
    names.check_tags(request.tags)
    _check_text(request.description)
    version = locked_version(tools, request.version)
    values = {} if request.description is None else {"description": request.description}
    _update(tools, version, **values)
    repo.notes.tag_version(tools.connection, version.id, request.tags, request.untag)
    if request.tags or request.untag:
        model = model_of(tools, version.model)
        changes.version_tagged(tools, model, version.number, request.tags, request.untag)
    return version_of(tools, version.id)


@operation("versions.stage", "POST", "/v1/versions/{version}/stage", scope="deploy")
def stage_version(tools: Tools, request: StageVersion) -> Version:
    """Move a version to a stage, as clients do that know no aliases yet."""
    if request.stage not in get_args(Stage):
        raise Invalid(f"Invalid stage {request.stage!r}.", hint=f"Valid stages are {', '.join(get_args(Stage))}.")
    if request.archive_existing and request.stage not in _ACTIVE:
        raise Invalid(
            f"Other versions are not archived when one goes to {request.stage}.",
            hint=f"Only when it goes to {' or '.join(_ACTIVE)}.",
        )
    version = locked_version(tools, request.version)
    if request.archive_existing:
        repo.notes.archive_others(tools.connection, version.model, version.id, request.stage, tools.now())
    _update(tools, version, stage=request.stage)
    return version_of(tools, version.id)


@operation("versions.remove", "DELETE", "/v1/versions/{version}", scope="deploy")
def remove_version(tools: Tools, request: RemoveVersion) -> Version:
    """Remove a version; its aliases go with it, its number is never given again. Not while it answers."""
    version, now = locked_version(tools, request.version), tools.now()
    if version.id in repo.production.answering(tools.connection, version.model):
        raise Conflict(
            f"{version.model} {version.number} answers requests.", hint="Give its traffic to another version first."
        )
    repo.aliases.close(tools.connection, now, model=version.model, version=version.id)
    repo.notes.remove_versions(tools.connection, now, version=version.id)
    repo.versions.touch_model(tools.connection, version.model, now)
    return version


def _update(tools: Tools, version: Version, **values: Any) -> None:
    repo.notes.update_version(tools.connection, version.id, tools.now(), **values)
    repo.versions.touch_model(tools.connection, version.model, tools.now())


def _check_idle(tools: Tools, model: Model) -> None:
    if repo.production.answering(tools.connection, model.name):
        raise Conflict(
            f"An endpoint answers with {model.name}.", hint=f"ondol models production {model.name} shows which."
        )


def _check_text(text: str | None) -> None:
    if text is not None and len(text) > _LONGEST_TEXT:
        raise Invalid(f"The description has {len(text):,} characters; {_LONGEST_TEXT:,} at most.")
