"""Traces as people look at them, and as they remove them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.kernel.errors import NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.kernel.page import Page, page_of
from ondol.ports.tools import Tools
from ondol.tracking import rules
from ondol.tracking.service import experiments, traces
from ondol.tracking.types import GetTrace, ListTraces, RemovedTraces, RemoveTraces, TraceRecord, TraceSpan
from ondol.tracking.types.importing import ImportedTrace, ImportTrace

if TYPE_CHECKING:
    from ondol.tracking.repo import trace_search
    from ondol.tracking.repo import traces as repo
    from ondol.tracking.rules import limits, otlp
    from ondol.tracking.rules import search as grammar
    from ondol.tracking.rules import traces as words
    from ondol.tracking.rules.traces import TrackedTrace
else:
    repo, trace_search = lazy("ondol.tracking.repo.traces"), lazy("ondol.tracking.repo.trace_search")
    limits, otlp = lazy("ondol.tracking.rules.limits"), lazy("ondol.tracking.rules.otlp")
    grammar, words = lazy("ondol.tracking.rules.search"), lazy("ondol.tracking.rules.traces")


@operation("traces.list", "GET", "/v1/traces", scope="read")
def list_traces(tools: Tools, request: ListTraces) -> Page[TraceRecord]:
    """What calls did, the newest first: traces of MLflow's clients and of OpenTelemetry's exporters."""
    limits.check_limit(request.limit, traces.SEARCH_LIMIT, "limit")
    within = None
    if request.experiment:
        if (found := experiments.find(tools, request.experiment)) is None:
            raise NotFound(f"There is no experiment {request.experiment!r}.", hint="`ondol experiments list`.")
        within = [found.id]
    offset = rules.offset_of(request.token)
    ids = trace_search.search_traces(
        tools.connection,
        within,
        grammar.parse_filter(request.filter, grammar.TRACES),
        grammar.parse_order(request.order_by, grammar.TRACES),
        (request.limit, offset),
    )
    rows = [_record(trace) for trace in repo.read_traces(tools.connection, ids)]
    return page_of(rows, request.limit, rules.offset_text(offset + request.limit))


@operation("traces.get", "GET", "/v1/traces/{trace}", scope="read", long=True)
def get_trace(tools: Tools, request: GetTrace) -> TraceRecord:
    """One trace with its spans, the one that began it first."""
    trace, content = traces.whole(tools, request.trace, partial=True)
    with tools.transaction(write=False) as inner:
        runs, prompts = repo.read_runs(inner.connection, trace.id), repo.read_prompts(inner.connection, trace.id)
    spans = words.in_order([json.loads(span) for span in content])
    began = min((span.get("start_time_unix_nano", 0) for span in spans), default=0)
    found = [_span(span, began) for span in spans]
    return msgspec.structs.replace(_record(trace), spans=found, runs=runs, prompts=prompts)


@operation("traces.remove", "POST", "/v1/trace-removals", scope="write", long=True)
def remove_traces(tools: Tools, request: RemoveTraces) -> RemovedTraces:
    """Delete traces of an experiment for good, by id or until a moment, with their files."""
    with tools.transaction(write=False) as inner:
        found = experiments.find(inner, request.experiment)
    if found is None:
        raise NotFound(f"There is no experiment {request.experiment!r}.", hint="`ondol experiments list`.")
    until = None if request.until is None else rules.to_ms(rules.in_utc(request.until))
    return RemovedTraces(removed=traces.delete(tools, str(found.id), request.traces, until, None))


@operation("traces.import", "POST", "/v1/traces/{trace}/import", scope="write")
def import_trace(tools: Tools, request: ImportTrace) -> ImportedTrace:
    """Take over the spans of a trace of another tracker. Doing it again changes nothing."""
    traces.read(tools, request.trace)
    rows = words.rows_of_file(request.trace, request.spans.encode())
    repo.put_spans(tools.connection, rows)
    if rows:
        repo.put_tags(tools.connection, request.trace, {words.SPANS_LOCATION: words.IN_STORE})
    return ImportedTrace(trace=request.trace, spans=len(rows))


def _record(trace: TrackedTrace) -> TraceRecord:
    return TraceRecord(
        id=trace.id,
        experiment=str(trace.experiment),
        name=trace.tags.get(words.TRACE_NAME, ""),
        state=trace.state,
        started_at=rules.from_ms(trace.started_ms),
        milliseconds=trace.duration_ms,
        request=trace.request_preview or "",
        response=trace.response_preview or "",
        tags=trace.tags,
        metadata=trace.metadata,
        assessments=[
            {
                "id": one.id,
                "kind": one.kind,
                "name": one.name,
                "value": one.value or "",
                "source": one.content.get("source", {}).get("source_id", ""),
                "rationale": one.content.get("rationale", ""),
            }
            for one in trace.assessments
            if one.valid
        ],
    )


def _span(span: dict[str, Any], began: int) -> TraceSpan:
    attributes = words.attributes_of(span)
    started, ended = span.get("start_time_unix_nano", 0), span.get("end_time_unix_nano", 0)
    return TraceSpan(
        id=otlp.id_bytes(span["span_id"]).hex(),
        parent=otlp.id_bytes(span.get("parent_span_id") or "").hex(),
        name=span.get("name", ""),
        status=span.get("status", {}).get("code", "STATUS_CODE_UNSET").removeprefix("STATUS_CODE_"),
        started_at=rules.from_ms(started // 1_000_000),
        milliseconds=(ended - started) / 1_000_000 if ended else None,
        attributes={key: value for key, value in attributes.items() if key not in words.SHOWN_APART},
        kind=words.text_of(attributes.get(words.SPAN_TYPE)),
        offset=(started - began) / 1_000_000,
        inputs=words.text_of(attributes.get(words.SPAN_INPUTS)),
        outputs=words.text_of(attributes.get(words.SPAN_OUTPUTS)),
        events=[
            {"name": one.get("name", ""), "at": rules.timestamp(one.get("time_unix_nano", 0) // 1_000_000)}
            | words.attributes_of(one)
            for one in span.get("events", ())
        ],
    )
