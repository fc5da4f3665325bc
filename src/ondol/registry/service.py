"""Declare models, register versions, point aliases, load predictors."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ondol.kernel.errors import Invalid, NotFound, Refused, Unavailable
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.ports.runtime import Predictor, Runtime
from ondol.ports.tools import Tools
from ondol.registry.rules import card, names, package
from ondol.registry.types import (
    About,
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
    Package,
    PointAlias,
    RegisterVersion,
    Version,
    VersionRegistered,
)

if TYPE_CHECKING:
    from ondol.registry import repo
else:
    repo = lazy("ondol.registry.repo")

LOADED_LIMIT: Final = 16
_TOLD_BY_THE_PACKAGE: Final = ("features", "label", "service", "service_hash", "signature")

_loaded: OrderedDict[tuple[str, str], Predictor] = OrderedDict()
_loaded_lock = threading.Lock()


@operation("models.declare", "POST", "/v1/models", scope="write")
def declare_model(tools: Tools, request: DeclareModel) -> Model:
    """Create a model, or give it a new description and gate. Its versions stay."""
    spec = request.spec
    names.check_spec(spec)
    known = repo.read_models(tools.connection, spec.name)
    if not known:
        repo.insert_model(tools.connection, spec, tools.now())
    elif known[0].spec != spec:
        repo.update_spec(tools.connection, spec, tools.now())
    return _model(tools, spec.name)


@operation("models.list", "GET", "/v1/models", scope="read")
def list_models(tools: Tools, request: ListModels) -> list[Model]:
    """All models, by name."""
    return repo.read_models(tools.connection)


@operation("models.get", "GET", "/v1/models/{model}", scope="read")
def get_model(tools: Tools, request: GetModel) -> Model:
    """A model, its gate, and where its aliases point."""
    return _model(tools, request.model)


@operation("versions.register", "POST", "/v1/models/{model}/versions", scope="write", long=True)
def register_version(tools: Tools, request: RegisterVersion) -> Version:
    """Register the package of a model, after checking every byte of it. The same key registers once."""
    names.check_registration(request)
    with tools.transaction(write=False) as inner:
        _model(inner, request.model)
        if known := repo.find_by_key(inner.connection, request.model, request.key):
            return known
    manifest = _checked_manifest(request, _read_files(tools, request.package, request.files))
    with tools.transaction(write=True) as inner:
        if known := repo.find_by_key(inner.connection, request.model, request.key):
            return known
        return _register(inner, request, manifest)


@operation("versions.list", "GET", "/v1/models/{model}/versions", scope="read")
def list_versions(tools: Tools, request: ListVersions) -> list[Version]:
    """The versions of a model, the newest first."""
    return repo.list_versions(tools.connection, _model(tools, request.model).name)


@operation("versions.get", "GET", "/v1/versions/{version}", scope="read")
def get_version(tools: Tools, request: GetVersion) -> Version:
    """A version and everything needed to answer for it and to build it again."""
    return _version(tools, request.version)


@operation("versions.find", "GET", "/v1/models/{model}/versions/{reference}", scope="read")
def find_version(tools: Tools, request: FindVersion) -> Version:
    """The version of a model that has this number, or that this alias points at now."""
    model, reference = _model(tools, request.model), request.reference
    if reference.isdecimal():
        found = repo.find_by_number(tools.connection, model.name, int(reference[:9]))
    else:
        found = repo.find_by_alias(tools.connection, model.name, reference)
    if found is None:
        known = ", ".join(model.aliases) or "none"
        raise NotFound(
            f"Model {model.name!r} has no version {reference!r}.",
            hint=f"It has {model.versions} versions; aliases: {known}.",
        )
    return found


@operation("aliases.point", "POST", "/v1/models/{model}/aliases/{alias}", scope="deploy")
def point_alias(tools: Tools, request: PointAlias) -> AliasSpan:
    """Let an alias point at a version from now on. Pointing at the same one again changes nothing."""
    names.check_alias(request.alias)
    model, version = _model(tools, request.model), _version(tools, request.version)
    if version.model != model.name:
        raise Invalid(f"Version {version.id} belongs to {version.model!r}, not to {model.name!r}.")
    current = repo.open_span(tools.connection, model.name, request.alias)
    if current and current.version == version.id:
        return current
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
    repo.point(tools.connection, model.name, span)
    tools.emit(
        AliasPointed(
            subject=model.name,
            alias=span.alias,
            version=span.version,
            number=span.number,
            reason=span.reason,
        )
    )
    return span


@operation("aliases.history", "GET", "/v1/models/{model}/aliases", scope="read")
def alias_history(tools: Tools, request: ListAliasHistory) -> list[AliasSpan]:
    """Who answered to an alias, from when to when, on what evidence; the newest first."""
    model, at = _model(tools, request.model), request.at
    if at and at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return repo.list_spans(tools.connection, model.name, request.alias, at)


def version_at(tools: Tools, model: str, alias: str) -> Version | None:
    """The version that an alias points at now, or None. Needs an open transaction."""
    return repo.find_by_alias(tools.connection, model, alias)


def write_package(tools: Tools, folder: str, model: Any, about: About) -> Package:
    """Write a model object as a package into `folder` (`models/...`) among the blobs, ready to be registered.

    Raises `Invalid` when no runtime of this house recognises the object.
    """
    names.check_folder(folder)
    runtime = next((one for one in tools.runtimes if one.recognises(model)), None)
    if runtime is None:
        raise Invalid(
            f"No runtime of this house knows models of {type(model).__module__}.{type(model).__qualname__}.",
            hint=f"It knows {', '.join(one.flavor for one in tools.runtimes) or 'none'}.",
        )
    signature = runtime.signature(model)
    manifest = Manifest(
        format=package.FORMAT,
        flavor=runtime.flavor,
        features=signature["features"],
        label=about.label,
        service=about.service,
        service_hash=about.service_hash,
        signature=signature,
    )
    files = runtime.dump(model) | {package.MANIFEST: package.write_manifest(manifest)}
    for name, content in files.items():
        tools.blobs.put(f"{folder}/{name}", content)
    digests = {name: package.digest(content) for name, content in files.items()}
    return Package(folder=folder, files=digests, manifest=manifest)


def load(tools: Tools, version: str) -> Predictor:
    """The predictor of a version; kept in memory for the next call (the last 16, for the whole process).

    Raises `Refused` when a byte of the package differs from what was registered,
    `Unavailable` when no runtime here can read it.
    """
    key = (tools.blobs.url, version)
    with _loaded_lock:
        if found := _loaded.get(key):
            _loaded.move_to_end(key)
            return found
    with tools.transaction(write=False) as inner:
        registered = _version(inner, version)
    predictor = _load(tools, registered)
    with _loaded_lock:
        _loaded[key] = predictor
        while len(_loaded) > LOADED_LIMIT:
            _loaded.popitem(last=False)
    return predictor


def _load(tools: Tools, version: Version) -> Predictor:
    files = _read_files(tools, version.package, version.files)
    if wrong := package.altered(version.files, files):
        raise Refused(
            f"The package of {version.model} {version.number} is not what was registered: {', '.join(wrong)}.",
            hint=f"Restore {version.package} from a backup, or register the model again.",
            details={"files": wrong},
        )
    manifest = package.read_manifest(files.pop(package.MANIFEST))
    return _runtime(tools, manifest.flavor).load(files)


def _runtime(tools: Tools, flavor: str) -> Runtime:
    if found := next((one for one in tools.runtimes if one.flavor == flavor), None):
        return found
    raise Unavailable(f"This house has no runtime for {flavor!r} models.", hint=package.how_to_install(flavor))


def _read_files(tools: Tools, folder: str, files: dict[str, str]) -> dict[str, bytes]:
    """The files that are there."""
    found = {}
    for name in files:
        try:
            found[name] = tools.blobs.get(f"{folder}/{name}")
        except NotFound:
            continue
    return found


def _checked_manifest(request: RegisterVersion, files: dict[str, bytes]) -> Manifest:
    if package.MANIFEST not in request.files:
        raise Invalid(f"The package has no {package.MANIFEST}.", hint="Write it with `ondol.sdk`, which adds one.")
    if wrong := package.altered(request.files, files):
        raise Refused(
            f"The files below {request.package} are not those of the request: {', '.join(wrong)}.",
            hint="Put the files first, then register them with their SHA-256.",
            details={"files": wrong},
        )
    manifest = package.read_manifest(files[package.MANIFEST])
    if manifest.flavor != request.flavor:
        raise Invalid(f"The package holds a {manifest.flavor!r} model, not a {request.flavor!r} one.")
    if request.features and request.features != manifest.features:
        raise Invalid(
            "The features of the request are not those of the package.",
            hint=f"The package reads {', '.join(manifest.features[:20])}.",
        )
    return manifest


def _register(tools: Tools, request: RegisterVersion, manifest: Manifest) -> Version:
    now = tools.now()
    number = repo.take_number(tools.connection, request.model, now)
    facts = {name: getattr(request, name) for name in request.__struct_fields__ if name != "key"}
    facts |= {name: facts[name] or getattr(manifest, name) for name in _TOLD_BY_THE_PACKAGE}
    bare = Version(id=tools.new_id("mv"), number=number, created_at=now, created_by=tools.actor, **facts)
    version = msgspec.structs.replace(bare, card=card.write_card(bare, _model(tools, request.model).spec))
    repo.insert_version(tools.connection, version, request.key)
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


def _model(tools: Tools, name: str) -> Model:
    if found := repo.read_models(tools.connection, name):
        return found[0]
    raise NotFound(
        f"There is no model {name!r}.", hint="`ondol models list` shows them; `ondol models declare` adds one."
    )


def _version(tools: Tools, identity: str) -> Version:
    if found := repo.find_by_id(tools.connection, identity):
        return found
    raise NotFound(
        f"There is no version {identity!r}.", hint="Ids start with mv_; `ondol versions list` shows those of a model."
    )
