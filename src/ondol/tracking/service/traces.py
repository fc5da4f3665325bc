"""Traces in the units of foreign protocols: what clients send as a whole, and what OpenTelemetry sends span by span."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.page import encode_token
from ondol.ports.tools import Tools
from ondol.tracking import rules
from ondol.tracking.service import artifacts, assessments, experiments, place_of
from ondol.tracking.service.wire import experiment_id

if TYPE_CHECKING:
    from ondol.tracking.repo import trace_search
    from ondol.tracking.repo import traces as repo
    from ondol.tracking.rules import limits, otlp
    from ondol.tracking.rules import search as grammar
    from ondol.tracking.rules import traces as words
    from ondol.tracking.rules.traces import TrackedAssessment, TrackedTrace
else:
    repo, trace_search = lazy("ondol.tracking.repo.traces"), lazy("ondol.tracking.repo.trace_search")
    limits, otlp = lazy("ondol.tracking.rules.limits"), lazy("ondol.tracking.rules.otlp")
    grammar, words = lazy("ondol.tracking.rules.search"), lazy("ondol.tracking.rules.traces")

log = logging.getLogger("ondol")

SEARCH_LIMIT = 500
EXPERIMENTS_A_SEARCH = 10_000
WAITS = (0.2, 0.8)
"""Seconds to wait for spans that are still on their way: clients send them beside the trace, not before it."""


class Spans(msgspec.Struct, frozen=True, kw_only=True):
    """An OTLP request, read: spans for an experiment, and the run that the traces which begin in it belong to."""

    experiment: str
    run: str
    spans: list[Any]


def start(tools: Tools, given: TrackedTrace, experiment: str, said: Sequence[TrackedAssessment]) -> TrackedTrace:
    """Keep a trace as its client sends it at its end; what its spans have said before gives way."""
    words.check_id(given.id)
    found = experiments.active(tools, experiment_id(experiment))
    row = repo.TraceRow(
        id=given.id,
        experiment=found.id,
        started_ms=given.started_ms,
        duration_ms=given.duration_ms,
        state=given.state,
        finished=1,
        client_request=given.client_request if given.client_request is None else words.clean(given.client_request),
        request_preview=given.request_preview if given.request_preview is None else words.clean(given.request_preview),
        response_preview=(
            given.response_preview if given.response_preview is None else words.clean(given.response_preview)
        ),
    )
    if not repo.insert_trace(tools.connection, row):
        before = repo.lock_trace(tools.connection, given.id) or row
        row = row._replace(
            request_preview=row.request_preview or before.request_preview,
            response_preview=row.response_preview or before.response_preview,
        )
        repo.update_trace(tools.connection, row)
    tags = {key: value for key, value in words.entries(given.tags).items() if key not in words.OURS}
    tags[words.ARTIFACT_LOCATION] = artifacts.trace_uri(found.id, found.location, given.id)
    repo.put_tags(tools.connection, given.id, tags)
    metadata = words.entries(given.metadata)
    repo.put_metadata(tools.connection, given.id, metadata)
    if run := metadata.get(words.SOURCE_RUN):
        repo.link_run(tools.connection, [given.id], run[:64])
    for one in said:
        assessments.put(tools, one)
    return read(tools, given.id)


def log_spans(tools: Tools, request: Spans) -> None:
    """Keep spans; traces that nobody has told of begin with them."""
    found = experiments.active(tools, experiment_id(request.experiment))
    # In one order in every process, so that no two of them wait for each other.
    summaries = sorted(words.summaries(request.spans), key=lambda summary: summary.trace)
    for summary in summaries:
        duration = None if summary.ended_ms is None else summary.ended_ms - summary.started_ms
        row = repo.TraceRow(
            id=summary.trace,
            experiment=found.id,
            started_ms=summary.started_ms,
            duration_ms=duration,
            state=summary.state,
            finished=0,
            client_request=None,
            request_preview=summary.request_preview,
            response_preview=summary.response_preview,
        )
        if repo.insert_trace(tools.connection, row):
            location = artifacts.trace_uri(found.id, found.location, summary.trace)
            repo.put_tags(tools.connection, summary.trace, {words.ARTIFACT_LOCATION: location})
        elif before := repo.lock_trace(tools.connection, summary.trace):
            repo.update_trace(tools.connection, _merged(before, summary))
        repo.put_spans(tools.connection, summary.spans)
        repo.put_tags(tools.connection, summary.trace, {words.SPANS_LOCATION: words.IN_STORE})
        repo.add_tags(tools.connection, summary.trace, summary.tags)
        repo.add_metadata(tools.connection, summary.trace, summary.metadata)
        _count_tokens(tools, summary)
    if request.run and (begun := [summary.trace for summary in summaries if summary.root]):
        _link_begun(tools, begun, request.run)


def _link_begun(tools: Tools, begun: list[str], run: str) -> None:
    try:
        limits.check_run_id(run)
        place_of(tools, run)
    except (Invalid, NotFound) as error:
        # Exporters throw away what is refused: the spans are worth more than the link.
        log.warning("traces are kept without their run: %s", error.message)
        return
    repo.link_run(tools.connection, begun, run)


def _merged(before: repo.TraceRow, summary: words.Summary) -> repo.TraceRow:
    """What is known with what more spans say; a finished trace keeps its times."""
    undecided = before.state in ("IN_PROGRESS", "STATE_UNSPECIFIED")
    row = before._replace(
        state=summary.state if undecided and summary.root else before.state,
        request_preview=before.request_preview or summary.request_preview,
        response_preview=before.response_preview or summary.response_preview,
    )
    if before.finished:
        return row
    started = min(before.started_ms, summary.started_ms)
    ends = [summary.ended_ms] if summary.ended_ms is not None else []
    ends += [before.started_ms + before.duration_ms] if before.duration_ms is not None else []
    return row._replace(started_ms=started, duration_ms=max(ends) - started if ends else None)


def _count_tokens(tools: Tools, summary: words.Summary) -> None:
    """The tokens of all spans of a trace whose client does not count them itself."""
    if not any(row.usage for row in summary.spans):
        return
    row = repo.lock_trace(tools.connection, summary.trace)
    if row is not None and not row.finished:
        total = words.total_usage(repo.read_usage(tools.connection, summary.trace))
        repo.put_metadata(tools.connection, summary.trace, {words.TOKEN_USAGE: total})


def read(tools: Tools, identity: str) -> TrackedTrace:
    found = repo.read_traces(tools.connection, [words.check_id(identity)])
    if not found:
        raise NotFound(f"Trace with ID '{identity}' not found.")
    return found[0]


def read_many(tools: Tools, ids: Sequence[str], within: Sequence[str] | None) -> list[TrackedTrace]:
    """Those that are there, and in one of the experiments `within`, which are all when it is None."""
    wanted = None if within is None else [experiment_id(one) for one in within]
    return repo.read_traces(tools.connection, [words.clean(one) for one in ids], wanted)


def with_spans(
    tools: Tools, ids: Sequence[str], within: Sequence[str] | None = None
) -> list[tuple[TrackedTrace, list[str]]]:
    """Traces with their spans as JSON, from the store or else from the file that their client wrote.

    Call it outside a transaction.
    """
    with tools.transaction(write=False) as inner:
        traces = read_many(inner, ids, within)
        stored = repo.read_spans(inner.connection, [trace.id for trace in traces])
    return [(trace, stored.get(trace.id) or _filed(tools, trace)) for trace in traces]


def whole(tools: Tools, identity: str, *, partial: bool) -> tuple[TrackedTrace, list[str]]:
    """A trace with its spans; unless `partial`, `NotFound` while some of them have not come yet."""
    words.check_id(identity)
    for wait in (*WAITS, 0.0):
        found = with_spans(tools, [identity])
        if not found:
            raise NotFound(f"Trace with ID {identity} is not found.")
        trace, spans = found[0]
        if partial or len(spans) >= max(1, _expected(trace)):
            return trace, spans
        time.sleep(wait)
    raise NotFound(f"Trace with ID {identity} is not fully exported yet, please try again later.")


def _expected(trace: TrackedTrace) -> int:
    try:
        counted = json.loads(trace.metadata.get(words.SIZE_STATS, "{}"))["num_spans"]
    except (ValueError, KeyError, TypeError):
        return 0
    return counted if isinstance(counted, int) else 0


def _filed(tools: Tools, trace: TrackedTrace) -> list[str]:
    where = trace.tags.get(words.ARTIFACT_LOCATION, "")
    if trace.tags.get(words.SPANS_LOCATION) == words.IN_STORE or not where.startswith(artifacts.SCHEME):
        return []
    try:
        return words.from_file(tools.blobs.get(f"{artifacts.folder_of(where)}/traces.json"))
    except NotFound:
        return []


def as_file(tools: Tools, identity: str) -> bytes:
    """The spans of a trace as the file `traces.json` that clients write."""
    trace, spans = whole(tools, identity, partial=True)
    return words.to_file(trace.id, spans)


def search(
    tools: Tools, ids: Sequence[str], *, text: str, order_by: Sequence[str], page: tuple[int, str]
) -> tuple[list[TrackedTrace], str]:
    """Traces and the token of the next page, empty at the end. `page` is the limit and the token of this one."""
    limit, token = page
    limits.check_limit(limit, SEARCH_LIMIT)
    if len(ids) > EXPERIMENTS_A_SEARCH:
        raise Invalid(f"At most {EXPERIMENTS_A_SEARCH} locations a search; got {len(ids)}.")
    offset = rules.offset_of(token)
    found = trace_search.search_traces(
        tools.connection,
        [experiment_id(given) for given in ids],
        grammar.parse_filter(text, grammar.TRACES),
        grammar.parse_order(order_by, grammar.TRACES),
        (limit, offset),
    )
    more = encode_token(rules.offset_text(offset + limit)) if len(found) > limit else ""
    return repo.read_traces(tools.connection, found[:limit]), more


def set_tag(tools: Tools, identity: str, key: str, value: str) -> None:
    limits.check_entry(key, value)
    limits.check_text("key", key, words.KEY_LENGTH)
    _check_free(key)
    _existing(tools, identity)
    repo.put_tags(tools.connection, identity, words.entries({key: value}))


def delete_tag(tools: Tools, identity: str, key: str) -> None:
    _check_free(key)
    _existing(tools, identity)
    if not repo.delete_tag(tools.connection, identity, words.clean(key)):
        raise NotFound(f"No trace tag with key '{key}' for trace with ID '{identity}'")


def _check_free(key: str) -> None:
    if key in words.OURS:
        raise Invalid(f"Tag '{key}' is immutable: it says where the spans of a trace are.")


def _existing(tools: Tools, identity: str) -> None:
    if not repo.has_trace(tools.connection, words.check_id(identity)):
        raise NotFound(f"Trace with ID '{identity}' not found.")


def delete(tools: Tools, experiment: str, ids: Sequence[str], before_ms: int | None, most: int | None) -> int:
    """How many traces were deleted: those with the ids, or the oldest ones until a moment. Call it outside a
    transaction; their files go too."""
    if bool(ids) == (before_ms is not None):
        raise Invalid("Either `max_timestamp_millis` or `request_ids` must be specified, but not both.")
    if ids and most is not None:
        raise Invalid("`max_traces` can't be specified if `request_ids` is specified.")
    if most is not None and most < 1:
        raise Invalid(f"`max_traces` must be a positive integer, received {most}.")
    with tools.transaction(write=True) as inner:
        found = experiments.active(inner, experiment_id(experiment))
        wanted = [words.clean(one) for one in ids] or None
        gone = repo.delete_traces(inner.connection, found.id, wanted, before_ms, most)
    for identity in gone:
        _delete_files(tools, artifacts.trace_uri(found.id, found.location, identity))
    return len(gone)


def _delete_files(tools: Tools, uri: str) -> None:
    try:
        artifacts.delete(tools, artifacts.folder_of(uri))
    except Invalid:
        return  # Kept elsewhere, or an id that is no name of a folder: nothing of it was stored here.


def link_to_run(tools: Tools, ids: Sequence[str], run: str) -> None:
    if len(ids) > words.LINKS_A_CALL:
        raise Invalid(
            f"Cannot link more than {words.LINKS_A_CALL} traces to a run in a single request."
            f" Provided {len(ids)} traces."
        )
    limits.check_run_id(run)
    place_of(tools, run)
    repo.link_run(tools.connection, repo.known(tools.connection, [words.clean(one) for one in ids]), run)


def link_prompts(tools: Tools, identity: str, prompts: Iterable[tuple[str, str]]) -> None:
    """`prompts` are names and versions."""
    _existing(tools, identity)
    named = [words.clean(f"{name}/{version}")[:500] for name, version in prompts]
    repo.link_prompts(tools.connection, identity, named)
