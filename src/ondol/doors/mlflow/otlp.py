"""`POST /v1/traces`: spans from MLflow's clients and from every exporter of OpenTelemetry.

https://opentelemetry.io/docs/specs/otlp/#otlphttp . The header `x-mlflow-experiment-id` says where they belong.
"""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ondol.access.service import allow
from ondol.doors.guard import Guard
from ondol.doors.mlflow.protocol import endpoint, require, to_error
from ondol.doors.moment import turn_clock
from ondol.doors.rest import read_body
from ondol.home import House
from ondol.kernel.errors import Invalid, TooLarge
from ondol.kernel.operation import Operation
from ondol.ports.tools import Tools
from ondol.tracking.rules import otlp
from ondol.tracking.service import traces

EXPERIMENT: Final = "x-mlflow-experiment-id"
RUN: Final = "x-mlflow-run-id"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
_ANSWERS: Final = {PROTOBUF: b"", JSON: b"{}"}
"""An ExportTraceServiceResponse that says nothing: all of it was taken."""

Run = Callable[[Operation, Any, str], Awaitable[bytes]]


def keep(tools: Tools, request: traces.Spans) -> dict[str, Any]:
    traces.log_spans(tools, request)
    return {}


_KEEP: Final = endpoint("POST", "otlp", keep, traces.Spans).operation


def route(house: House, guard: Guard, run: Run) -> Route:
    limit = house.config.body_limit_mb * 2**20

    async def handle(request: Request) -> Response:
        try:
            actor = guard.admit(request.method, request.headers)
            allow(actor, _KEEP.scope)
            turn_clock(house, actor, request.headers)
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind not in _ANSWERS:
                raise Invalid(f"Invalid Content-Type: {kind!r}. Expected: {PROTOBUF} or {JSON}")
            experiment = require(request.headers.get(EXPERIMENT, ""), f"the header {EXPERIMENT}")
            body = await read_body(request, limit)
            coding = request.headers.get("content-encoding", "").lower()
            spans = await run_in_threadpool(lambda: _read(unpacked(body, coding, limit), kind))
            named = traces.Spans(experiment=experiment, run=request.headers.get(RUN, ""), spans=spans)
            await run(_KEEP, named, actor.name)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:
            status, answer = to_error(error)
            return Response(answer, status, media_type=JSON)
        return Response(_ANSWERS[kind], media_type=kind)

    return Route("/v1/traces", handle, methods=["POST"])


def _read(body: bytes, kind: str) -> list[Any]:
    found = list(otlp.spans_of(otlp.read_json(body) if kind == JSON else otlp.read_protobuf(body)))
    if not found:
        raise Invalid("Invalid OpenTelemetry format - no spans found")
    return found


def unpacked(body: bytes, coding: str, limit: int) -> bytes:
    """The body without gzip or deflate; `TooLarge` for one that grows beyond what a body may be."""
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "deflate"):
        raise Invalid(f"Unsupported Content-Encoding: {coding}")
    # Some senders leave the frame of deflate out, whose first byte is always 8 in its lower half.
    bare = coding == "deflate" and body[:1] and body[0] & 15 != 8
    reader = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS | (16 if coding == "gzip" else 0))
    try:
        found = reader.decompress(body, limit + 1)
    except zlib.error as error:
        raise Invalid(f"Failed to decompress {coding} payload") from error
    if len(found) > limit:
        raise TooLarge(f"The request is larger than {limit // 2**20} MB.", hint="Send it in parts.")
    if not reader.eof:
        raise Invalid(f"Failed to decompress {coding} payload")
    return found
