"""Reviews: a version is looked at by somebody else before it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ondol.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.ports.tools import Tools
from ondol.registry.service.look import locked_version, model_of, version_of
from ondol.registry.types import Version
from ondol.registry.types.lifecycle import (
    AskReview,
    DecideReview,
    ListReviews,
    Review,
    ReviewAsked,
    ReviewDecided,
)

if TYPE_CHECKING:
    from ondol.registry import repo
else:
    repo = lazy("ondol.registry.repo")

NOBODY: Final = ("local", "house")
"""Who comes without a key, on a loopback address. There are no roles then, and nobody else to ask."""

_LIMIT = 1_000


@operation("reviews.ask", "POST", "/v1/versions/{version}/reviews", scope="write")
def ask_review(tools: Tools, request: AskReview) -> Review:
    """Ask for a review of a version. While one is open, asking again answers it."""
    version = locked_version(tools, request.version)
    newest = repo.reviews.newest_of(tools.connection, version.id)
    if newest and newest.status in ("open", "approved"):
        return newest
    review = Review(
        id=tools.new_id("rev"),
        model=version.model,
        version=version.id,
        number=version.number,
        status="open",
        asked_by=tools.actor,
        asked_at=tools.now(),
        note=request.note,
    )
    repo.reviews.put(tools.connection, review)
    asked = ReviewAsked(
        subject=version.model, review=review.id, version=version.id, number=version.number, by=tools.actor
    )
    tools.emit(asked)
    return review


@operation("reviews.decide", "POST", "/v1/reviews/{review}/decision", scope="deploy")
def decide_review(tools: Tools, request: DecideReview) -> Review:
    """Approve a version, ask for changes, or reject it. Its author may not."""
    found = _locked(tools, request.review)
    if found.status != "open":
        raise Conflict(
            f"Review {found.id} was {found.status.replace('_', ' ')} by {found.decided_by}.",
            hint=f"Ask anew: ondol reviews ask {found.version}",
        )
    _check_decider(tools, found, version_of(tools, found.version))
    if request.verdict != "approved" and not request.reason.strip():
        raise Invalid("A version is not turned down without a reason.", hint='--reason "..."')
    decided = msgspec.structs.replace(
        found, status=request.verdict, decided_by=tools.actor, decided_at=tools.now(), reason=request.reason
    )
    repo.reviews.put(tools.connection, decided)
    tools.emit(
        ReviewDecided(
            subject=found.model,
            review=found.id,
            version=found.version,
            number=found.number,
            verdict=request.verdict,
            by=tools.actor,
            reason=request.reason,
        )
    )
    return decided


def _locked(tools: Tools, review: str) -> Review:
    if found := repo.reviews.find(tools.connection, review):
        repo.versions.lock(tools.connection, found.model)
        found = repo.reviews.find(tools.connection, review)
    if found is None:
        raise NotFound(f"There is no review {review!r}.", hint="ondol reviews list")
    return found


def _check_decider(tools: Tools, review: Review, version: Version) -> None:
    if tools.actor not in NOBODY and tools.actor in (review.asked_by, version.created_by):
        raise Forbidden(
            f"{tools.actor} made this version or asked for its review; somebody else decides.",
            hint="Ask a person with a key of their own and the scope 'deploy'.",
        )


@operation("reviews.list", "GET", "/v1/reviews", scope="read")
def list_reviews(tools: Tools, request: ListReviews) -> list[Review]:
    """Reviews, the newest first."""
    if not 1 <= request.limit <= _LIMIT:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {_LIMIT}.")
    return repo.reviews.list_reviews(tools.connection, request)


def require_approval(tools: Tools, version: str) -> None:
    """`Refused` when the model of a version wants approval, and the version has none. In an open transaction."""
    found = version_of(tools, version)
    if not model_of(tools, found.model).spec.approval:
        return
    review = repo.reviews.newest_of(tools.connection, found.id)
    if review and review.status == "approved":
        return
    name, waits = f"{found.model} {found.number}", {"approval": found.id}
    if review is None:
        raise Refused(f"{name} must be approved first.", hint=f"ondol reviews ask {found.id}", details=waits)
    said = {"open": "waits for its review", "changes_requested": "was sent back", "rejected": "was rejected"}
    because = f": {review.reason}" if review.reason else ""
    hint = f"ondol reviews decide {review.id} --verdict approved" if review.status == "open" else "Register another."
    raise Refused(f"{name} must be approved first; it {said[review.status]}{because}.", hint=hint, details=waits)
