"""Adoption: a model that a client of MLflow put into our artifact store becomes a package that the house can serve."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import msgspec

from ondol.kernel.errors import Conflict, Invalid, NotFound, Refused
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.ports.tools import Tools
from ondol.registry.rules import card, consent, mlmodel, package
from ondol.registry.service import keys
from ondol.registry.service.look import model_of, version_of
from ondol.registry.service.packages import runtime_of, write_files, write_package
from ondol.registry.types import About, Manifest, Package, Version
from ondol.registry.types.lifecycle import AdoptVersion

if TYPE_CHECKING:
    from ondol.registry import repo
else:
    repo = lazy("ondol.registry.repo")

_READABLE: Final = {
    "model.lgb": ("lightgbm", "model.txt"),
    "model.txt": ("lightgbm", "model.txt"),
    "model.skops": ("sklearn", "model.skops"),
}
"""File of MLflow's layout to the runtime that reads it without running code, and the name that it knows."""


@operation("versions.adopt", "POST", "/v1/versions/{version}/adoption", scope="deploy", long=True)
def adopt_version(tools: Tools, request: AdoptVersion) -> Version:
    """Take the files of a model that a client logged here into a package of the house, so that it can be served.

    LightGBM's text and skops are taken as they are. A pickle is refused, because reading it runs what is in it, unless
    somebody answers for it with `trust_pickle` and a reason; it is copied unread, and runs where the version is loaded.
    """
    with tools.transaction(write=False) as inner:
        version = version_of(inner, request.version)
    if version.files:
        return version
    if not version.package:
        raise Conflict(
            f"The files of {version.model} {version.number} lie at {version.source}, which is no store of this house.",
            hint="Log the model with this house as the tracking server.",
        )
    written = _write(tools, version, request)
    facts = {name: getattr(written.manifest, name) for name in ("flavor", "features", "signature", "label", "service")}
    adopted = msgspec.structs.replace(version, package=written.folder, files=written.files, **facts)
    with tools.transaction(write=True) as inner:
        if (current := version_of(inner, version.id)).files:
            return current
        sealed = msgspec.structs.replace(adopted, seal=keys.seal_of(inner, adopted))
        if sealed.flavor == consent.FLAVOR:
            key = keys.newest_key(inner)
            given = consent.consent(key, sealed, inner.actor, inner.now(), request.reason.strip())
            sealed = msgspec.structs.replace(sealed, consent=given)
        told = card.write_card(sealed, model_of(inner, sealed.model).spec)
        changed = ("package", "files", "seal", "consent", *facts)
        values = {name: getattr(sealed, name) for name in changed}
        repo.notes.update_version(inner.connection, version.id, inner.now(), card=told, **values)
        return version_of(inner, version.id)


def _write(tools: Tools, version: Version, request: AdoptVersion) -> Package:
    names = [blob.path.removeprefix(f"{version.package}/") for blob in tools.blobs.list(version.package)]
    if not names:
        raise NotFound(f"There are no files at {version.location or version.source}.", hint="They were deleted since.")
    folder = f"models/{package.folder_name(version.model)}"
    if found := next((name for name in _READABLE if name in names), ""):
        flavor, known_as = _READABLE[found]
        content = tools.blobs.get(f"{version.package}/{found}")
        model = runtime_of(tools, flavor).restore({known_as: content})
        about = About(label=request.label, service=request.service, run=version.run)
        return write_package(tools, folder, model, about)
    if consent.FILE not in names or not request.trust_pickle:
        answer = f"; or answer for it: ondol versions adopt {version.id} --trust-pickle --reason WHY"
        raise Refused(
            f"None of its files is in a format that is read without running code: {', '.join(sorted(names)[:10])}.",
            hint="Log it with serialization_format='skops', or as LightGBM's own text"
            + (answer if consent.FILE in names else "."),
        )
    return _write_pickle(tools, version, request, folder)


def _write_pickle(tools: Tools, version: Version, request: AdoptVersion, folder: str) -> Package:
    """The bytes as they are: nothing of them is read here."""
    if not request.reason.strip():
        raise Invalid("Say why this pickle may be trusted.", hint="--reason 'trained by us, see the run'")
    files = {consent.FILE: tools.blobs.get(f"{version.package}/{consent.FILE}")}
    described = ""
    with contextlib.suppress(NotFound):
        files[mlmodel.FILE] = tools.blobs.get(f"{version.package}/{mlmodel.FILE}")
        described = files[mlmodel.FILE].decode(errors="replace")
    features = request.features or consent.features_of(described)
    if not features:
        raise Invalid("Nothing says which features the model reads.", hint="Name them: --features wind --features hour")
    manifest = Manifest(
        format=package.FORMAT, flavor=consent.FLAVOR, features=features, label=request.label, service=request.service
    )
    return write_files(tools, folder, manifest, files)
