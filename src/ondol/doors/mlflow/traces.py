"""`traces/*` of the protocol's version 3, and the two endpoints of version 2 that its clients still use for tags."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from ondol.doors.mlflow.assessments import Given, to_assessment, to_tracked
from ondol.doors.mlflow.protocol import Endpoint, MlflowError, endpoint, no_endpoint, require
from ondol.kernel.errors import Invalid
from ondol.ports.tools import Tools
from ondol.tracking import rules
from ondol.tracking.rules.traces import STATES, TrackedTrace
from ondol.tracking.service import traces

_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s")
_NO_TRACE: Final = "Missing value for required parameter 'trace'."
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class ExperimentPlace(msgspec.Struct, frozen=True, kw_only=True):
    experiment_id: str = ""


class Location(msgspec.Struct, frozen=True, kw_only=True):
    mlflow_experiment: ExperimentPlace | None = None


class TraceInfo(msgspec.Struct, frozen=True, kw_only=True):
    trace_id: str = ""
    client_request_id: str | None = None
    trace_location: Location = Location()
    request_preview: str | None = None
    response_preview: str | None = None
    request_time: datetime = _EPOCH
    execution_duration: str | None = None
    state: str | int = STATES[0]
    trace_metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    assessments: list[Given] = []


class GivenTrace(msgspec.Struct, frozen=True, kw_only=True):
    trace_info: TraceInfo


class Start(msgspec.Struct, frozen=True, kw_only=True):
    trace: GivenTrace | None = None
    experiment_id: str = ""


class ByTrace(msgspec.Struct, frozen=True, kw_only=True):
    trace_id: str = ""


class Get(ByTrace, frozen=True, kw_only=True):
    allow_partial: bool = False


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    trace_ids: list[str] = []
    experiment_ids: list[str] | None = None


class BatchInQuery(msgspec.Struct, frozen=True, kw_only=True):
    trace_ids: list[str] = []
    experiment_ids: list[str] = []


class Search(msgspec.Struct, frozen=True, kw_only=True):
    locations: list[Location] = []
    filter: str = ""
    max_results: int = 100
    order_by: list[str] = []
    page_token: str = ""


class Delete(msgspec.Struct, frozen=True, kw_only=True):
    experiment_id: str = ""
    max_timestamp_millis: int | None = None
    max_traces: int | None = None
    request_ids: list[str] = []


class Tag(ByTrace, frozen=True, kw_only=True):
    key: str = ""
    value: str = ""


class LinkToRun(msgspec.Struct, frozen=True, kw_only=True):
    trace_ids: list[str] = []
    run_id: str = ""


class PromptVersion(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    version: str


class LinkPrompts(ByTrace, frozen=True, kw_only=True):
    prompt_versions: list[PromptVersion] = []


class File(msgspec.Struct, frozen=True, kw_only=True):
    request_id: str = ""
    path: str = ""


def start(tools: Tools, request: Start) -> dict[str, Any]:
    if request.trace is None:
        # The second version of the protocol sends the fields of a trace bare; its clients go on without traces.
        raise no_endpoint("POST", "traces") if request.experiment_id else Invalid(_NO_TRACE)
    info = request.trace.trace_info
    place = info.trace_location.mlflow_experiment or ExperimentPlace()
    identity = require(info.trace_id, "trace_id")
    given = TrackedTrace(
        id=identity,
        experiment=0,
        started_ms=rules.to_ms(rules.in_utc(info.request_time)),
        duration_ms=_milliseconds(info.execution_duration),
        state=_state(info.state),
        client_request=info.client_request_id,
        request_preview=info.request_preview,
        response_preview=info.response_preview,
        tags=info.tags,
        metadata=info.trace_metadata,
    )
    said = [to_tracked(tools, one, identity) for one in info.assessments]
    kept = traces.start(tools, given, require(place.experiment_id, "experiment_id"), said)
    return {"trace": {"trace_info": to_trace_info(kept)}}


def _state(given: str | int) -> str:
    found = STATES[given] if isinstance(given, int) and 0 <= given < len(STATES) else given
    if found not in STATES:
        raise Invalid(f"Invalid value {given!r} for parameter 'state' supplied. It is one of {', '.join(STATES)}.")
    return str(found)


def _milliseconds(duration: str | None) -> int | None:
    """Protocol Buffers write durations as seconds: `1.5s`."""
    if duration is None:
        return None
    if (found := _DURATION.fullmatch(duration)) is None:
        raise Invalid(f"Invalid value {duration[:80]!r} for parameter 'execution_duration' supplied.")
    sign, seconds, rest = found.groups()
    value = int(seconds) * 1_000 + int((rest or "").ljust(3, "0")[:3])
    return -value if sign else value


def to_trace_info(trace: TrackedTrace) -> dict[str, Any]:
    info: dict[str, Any] = {
        "trace_id": trace.id,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": str(trace.experiment)},
        },
        "request_time": rules.timestamp(trace.started_ms),
        "state": trace.state,
        "trace_metadata": trace.metadata,
        "tags": trace.tags,
        "assessments": [to_assessment(one) for one in trace.assessments],
    }
    if trace.duration_ms is not None:
        seconds, rest = divmod(abs(trace.duration_ms), 1_000)
        info["execution_duration"] = f"{'-' if trace.duration_ms < 0 else ''}{seconds}.{rest:03d}s"
    named = (
        ("client_request_id", trace.client_request),
        ("request_preview", trace.request_preview),
        ("response_preview", trace.response_preview),
    )
    return info | {name: value for name, value in named if value is not None}


def _with_spans(trace: TrackedTrace, spans: list[str]) -> dict[str, Any]:
    return {"trace_info": to_trace_info(trace), "spans": [msgspec.Raw(span.encode()) for span in spans]}


def get_info(tools: Tools, request: ByTrace) -> dict[str, Any]:
    return {"trace": {"trace_info": to_trace_info(traces.read(tools, request.trace_id))}}


def get(tools: Tools, request: Get) -> dict[str, Any]:
    found = traces.whole(tools, require(request.trace_id, "trace_id"), partial=request.allow_partial)
    return {"trace": _with_spans(*found)}


def batch_get(tools: Tools, request: Batch) -> dict[str, Any]:
    found = traces.with_spans(tools, _given(request.trace_ids), request.experiment_ids)
    return {"traces": [_with_spans(*one) for one in found]}


def batch_get_in_query(tools: Tools, request: BatchInQuery) -> dict[str, Any]:
    """A query cannot say that a list is empty: no experiments are all of them."""
    return batch_get(tools, Batch(trace_ids=request.trace_ids, experiment_ids=request.experiment_ids or None))


def batch_get_infos(tools: Tools, request: Batch) -> dict[str, Any]:
    found = traces.read_many(tools, _given(request.trace_ids), request.experiment_ids)
    return {"trace_infos": [to_trace_info(trace) for trace in found]}


def _given(ids: list[str]) -> list[str]:
    if not ids:
        raise Invalid("Missing value for required parameter 'trace_ids'.")
    return ids


def search(tools: Tools, request: Search) -> dict[str, Any]:
    ids = [place.mlflow_experiment.experiment_id for place in request.locations if place.mlflow_experiment]
    if not ids:
        raise Invalid("Missing value for required parameter 'locations'.")
    page = (request.max_results, request.page_token)
    found, token = traces.search(tools, ids, text=request.filter, order_by=request.order_by, page=page)
    return {"traces": [to_trace_info(trace) for trace in found]} | ({"next_page_token": token} if token else {})


def delete(tools: Tools, request: Delete) -> dict[str, Any]:
    experiment = require(request.experiment_id, "experiment_id")
    gone = traces.delete(tools, experiment, request.request_ids, request.max_timestamp_millis, request.max_traces)
    return {"traces_deleted": gone}


def set_tag(tools: Tools, request: Tag) -> dict[str, Any]:
    traces.set_tag(tools, request.trace_id, require(request.key, "key"), request.value)
    return {}


def delete_tag(tools: Tools, request: Tag) -> dict[str, Any]:
    traces.delete_tag(tools, request.trace_id, require(request.key, "key"))
    return {}


def link_to_run(tools: Tools, request: LinkToRun) -> dict[str, Any]:
    traces.link_to_run(tools, _given(request.trace_ids), require(request.run_id, "run_id"))
    return {}


def link_prompts(tools: Tools, request: LinkPrompts) -> dict[str, Any]:
    named = [(one.name, one.version) for one in request.prompt_versions]
    traces.link_prompts(tools, require(request.trace_id, "trace_id"), named)
    return {}


def get_file(tools: Tools, request: File) -> bytes:
    if request.path:
        raise MlflowError("NOT_IMPLEMENTED", "Attachments are read through the artifact proxy.")
    return traces.as_file(tools, require(request.request_id, "request_id"))


ENDPOINTS: Final[list[Endpoint]] = [
    endpoint("POST", "traces", start, Start),
    endpoint("POST", "traces/search", search, Search, scope="read"),
    endpoint("GET", "traces/get", get, Get, scope="read", long=True),
    endpoint("GET", "traces/batchGet", batch_get_in_query, BatchInQuery, scope="read", long=True),
    endpoint("POST", "traces/batchGet", batch_get, Batch, scope="read", long=True),
    endpoint("POST", "traces/batchGetInfos", batch_get_infos, Batch, scope="read"),
    endpoint("POST", "traces/delete-traces", delete, Delete, long=True),
    endpoint("POST", "traces/link-to-run", link_to_run, LinkToRun),
    endpoint("POST", "traces/link-prompts", link_prompts, LinkPrompts),
    endpoint("GET", "get-trace-artifact", get_file, File, scope="read", long=True),
    endpoint("GET", "traces/{trace_id}", get_info, ByTrace, scope="read"),
    endpoint("PATCH", "traces/{trace_id}/tags", set_tag, Tag),
    endpoint("DELETE", "traces/{trace_id}/tags", delete_tag, Tag),
]
