"""Looking a model or a version up, or saying that it is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.kernel.errors import NotFound
from ondol.kernel.lazy import lazy
from ondol.ports.tools import Tools
from ondol.registry.types import Model, Version

if TYPE_CHECKING:
    from ondol.registry import repo
else:
    repo = lazy("ondol.registry.repo")


def model_of(tools: Tools, name: str) -> Model:
    if found := repo.versions.read_models(tools.connection, [name]):
        return found[0]
    raise NotFound(
        f"There is no model {name!r}.", hint="`ondol models list` shows them; `ondol models declare` adds one."
    )


def version_of(tools: Tools, identity: str) -> Version:
    if found := repo.versions.find_by_id(tools.connection, identity):
        return found
    raise NotFound(
        f"There is no version {identity!r}.", hint="Ids start with mv_; `ondol versions list` shows those of a model."
    )


def by_reference(tools: Tools, name: str, reference: str) -> Version:
    """By number or alias; the newest one for an empty reference and for `latest`."""
    if reference in ("", "latest"):
        found = repo.versions.find_newest(tools.connection, name)
    elif reference.isascii() and reference.isdecimal():
        found = repo.versions.find_by_number(tools.connection, name, int(reference[:9]))
    else:
        found = repo.versions.find_by_alias(tools.connection, name, reference)
    if found is None:
        model = model_of(tools, name)
        known = ", ".join(model.aliases) or "none"
        raise NotFound(
            f"Model {name!r} has no version {reference!r}." if reference else f"Model {name!r} has no versions yet.",
            hint=f"It has {model.versions} versions; aliases: {known}.",
        )
    return found


def locked_version(tools: Tools, identity: str) -> Version:
    """A version whose model nobody else changes before the open writing transaction ends."""
    repo.versions.lock(tools.connection, version_of(tools, identity).model)
    return version_of(tools, identity)


def locked_model(tools: Tools, name: str) -> Model:
    """A model that nobody else changes before the open writing transaction ends."""
    repo.versions.lock(tools.connection, name)
    return model_of(tools, name)


def check_model(tools: Tools, name: str) -> None:
    """`NotFound` when there is no such model; cheaper than reading it."""
    if not repo.versions.is_there(tools.connection, name):
        model_of(tools, name)
