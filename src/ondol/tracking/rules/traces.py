"""What the spans of a trace say about it, and the two ways in which spans are written down.

Kept are spans as Protocol Buffers write them as JSON (`rules.otlp`). Files (`traces.json`) of MLflow's clients hold
them with their attributes as texts of JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from ondol.kernel.errors import Invalid
from ondol.tracking.rules.otlp import STATUS_CODES, Message, any_value, id_bytes, plain

ID_LENGTH: Final = 250
KEY_LENGTH: Final = 250
VALUE_LENGTH: Final = 8_000
NAME_LENGTH: Final = 500
PREVIEW_LENGTH: Final = 1_000
LINKS_A_CALL: Final = 100
STATES: Final = ("STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS")

TRACE_NAME: Final = "mlflow.traceName"
ARTIFACT_LOCATION: Final = "mlflow.artifactLocation"
SPANS_LOCATION: Final = "mlflow.trace.spansLocation"
IN_STORE: Final = "TRACKING_STORE"
OURS: Final = frozenset({SPANS_LOCATION, "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"})
"""Tags that say where spans are: nobody else sets them."""
SOURCE_RUN: Final = "mlflow.sourceRun"
SIZE_STATS: Final = "mlflow.trace.sizeStats"
SESSION: Final = "mlflow.trace.session"
USER: Final = "mlflow.trace.user"
TOKEN_USAGE: Final = "mlflow.trace.tokenUsage"
REQUEST_ID: Final = "mlflow.traceRequestId"
TAG_PREFIX: Final = "mlflow.traceTag."
SPAN_INPUTS: Final = "mlflow.spanInputs"
SPAN_OUTPUTS: Final = "mlflow.spanOutputs"
SPAN_TYPE: Final = "mlflow.spanType"
CHAT_USAGE: Final = "mlflow.chat.tokenUsage"
SHOWN_APART: Final = (SPAN_INPUTS, SPAN_OUTPUTS, SPAN_TYPE)
TOKENS: Final = ("input_tokens", "output_tokens", "total_tokens")


class TrackedAssessment(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says of a trace: feedback, an expectation or an issue. `content` is the rest as it was sent."""

    id: str
    trace: str
    kind: str
    name: str
    value: str | None
    number: float | None
    valid: bool
    overrides: str | None
    created_ms: int
    updated_ms: int
    content: dict[str, Any]


class TrackedTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A trace with everything that protocols show of it, in their units."""

    id: str
    experiment: int
    started_ms: int
    duration_ms: int | None
    state: str
    client_request: str | None
    request_preview: str | None
    response_preview: str | None
    tags: dict[str, str] = {}
    metadata: dict[str, str] = {}
    assessments: list[TrackedAssessment] = []


class SpanRow(NamedTuple):
    """A span as its table holds it; `usage` is the JSON of the tokens it says it used, empty for none."""

    trace: str
    id: str
    parent: str
    name: str
    kind: str
    status: str
    started_ns: int
    ended_ns: int
    usage: str
    content: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch of spans of one trace says about it. `root` is whether the span is among them that began it."""

    trace: str
    started_ms: int
    ended_ms: int | None
    root: bool
    state: str
    request_preview: str | None
    response_preview: str | None
    tags: dict[str, str]
    metadata: dict[str, str]
    spans: list[SpanRow]


