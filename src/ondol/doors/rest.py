"""REST: one route per operation of the catalog."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Coroutine
from typing import Any, get_origin

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ondol import catalog
from ondol.access.service import allow
from ondol.doors.guard import Guard
from ondol.doors.moment import turn_clock
from ondol.home import House, to_request
from ondol.kernel.content import Content
from ondol.kernel.errors import Invalid, OndolError, TooLarge
from ondol.kernel.operation import Operation

log = logging.getLogger("ondol")

# A stored file never runs as a page of this origin: what it brings along may run in an origin of its own, without
# cookies and without a way to reach anybody, so that a report with drawings in it can be looked at.
STORED_FILE = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; media-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def routes(house: House, guard: Guard) -> list[Route]:
    """Routes of every operation, longer paths first: a field at the end of a path may hold slashes."""
    ordered = sorted(catalog.OPERATIONS.values(), key=lambda found: (-found.path.count("/"), len(found.path_fields)))
    return [
        Route(re.sub(r"}$", ":path}", found.path), _handler(house, guard, found), methods=[found.method])
        for found in ordered
    ]


def _handler(house: House, guard: Guard, found: Operation) -> Handler:
    lists = {field.name for field in msgspec.structs.fields(found.request) if get_origin(field.type) is list}

    async def handle(request: Request) -> Response:
        try:
            actor = guard.admit(request.method, request.headers)
            allow(actor, found.scope)
            turn_clock(house, actor, request.headers)
            fields = await read_fields(request, lists, house.config.body_limit_mb * 2**20)
            record = await run_in_threadpool(house.call, found, to_request(found, fields), actor=actor.name)
        except Exception as error:
            return error_response(error)
        return to_response(record)

    return handle


async def read_fields(request: Request, lists: set[str], limit: int) -> dict[str, Any]:
    """Query, body and path fields of a request; the path wins over the body, the body over the query."""
    fields: dict[str, Any] = {
        name: request.query_params.getlist(name) if name in lists else value
        for name, value in request.query_params.items()
    }
    if request.method in ("POST", "PUT"):
        body = await read_body(request, limit)
        if body:
            fields |= decode_object(body)
    return fields | request.path_params


async def read_body(request: Request, limit: int) -> bytes:
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > limit:
            raise TooLarge(f"The request is larger than {limit // 2**20} MB.", hint="Send it in parts.")
    return bytes(chunks)


def decode_object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Invalid(f"The body is not a JSON object: {error}") from error


def to_response(record: Any) -> Response:
    if isinstance(record, Content):
        headers = {"Content-Security-Policy": STORED_FILE, "X-Content-Type-Options": "nosniff"}
        return Response(record.body, media_type=record.media_type, headers=headers)
    return Response(msgspec.json.encode(record), media_type="application/json")


def error_response(error: Exception) -> Response:
    """The error as JSON; what we did not foresee is logged and answered with 500, without its inside."""
    if not isinstance(error, OndolError):
        log.error("unforeseen", exc_info=error)
        error = OndolError("Something broke inside; the log of the server says what.")
    body = {"code": error.code, "message": error.message, "hint": error.hint, "details": error.details}
    return Response(msgspec.json.encode({"error": body}), status_code=error.status, media_type="application/json")
