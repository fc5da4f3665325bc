"""Who answered, when, put there by whom, on what evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from ondol.kernel.errors import Refused
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.ports.tools import Tools
from ondol.registry.service.look import model_of, version_of
from ondol.registry.service.reviews import require_approval
from ondol.registry.types import Version
from ondol.registry.types.lifecycle import Answered, GetProduction, Production, TrafficShare

if TYPE_CHECKING:
    from ondol.registry import repo
else:
    repo = lazy("ondol.registry.repo")

CHAMPION = "champion"


@operation("models.production", "GET", "/v1/models/{model}/production", scope="read")
def production_of(tools: Tools, request: GetProduction) -> Production:
    """Which versions answered at a moment, who put them there and on what evidence; and the whole history."""
    model, at = model_of(tools, request.model), request.at or tools.now()
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    spans = repo.production.list_spans(tools.connection, model.name, request.endpoint)
    champion = repo.aliases.list_spans(tools.connection, model.name, CHAMPION, at)
    return Production(
        model=model.name,
        at=at,
        now=tools.now(),
        answering=[span for span in spans if span.since <= at and (span.until is None or span.until > at)],
        spans=spans,
        champion=champion[0].version if champion else "",
    )


def note_traffic(
    tools: Tools, model: str, endpoint: str, traffic: Sequence[TrafficShare], *, reason: str, evidence: str = ""
) -> None:
    """Write down that an endpoint answers with these versions from now on, in the open writing transaction.

    `Refused` for a version that comes in new and has no files here, or not the approval that its model wants.
    """
    now = tools.now()
    known = {span.version: span for span in repo.production.list_open(tools.connection, endpoint)}
    kept = {one.version for one in traffic if _same(one, known.get(one.version))}
    for one in traffic:
        if one.version not in known:
            _check_files(version_of(tools, one.version))
            require_approval(tools, one.version)
    repo.production.close(tools.connection, endpoint, sorted(set(known) - kept), now)
    fresh = [
        Answered(
            endpoint=endpoint,
            version=one.version,
            number=one.number,
            share=one.share,
            role=one.role,
            since=now,
            until=None,
            by=tools.actor,
            reason=reason,
            evidence=evidence,
        )
        for one in traffic
        if one.version not in kept
    ]
    repo.production.open_spans(tools.connection, model, fresh)


def _check_files(version: Version) -> None:
    name = f"{version.model} {version.number}"
    if version.pruned_at:
        raise Refused(
            f"The files of {name} were pruned.", hint=f"ondol reproduce {version.model} shows how to get them."
        )
    if not version.files:
        raise Refused(
            f"The files of {name} lie elsewhere, at {version.source}: no endpoint can answer with it.",
            hint=f"ondol versions adopt {version.id}",
        )


def _same(one: TrafficShare, span: Answered | None) -> bool:
    return span is not None and (span.share, span.role) == (one.share, one.role)
