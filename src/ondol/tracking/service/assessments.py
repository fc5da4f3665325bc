"""What people and judges say of traces. No operations of ours; all of it runs in the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.ports.tools import Tools
from ondol.tracking import rules

if TYPE_CHECKING:
    from ondol.tracking.repo import assessments as repo
    from ondol.tracking.repo import traces
    from ondol.tracking.rules import traces as words
    from ondol.tracking.rules.traces import TrackedAssessment
else:
    repo, traces = lazy("ondol.tracking.repo.assessments"), lazy("ondol.tracking.repo.traces")
    words = lazy("ondol.tracking.rules.traces")


LARGEST = 1e308


def create(tools: Tools, given: TrackedAssessment) -> TrackedAssessment:
    """What overrides another makes it invalid."""
    _existing(tools, given.trace)
    if repo.find_assessment(tools.connection, given.trace, given.id):
        raise Invalid(f"Assessment with ID '{given.id}' exists already for trace '{given.trace}'")
    if given.overrides and not repo.set_valid(tools.connection, given.trace, given.overrides, 0):
        raise NotFound(f"Assessment with ID '{given.overrides}' not found for trace '{given.trace}'")
    repo.put_assessment(tools.connection, given)
    return given


def put(tools: Tools, given: TrackedAssessment) -> None:
    """One that comes with its trace."""
    repo.put_assessment(tools.connection, given)


def read(tools: Tools, trace: str, identity: str) -> TrackedAssessment:
    _existing(tools, trace)
    if found := repo.find_assessment(tools.connection, trace, words.clean(identity)):
        return found
    raise NotFound(f"Assessment with ID '{identity}' not found for trace '{trace}'")


def change(tools: Tools, changed: TrackedAssessment) -> TrackedAssessment:
    """Keep a changed one; its last change is now."""
    kept = msgspec.structs.replace(changed, updated_ms=rules.to_ms(tools.now()))
    repo.put_assessment(tools.connection, kept)
    return kept


def delete(tools: Tools, trace: str, identity: str) -> None:
    """What it had overridden is valid again. Nothing happens when it is not there."""
    _existing(tools, trace)
    if found := repo.find_assessment(tools.connection, trace, words.clean(identity)):
        if found.overrides:
            repo.set_valid(tools.connection, trace, found.overrides, 1)
        repo.delete_assessment(tools.connection, trace, found.id)


def _existing(tools: Tools, trace: str) -> None:
    if not traces.has_trace(tools.connection, words.check_id(trace)):
        raise NotFound(f"Trace with ID '{trace}' not found.")


def searched(value: Any) -> tuple[str | None, float | None]:
    """A value as searches compare it: its text, and its number when it has one."""
    match value:
        case None:
            return None, None
        case bool():
            return ("true" if value else "false"), None
        case int() | float():
            return str(value), float(value) if abs(value) < LARGEST else None
        case str():
            return value, None
        case _:
            return msgspec.json.encode(value).decode(), None
