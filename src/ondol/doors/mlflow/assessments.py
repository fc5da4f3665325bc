"""`traces/{trace}/assessments` of the protocol: feedback, expectations and issues."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

import msgspec

from ondol.doors.mlflow.protocol import Endpoint, endpoint, require
from ondol.kernel.errors import Invalid
from ondol.ports.tools import Tools
from ondol.tracking import rules
from ondol.tracking.rules.traces import TrackedAssessment, check_id, clean
from ondol.tracking.service import assessments

KINDS: Final = ("feedback", "expectation", "issue")
SOURCES: Final = ("SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE", "CODE")
_NAMED_SOURCES: Final = {"AI_JUDGE": "LLM_JUDGE", "DEFAULT": "CODE"}


class Source(msgspec.Struct, frozen=True, kw_only=True):
    source_type: str | int = SOURCES[0]
    source_id: str = ""


class Serialized(msgspec.Struct, frozen=True, kw_only=True):
    serialization_format: str = ""
    value: str = ""


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    error_code: str = ""
    error_message: str = ""
    stack_trace: str = ""


class Feedback(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    value: Any = None
    error: Failure | None = None


class Expectation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    value: Any = None
    serialized_value: Serialized | None = None


class Issue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    issue_name: str = ""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    assessment_id: str = ""
    assessment_name: str = ""
    trace_id: str = ""
    span_id: str = ""
    source: Source = Source()
    create_time: datetime | None = None
    last_update_time: datetime | None = None
    feedback: Feedback | None = None
    expectation: Expectation | None = None
    issue: Issue | None = None
    rationale: str = ""
    error: Failure | None = None
    metadata: dict[str, str] = {}
    overrides: str = ""
    valid: bool | None = None


class Create(msgspec.Struct, frozen=True, kw_only=True):
    trace_id: str
    assessment: Given


class Update(msgspec.Struct, frozen=True, kw_only=True):
    trace_id: str
    assessment_id: str
    assessment: Given
    update_mask: str | dict[str, list[str]]


class Named(msgspec.Struct, frozen=True, kw_only=True):
    trace_id: str
    assessment_id: str


def to_tracked(tools: Tools, given: Given, trace: str) -> TrackedAssessment:
    """As it is kept. `Invalid` unless it has a name, a source and exactly one kind of value."""
    said = [kind for kind in KINDS if getattr(given, kind) is not None]
    if len(said) != 1:
        raise Invalid(f"An assessment has exactly one of {', '.join(KINDS)}; got {len(said)}.")
    source = _NAMED_SOURCES.get(str(given.source.source_type), given.source.source_type)
    if isinstance(source, int) and 0 <= source < len(SOURCES):
        source = SOURCES[source]
    if source not in SOURCES:
        raise Invalid(f"Invalid assessment source type: {source}. Valid source types: {list(SOURCES)}")
    now = rules.to_ms(tools.now())
    value = _value(given, said[0])
    text, number = assessments.searched(value)
    inside: dict[str, Any] = {said[0]: getattr(given, said[0]), "source": {
        "source_type": source, "source_id": given.source.source_id
    }}  # fmt: skip
    inside |= {name: found for name in ("span_id", "rationale", "metadata", "error") if (found := getattr(given, name))}
    return TrackedAssessment(
        id=check_id(given.assessment_id) if given.assessment_id else f"a-{tools.new_id('').removeprefix('_')}",
        trace=trace,
        kind=said[0],
        name=clean(require(given.assessment_name, "assessment_name")),
        value=None if text is None else clean(text),
        number=number,
        valid=given.valid is not False,
        overrides=clean(given.overrides) or None,
        created_ms=_moment(given.create_time, now),
        updated_ms=_moment(given.last_update_time, now),
        content=msgspec.to_builtins(inside),
    )


def _moment(given: datetime | None, now: int) -> int:
    return now if given is None else rules.to_ms(rules.in_utc(given))


def _value(given: Given, kind: str) -> Any:
    if kind == "feedback" and given.feedback:
        return given.feedback.value
    if given.issue:
        return given.issue.issue_name
    if given.expectation and given.expectation.serialized_value:
        text = given.expectation.serialized_value.value
        try:
            return json.loads(text)
        except ValueError:
            return text
    return given.expectation.value if given.expectation else None


def to_assessment(found: TrackedAssessment) -> dict[str, Any]:
    record = found.content | {
        "assessment_id": found.id,
        "assessment_name": found.name,
        "trace_id": found.trace,
        "create_time": rules.timestamp(found.created_ms),
        "last_update_time": rules.timestamp(found.updated_ms),
        "valid": found.valid,
    }
    return record | ({"overrides": found.overrides} if found.overrides else {})


def create(tools: Tools, request: Create) -> dict[str, Any]:
    return {
        "assessment": to_assessment(
            assessments.create(tools, to_tracked(tools, request.assessment, check_id(request.trace_id)))
        )
    }


def read(tools: Tools, request: Named) -> dict[str, Any]:
    return {"assessment": to_assessment(assessments.read(tools, request.trace_id, request.assessment_id))}


def update(tools: Tools, request: Update) -> dict[str, Any]:
    """The fields of the mask; metadata are merged."""
    before = assessments.read(tools, request.trace_id, request.assessment_id)
    given, changes = request.assessment, dict[str, Any]()
    content = dict(before.content)
    for field in _fields(request.update_mask):
        match field:
            case "assessment_name" | "assessmentName":
                changes["name"] = clean(require(given.assessment_name, "assessment_name"))
            case "feedback" | "expectation":
                if field != before.kind or getattr(given, field) is None:
                    raise Invalid(f"Cannot update the {field} of an assessment that is {before.kind}.")
                content[field] = msgspec.to_builtins(getattr(given, field))
                text, changes["number"] = assessments.searched(_value(given, field))
                changes["value"] = None if text is None else clean(text)
            case "rationale":
                content["rationale"] = given.rationale
            case "metadata":
                content["metadata"] = content.get("metadata", {}) | given.metadata
            case "valid":
                changes["valid"] = given.valid is not False
            case _:
                raise Invalid(f"The field {field!r} of an assessment cannot be updated.")
    changed = msgspec.structs.replace(before, content=content, **changes)
    return {"assessment": to_assessment(assessments.change(tools, changed))}


def _fields(mask: str | dict[str, list[str]]) -> list[str]:
    """Protocol Buffers write a mask as `rationale,metadata`."""
    return [one.strip() for one in mask.split(",") if one.strip()] if isinstance(mask, str) else mask.get("paths", [])


def delete(tools: Tools, request: Named) -> dict[str, Any]:
    assessments.delete(tools, request.trace_id, request.assessment_id)
    return {}


_ALL = "traces/{trace_id}/assessments"
ENDPOINTS: Final[list[Endpoint]] = [
    endpoint("POST", _ALL, create, Create),
    endpoint("GET", f"{_ALL}/{{assessment_id}}", read, Named, scope="read"),
    endpoint("PATCH", f"{_ALL}/{{assessment_id}}", update, Update),
    endpoint("DELETE", f"{_ALL}/{{assessment_id}}", delete, Named),
]