def clean(text: str) -> str:
    """The text without what databases refuse: NUL characters and halves of characters."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def entries(given: Mapping[str, str]) -> dict[str, str]:
    """Tags or metadata as they are kept: cut to what fits."""
    return {clean(key)[:KEY_LENGTH]: clean(value)[:VALUE_LENGTH] for key, value in given.items() if key}


def preview(text: str | None) -> str | None:
    if text is None or len(text) <= PREVIEW_LENGTH:
        return text if text is None else clean(text)
    return clean(text)[: PREVIEW_LENGTH - 3] + "..."


def check_id(identity: str) -> str:
    if not identity or len(identity) > ID_LENGTH or clean(identity) != identity:
        raise Invalid(f"Invalid value {identity[:80]!r} for parameter 'trace_id' supplied.")
    return identity


def summaries(spans: Iterable[tuple[Message, Sequence[Message]]]) -> list[Summary]:
    """One for each trace, from spans with the attributes of their resources; `Invalid` for a span without ids."""
    groups: dict[str, list[tuple[Message, Sequence[Message]]]] = {}
    for span, resource in spans:
        groups.setdefault(f"tr-{_hex(span, 'trace_id', 16)}", []).append((span, resource))
    return [_summary(trace, group) for trace, group in groups.items()]


def _hex(span: Message, field: str, size: int) -> str:
    found = id_bytes(span.get(field, "")).rjust(size, b"\0")
    if len(found) != size or not any(found):
        raise Invalid(f"Cannot take an OpenTelemetry span whose {field} is not {size} bytes.")
    return found.hex()


def _summary(trace: str, group: Sequence[tuple[Message, Sequence[Message]]]) -> Summary:
    rows = [_row(trace, span) for span, _ in group]
    ended = [row.ended_ns for row in rows if row.ended_ns]
    attributes = [attributes_of(span) for span, _ in group]
    roots = [place for place, row in enumerate(rows) if not row.parent]
    root = attributes[roots[0]] if roots else {}
    state = "IN_PROGRESS"
    tags: dict[str, str] = {}
    for _, resource in group:
        found = {one["key"]: plain(one.get("value")) for one in resource}
        tags |= {key: _word(value) for key, value in found.items() if not key.startswith(("telemetry.sdk.", "mlflow."))}
    if roots:
        state = "ERROR" if rows[roots[0]].status == "ERROR" else "OK"
        tags |= {key.removeprefix(TAG_PREFIX): _word(root[key]) for key in root if key.startswith(TAG_PREFIX)}
        tags.setdefault(TRACE_NAME, rows[roots[0]].name)
    return Summary(
        trace=trace,
        started_ms=min(row.started_ns for row in rows) // 1_000_000,
        ended_ms=max(ended) // 1_000_000 if ended else None,
        root=bool(roots),
        state=state,
        request_preview=preview(_text(root.get(SPAN_INPUTS))),
        response_preview=preview(_text(root.get(SPAN_OUTPUTS))),
        tags={key: value for key, value in entries(tags).items() if key not in (*OURS, ARTIFACT_LOCATION)},
        metadata=entries(_people(attributes)),
        spans=rows,
    )


def _people(attributes: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Whose trace it is: the first span that says it."""
    found: dict[str, str] = {}
    for named, keys in ((SESSION, ("session.id", "gen_ai.conversation.id")), (USER, ("user.id",))):
        said = [one[key] for one in attributes for key in keys if one.get(key)]
        if said:
            found[named] = _word(said[0])
    return found


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def in_order(spans: Iterable[Message]) -> list[Message]:
    """Spans as a person reads them: each before what it asked for, in the order of their beginnings."""
    waiting = sorted(spans, key=lambda span: (span.get("start_time_unix_nano", 0), -span.get("end_time_unix_nano", 0)))
    known = {span.get("span_id") for span in waiting}
    below: dict[Any, list[Message]] = {}
    for span in waiting:
        parent = span.get("parent_span_id")
        # A span whose parent never came, or that is its own, begins a tree.
        below.setdefault(parent if parent in known and parent != span.get("span_id") else None, []).append(span)
    found: list[Message] = []
    stack = below.pop(None, [])[::-1]
    while stack or below:
        # What is left goes round in a circle: begin somewhere.
        span = stack.pop() if stack else below[next(iter(below))].pop(0)
        found.append(span)
        stack += below.pop(span.get("span_id"), [])[::-1]
        below = {parent: rest for parent, rest in below.items() if rest}
    return found


def text_of(value: Any) -> str:
    """An attribute as a person reads it: some exporters write even texts as JSON."""
    if isinstance(value, str) and value[:1] == value[-1:] == '"':
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return _word(value) if value is not None else ""


def attributes_of(span: Message) -> dict[str, Any]:
    return {one["key"]: plain(one.get("value")) for one in span.get("attributes", ())}


def _row(trace: str, span: Message) -> SpanRow:
    started, ended = span.get("start_time_unix_nano", 0), span.get("end_time_unix_nano", 0)
    if max(started, ended) >= 2**63:
        raise Invalid("Cannot take an OpenTelemetry span with a time after the year 2262.")
    attributes = attributes_of(span)
    code = span.get("status", {}).get("code", STATUS_CODES[0])
    return SpanRow(
        trace=trace,
        id=_hex(span, "span_id", 8),
        parent=_hex(span, "parent_span_id", 8) if span.get("parent_span_id") else "",
        name=clean(span.get("name", "")),
        kind=clean(text_of(attributes.get(SPAN_TYPE)) or "UNKNOWN")[:KEY_LENGTH],
        status=str(code).removeprefix("STATUS_CODE_"),
        started_ns=started,
        ended_ns=ended,
        usage=_usage(attributes),
        content=msgspec.json.encode(span).decode(),
    )


