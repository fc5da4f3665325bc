"""Adoption: a model that a client of MLflow put into our artifact store becomes a package that the house can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ondol.kernel.errors import Conflict, NotFound, Refused, Unavailable
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.ports.runtime import Runtime
from ondol.ports.tools import Tools
from ondol.registry.rules import card, package
from ondol.registry.service import keys
from ondol.registry.service.look import model_of, version_of
from ondol.registry.service.packages import write_package
from ondol.registry.types import About, Version
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


@operation("versions.adopt", "POST", "/v1/versions/{version}/adoption", scope="write", long=True)
def adopt_version(tools: Tools, request: AdoptVersion) -> Version:
    """Take the files of a model that a client logged here into a package of the house, so that it can be served.

    LightGBM's text and skops are taken; a pickle is refused, because reading it runs what is in it.
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
    model = _read(tools, version)
    about = About(label=request.label, service=request.service, run=version.run)
    written = write_package(tools, f"models/{package.folder_name(version.model)}", model, about)
    facts = {name: getattr(written.manifest, name) for name in ("flavor", "features", "signature", "label", "service")}
    adopted = msgspec.structs.replace(version, package=written.folder, files=written.files, **facts)
    with tools.transaction(write=True) as inner:
        if (current := version_of(inner, version.id)).files:
            return current
        sealed = msgspec.structs.replace(adopted, seal=keys.seal_of(inner, adopted))
        told = card.write_card(sealed, model_of(inner, sealed.model).spec)
        changed = ("package", "files", "seal", *facts)
        values = {name: getattr(sealed, name) for name in changed}
        repo.notes.update_version(inner.connection, version.id, inner.now(), card=told, **values)
        return version_of(inner, version.id)


def _read(tools: Tools, version: Version) -> Any:
    names = [blob.path.removeprefix(f"{version.package}/") for blob in tools.blobs.list(version.package)]
    if not names:
        raise NotFound(f"There are no files at {version.location or version.source}.", hint="They were deleted since.")
    found = next((name for name in _READABLE if name in names), "")
    if not found:
        raise Refused(
            f"None of its files is in a format that is read without running code: {', '.join(sorted(names)[:10])}.",
            hint="Log it with serialization_format='skops', or as LightGBM's own text.",
        )
    flavor, known_as = _READABLE[found]
    content = tools.blobs.get(f"{version.package}/{found}")
    return _runtime(tools, flavor).restore({known_as: content})


def _runtime(tools: Tools, flavor: str) -> Runtime:
    if found := next((one for one in tools.runtimes if one.flavor == flavor), None):
        return found
    raise Unavailable(f"This house has no runtime for {flavor!r} models.", hint=package.how_to_install(flavor))
