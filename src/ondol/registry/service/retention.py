"""Pruning: the bytes of old packages go, what is known of their versions stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.kernel.errors import Invalid
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lineage import service as lineage
from ondol.lineage.types import Graph, Trace
from ondol.ports.blobs import Blob
from ondol.ports.tools import Tools
from ondol.registry.rules import retention
from ondol.registry.service.look import model_of
from ondol.registry.types import Version
from ondol.registry.types.lifecycle import ListReviews, Pruned, PruneModels, PruneReport

if TYPE_CHECKING:
    from ondol.registry import repo
else:
    repo = lazy("ondol.registry.repo")

_OPEN_REVIEWS = 10_000


@operation("models.prune", "POST", "/v1/model-prunings", scope="admin", long=True)
def prune_models(tools: Tools, request: PruneModels) -> PruneReport:
    """Delete the weights of old versions that no alias, endpoint or open review needs.

    The versions stay, with their evidence, card and lineage, and so do code, definitions and
    lock in their packages: they can be built anew.
    """
    if request.keep < 1:
        raise Invalid(f"keep is {request.keep}; the newest version of a model always stays.")
    with tools.transaction(write=not request.dry_run) as inner:
        kept, gone = _decide(inner, request)
        # The rows first: a crash leaves bytes for the next pruning, never a version that lost its files unsaid;
        # and in the transaction that decides, so that none becomes champion meanwhile.
        for version in gone:
            if not request.dry_run and not version.pruned_at:
                repo.notes.update_version(inner.connection, version.id, inner.now(), pruned_at=inner.now())
        every = _all_versions(inner, "")
    registered = {version.package for version in every}
    loose = {} if request.model else retention.orphans(tools.blobs.list("models"), registered, tools.wall())
    going = {version.id for version in gone}
    shared = {version.package for version in every if version.id not in going}
    files = {version.id: _files(tools, version, shared) for version in gone}
    gone = [version for version in gone if files[version.id] or not version.pruned_at]
    freed = [blob for blobs in [*files.values(), *loose.values()] for blob in blobs]
    if not request.dry_run:
        for blob in freed:
            tools.blobs.delete(blob.path)
    return PruneReport(
        dry_run=request.dry_run,
        freed_bytes=sum(blob.size for blob in freed),
        gone=[_line(version, files[version.id]) for version in gone],
        kept=[_line(version, [], because) for version, because in kept],
        orphans=sorted(loose),
    )


def _decide(tools: Tools, request: PruneModels) -> tuple[list[tuple[Version, str]], list[Version]]:
    """The versions that keep their files, with the reason, and those that do not."""
    if request.model:
        model_of(tools, request.model)
    versions = [version for version in _all_versions(tools, request.model) if version.files]
    aliases = repo.aliases.aliases_of(tools.connection, [version.id for version in versions])
    answering = repo.production.answering(tools.connection)
    waiting = repo.reviews.list_reviews(tools.connection, ListReviews(status="open", limit=_OPEN_REVIEWS))
    in_review = {review.version for review in waiting}
    used = {version.id for version in versions if retention.uses(_made_from(tools, version))}
    newest: dict[str, list[int]] = {}
    for version in sorted(versions, key=lambda each: -each.number):
        numbers = newest.setdefault(version.model, [])
        if len(numbers) < request.keep:
            numbers.append(version.number)
    kept, gone = [], []
    for version in versions:
        because = retention.kept_because(version, newest[version.model], aliases, answering, in_review, used)
        if because:
            kept.append((version, because))
        else:
            gone.append(version)
    return kept, gone


def _made_from(tools: Tools, version: Version) -> Graph:
    return lineage.trace(tools, Trace(id=version.id, direction="descendants", depth=1))


def _all_versions(tools: Tools, model: str) -> list[Version]:
    models = [model] if model else [each.name for each in repo.versions.read_models(tools.connection)]
    return [version for name in models for version in repo.versions.list_versions(tools.connection, name)]


def _files(tools: Tools, version: Version, shared: set[str]) -> list[Blob]:
    """None when a version that stays has the same package."""
    if version.package in shared:
        return []
    files = tools.blobs.list(version.package)
    return [blob for blob in files if retention.is_heavy(blob.path.removeprefix(f"{version.package}/"))]


def _line(version: Version, files: list[Blob], because: str = "") -> Pruned:
    size = sum(blob.size for blob in files)
    return Pruned(version=version.id, model=version.model, number=version.number, bytes=size, kept_because=because)