def _usage(attributes: Mapping[str, Any]) -> str:
    """The tokens that a call of a language model used, by MLflow's name or by OpenTelemetry's."""
    said = attributes.get(CHAT_USAGE)
    if not isinstance(said, dict):
        said = {name: attributes.get(f"gen_ai.usage.{name}") for name in TOKENS}
    counts = {name: value for name in TOKENS if type(value := said.get(name)) is int}
    if counts and "total_tokens" not in counts:
        counts["total_tokens"] = sum(counts.values())
    return json.dumps(counts) if counts else ""


def total_usage(spans: Iterable[tuple[str, str, str]]) -> str:
    """The tokens of a trace, from the id, parent and usage of its spans: JSON, empty for none.

    Whoever says what was used says it for all that it called, so what is below is not counted again.
    """
    parents, said = {}, {}
    for identity, parent, usage in spans:
        parents[identity] = parent
        if usage:
            said[identity] = json.loads(usage)
    totals: dict[str, int] = {}
    for identity, usage in said.items():
        above, seen = parents[identity], {identity}
        while above and above not in said and above not in seen:
            seen.add(above)
            above = parents.get(above, "")
        if above not in said or above in seen:
            totals = {name: totals.get(name, 0) + usage.get(name, 0) for name in TOKENS}
    return json.dumps(totals) if totals else ""


def to_file(trace: str, contents: Iterable[str]) -> bytes:
    """The spans as `traces.json` holds them."""
    return json.dumps({"spans": [_filed(trace, json.loads(one)) for one in contents]}, ensure_ascii=False).encode()


def _filed(trace: str, span: Message) -> Message:
    attributes = {key: json.dumps(value, ensure_ascii=False) for key, value in attributes_of(span).items()}
    status = span.get("status", {})
    return {
        "trace_id": span["trace_id"],
        "span_id": span["span_id"],
        "parent_span_id": span.get("parent_span_id") or None,
        "name": span.get("name", ""),
        "start_time_unix_nano": span.get("start_time_unix_nano", 0),
        "end_time_unix_nano": span.get("end_time_unix_nano"),
        "events": [
            {
                "name": event.get("name", ""),
                "time_unix_nano": event.get("time_unix_nano", 0),
                "attributes": attributes_of(event),
            }
            for event in span.get("events", ())
        ],
        "status": {"code": status.get("code", STATUS_CODES[0]), "message": status.get("message", "")},
        "attributes": attributes | {REQUEST_ID: json.dumps(trace)},
        "links": [
            {
                "trace_id": f"tr-{id_bytes(link.get('trace_id', '')).hex()}",
                "span_id": id_bytes(link.get("span_id", "")).hex(),
                "attributes": attributes_of(link),
            }
            for link in span.get("links", ())
        ],
    }


def from_file(content: bytes) -> list[str]:
    """The spans of a `traces.json`, as they are kept; none of a file that is something else."""
    try:
        return [msgspec.json.encode(_unfiled(span)).decode() for span in json.loads(content)["spans"]]
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return []


def rows_of_file(trace: str, content: bytes) -> list[SpanRow]:
    """The same as rows of the store; `Invalid` for a span without a name or an id that is one."""
    return [_row(trace, json.loads(span)) for span in from_file(content)]


def _unfiled(span: Message) -> Message:
    found: Message = {
        "trace_id": _id(span["trace_id"]),
        "span_id": _id(span["span_id"]),
        "parent_span_id": _id(span.get("parent_span_id") or ""),
        "name": span["name"],
        "start_time_unix_nano": int(span["start_time_unix_nano"]),
        "end_time_unix_nano": int(span.get("end_time_unix_nano") or 0),
        "attributes": [{"key": key, "value": any_value(_read(one))} for key, one in span["attributes"].items()],
        "status": {"code": _status(span["status"]["code"]), "message": span["status"].get("message") or ""},
        "events": [
            {
                "name": event["name"],
                "time_unix_nano": int(event["time_unix_nano"]),
                "attributes": [
                    {"key": key, "value": any_value(one)} for key, one in (event.get("attributes") or {}).items()
                ],
            }
            for event in span.get("events", ())
        ],
    }
    return found


def _status(code: str) -> str:
    return code if code in STATUS_CODES else f"STATUS_CODE_{code}"


def _read(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return text


def _id(text: str) -> str:
    """An id in base64; older clients wrote it in hexadecimal, as the trace's with its prefix."""
    plainly = text.rpartition("/")[2].removeprefix("tr-").removeprefix("0x")
    if len(plainly) in (16, 32):
        try:
            return base64.b64encode(binascii.unhexlify(plainly)).decode()
        except binascii.Error:
            pass
    return text
