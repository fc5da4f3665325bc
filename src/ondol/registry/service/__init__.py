"""Declare models, register versions, point aliases, load predictors."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Final

import msgspec

from ondol.kernel.content import Content
from ondol.kernel.errors import Conflict, Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.ports.tools import Tools
from ondol.registry.rules import card, evidence, names
from ondol.registry.rules.package import folder_name
from ondol.registry.service import changes, keys
from ondol.registry.service.look import by_reference, check_model, locked_model, locked_version, model_of, version_of
from ondol.registry.service.packages import checked_manifest, load, read_files, read_package, write_package
from ondol.registry.service.production import CHAMPION, note_traffic
from ondol.registry.service.reviews import require_approval
from ondol.registry.types import (
    AliasPointed,
    AliasSpan,
    DeclareModel,
    FindVersion,
    GetModel,
    GetVersion,
    ListAliasHistory,
    ListModels,
    ListVersions,
    Manifest,
    Model,
    PointAlias,
    RegisterVersion,
    Version,
    VersionRegistered,
)
from ondol.registry.types.evidence import Completeness, GetEvidence, GetPackageFile
from ondol.registry.types.lifecycle import RemoveAlias

if TYPE_CHECKING:
    from ondol.registry import repo
else:
    repo = lazy("ondol.registry.repo")

_TOLD_BY_THE_PACKAGE: Final = ("features", "label", "service", "service_hash", "signature")

__all__ = ["folder_name", "load", "note_traffic", "read_package", "write_package"]


@operation("models.declare", "POST", "/v1/models", scope="write")
def declare_model(tools: Tools, request: DeclareModel) -> Model:
    """Create a model, or give it a new description and gate. Its versions stay, and its tags are added to."""
    spec = request.spec
    names.check_spec(spec)
    names.check_tags(request.tags)
    repo.versions.lock(tools.connection, spec.name)
    known = repo.versions.read_models(tools.connection, [spec.name])
    added = not known and repo.versions.insert_model(tools.connection, spec, tools.now())
    if request.new and not added:
        raise Conflict(f"There is a model {spec.name!r} already.", hint="ondol models list")
    if not added and (not known or known[0].spec != spec):
        repo.versions.update_spec(tools.connection, spec, tools.now())
    repo.notes.tag_model(tools.connection, spec.name, request.tags, [])
    if added:
        changes.model_created(tools, spec.name, spec.description, request.tags)
    return model_of(tools, spec.name)


@operation("models.list", "GET", "/v1/models", scope="read")
def list_models(tools: Tools, request: ListModels) -> list[Model]:
    """All models, by name."""
    return repo.versions.read_models(tools.connection)


@operation("models.get", "GET", "/v1/models/{model}", scope="read")
def get_model(tools: Tools, request: GetModel) -> Model:
    """A model, its gate, and where its aliases point."""
    return model_of(tools, request.model)


@operation("versions.register", "POST", "/v1/models/{model}/versions", scope="write", long=True)
def register_version(tools: Tools, request: RegisterVersion) -> Version:
    """Register the package of a model, after checking every byte of it. The same key registers once."""
    names.check_registration(request)
    with tools.transaction(write=False) as inner:
        check_model(inner, request.model)
        if known := repo.versions.find_by_key(inner.connection, request.model, request.key):
            return known
    manifest = checked_manifest(request, read_files(tools, request.package, request.files))
    with tools.transaction(write=True) as inner:
        if known := repo.versions.find_by_key(inner.connection, request.model, request.key):
            return known
        return _register(inner, request, manifest)


@operation("versions.list", "GET", "/v1/models/{model}/versions", scope="read")
def list_versions(tools: Tools, request: ListVersions) -> list[Version]:
    """The versions of a model, the newest first."""
    return repo.versions.list_versions(tools.connection, model_of(tools, request.model).name)


@operation("versions.get", "GET", "/v1/versions/{version}", scope="read")
def get_version(tools: Tools, request: GetVersion) -> Version:
    """A version and everything needed to answer for it and to build it again."""
    return version_of(tools, request.version)


@operation("versions.find", "GET", "/v1/models/{model}/versions/{reference}", scope="read")
def find_version(tools: Tools, request: FindVersion) -> Version:
    """The version of a model that has this number, or that this alias points at now."""
    return by_reference(tools, request.model, request.reference)


@operation("models.evidence", "GET", "/v1/models/{model}/evidence", scope="read")
def evidence_of(tools: Tools, request: GetEvidence) -> Completeness:
    """Which of the eight kinds of artefact a version holds, which are missing, and what adds them."""
    model = model_of(tools, request.model)
    version = by_reference(tools, model.name, request.reference)
    kinds = evidence.kinds(version, model.spec)
    return Completeness(
        version=version.id,
        model=model.name,
        number=version.number,
        complete=all(kind.present for kind in kinds),
        kinds=kinds,
    )


@operation("versions.file", "GET", "/v1/versions/{version}/files/{path}", scope="read", long=True)
def package_file(tools: Tools, request: GetPackageFile) -> Content:
    """One file of a version's package, checked against what was registered."""
    with tools.transaction(write=False) as inner:
        version = version_of(inner, request.version)
    if request.path not in version.files:
        raise NotFound(
            f"The package of {version.model} {version.number} has no file {request.path!r}.",
            hint=f"It has {', '.join(sorted(version.files)) or 'none'}.",
        )
    body = read_package(tools, version, only=[request.path])[request.path]
    kind = mimetypes.guess_type(request.path)[0] or "application/octet-stream"
    return Content(name=request.path.rpartition("/")[2], media_type=kind, body=body)


