"""Who answered, when, put there by whom, on what evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.ports.tools import Tools
from ondol.registry.service.look import model_of
from ondol.registry.service.reviews import require_approval
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
        answering=[span for span in spans if span.since <= at and (span.until is None or span.until > at)],
        spans=spans,
        champion=champion[0].version if champion else "",
    )


def note_traffic(
    tools: Tools, model: str, endpoint: str, traffic: Sequence[TrafficShare], *, reason: str, evidence: str = ""
) -> None:
    """Write down that an endpoint answers with these versions from now on, in the open writing transaction.

    `Refused` when the model wants approval and a version that comes in new has none.
    """
    now = tools.now()
    known = {span.version: span for span in repo.production.list_open(tools.connection, endpoint)}
    kept = {one.version for one in traffic if _same(one, known.get(one.version))}
    for one in traffic:
        if one.version not in known:
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


def _same(one: TrafficShare, span: Answered | None) -> bool:
    return span is not None and (span.share, span.role) == (one.share, one.role)