@operation("aliases.point", "POST", "/v1/models/{model}/aliases/{alias}", scope="deploy")
def point_alias(tools: Tools, request: PointAlias) -> AliasSpan:
    """Let an alias point at a version from now on. Pointing at the same one again changes nothing."""
    names.check_alias(request.alias)
    version = locked_version(tools, request.version)
    if version.model != request.model:
        raise Invalid(f"Version {version.id} belongs to {version.model!r}, not to {request.model!r}.")
    current = repo.aliases.open_span(tools.connection, version.model, request.alias)
    if current and current.version == version.id:
        return current
    if request.alias == CHAMPION:
        require_approval(tools, version.id)
    span = AliasSpan(
        alias=request.alias,
        version=version.id,
        number=version.number,
        since=tools.now(),
        until=None,
        by=tools.actor,
        reason=request.reason,
        evidence=request.evidence,
    )
    repo.aliases.point(tools.connection, version.model, span)
    tools.emit(
        AliasPointed(
            subject=version.model,
            alias=span.alias,
            version=span.version,
            number=span.number,
            reason=span.reason,
        )
    )
    changes.alias_pointed(tools, model_of(tools, version.model), span.alias, span.number)
    return span


@operation("aliases.remove", "DELETE", "/v1/models/{model}/aliases/{alias}", scope="deploy")
def remove_alias(tools: Tools, request: RemoveAlias) -> Model:
    """Let an alias point at nothing. Its history stays; one that points at nothing already is no error."""
    model = locked_model(tools, request.model)
    repo.aliases.close(tools.connection, tools.now(), model=model.name, alias=request.alias)
    if request.alias in model.aliases:
        changes.alias_removed(tools, model, request.alias)
    return model_of(tools, model.name)


@operation("aliases.history", "GET", "/v1/models/{model}/aliases", scope="read")
def alias_history(tools: Tools, request: ListAliasHistory) -> list[AliasSpan]:
    """Who answered to an alias, from when to when, on what evidence; the newest first."""
    model, at = model_of(tools, request.model), request.at
    if at and at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return repo.aliases.list_spans(tools.connection, model.name, request.alias, at)


def aliases_of(tools: Tools, versions: Sequence[str]) -> dict[str, list[str]]:
    """The aliases that point at each of these versions now. Needs an open transaction."""
    return repo.aliases.aliases_of(tools.connection, versions)


def newest_by_stage(tools: Tools, models: Sequence[str]) -> dict[str, list[Version]]:
    """Of each of these models the newest version in each stage. Needs an open transaction."""
    found: dict[str, list[Version]] = {}
    for version in repo.versions.newest_by_stage(tools.connection, models):
        found.setdefault(version.model, []).append(version)
    return found


def version_at(tools: Tools, model: str, alias: str) -> Version | None:
    """The version that an alias points at now, or None. Needs an open transaction."""
    return repo.versions.find_by_alias(tools.connection, model, alias)


def _register(tools: Tools, request: RegisterVersion, manifest: Manifest) -> Version:
    now = tools.now()
    number = repo.versions.take_number(tools.connection, request.model, now)
    facts = {name: getattr(request, name) for name in request.__struct_fields__ if name != "key"}
    facts |= {name: facts[name] or getattr(manifest, name) for name in _TOLD_BY_THE_PACKAGE}
    bare = Version(
        id=tools.new_id("mv"), number=number, created_at=now, updated_at=now, created_by=tools.actor, **facts
    )
    model = model_of(tools, request.model)
    sealed = msgspec.structs.replace(bare, seal=keys.seal_of(tools, bare))
    version = msgspec.structs.replace(sealed, card=card.write_card(sealed, model.spec))
    repo.versions.insert_version(tools.connection, version, request.key)
    lineage.record(tools, nodes=[_node(version)], edges=_edges(version))
    tools.emit(
        VersionRegistered(
            subject=version.model,
            version=version.id,
            number=number,
            metrics=version.metrics,
            run=version.run,
        )
    )
    changes.version_created(tools, model, version)
    return version


def _node(version: Version) -> Node:
    facts = {"label": version.label, "flavor": version.flavor, "by": version.created_by, **version.metrics}
    if version.commit:
        facts["commit"] = version.commit
    return Node(
        id=version.id,
        kind="version",
        title=f"{version.model} {version.number}",
        facts=facts,
        at=version.created_at,
    )


def _edges(version: Version) -> list[Edge]:
    origins = [
        (version.run, "trained_in"),
        (version.training_set, "learned_from"),
        (version.code and f"code:{version.code[:12]}", "defined_by"),
        (version.service and f"feature_service:{version.service}@{version.service_hash[:8]}", "reads"),
    ]
    if not version.training_set:
        origins += [(f"table:{table}@{number}", "read") for table, number in version.tables.items()]
    return [Edge(made=version.id, origin=origin, relation=relation) for origin, relation in origins if origin]
