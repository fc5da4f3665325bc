"""Server-sent events: what happens in the house, as it happens.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ondol.doors.guard import Guard
from ondol.doors.rest import error_response
from ondol.home import House
from ondol.kernel.event import StoredEvent

POLL_SECONDS = 0.3
BATCH = 200


def routes(house: House, guard: Guard) -> list[Route]:
    async def stream(request: Request) -> Response:
        try:
            guard.admit(request.method, request.headers)
            text = request.headers.get("last-event-id") or request.query_params.get("after", "-1")
            after = int(text) if text.lstrip("-").isdigit() else -1
            if after < 0:
                newest = await run_in_threadpool(house.call, "events.list", {"newest": True, "limit": 1})
                after = newest[-1].id if newest else 0
        except Exception as error:
            return error_response(error)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_follow(house, request, after), media_type="text/event-stream", headers=headers)

    return [Route("/v1/events/stream", stream, methods=["GET"])]


async def _follow(house: House, request: Request, after: int) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    silent = 0.0
    while not await request.is_disconnected():
        found = await run_in_threadpool(house.call, "events.list", {"after": after, "limit": BATCH})
        for event in found:
            after = event.id
            yield to_message(event)
        silent = 0.0 if found else silent + POLL_SECONDS
        if silent > 15:
            silent = 0.0
            yield b": still here\n\n"
        if len(found) < BATCH:
            await asyncio.sleep(POLL_SECONDS)


def to_message(event: StoredEvent) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.name.encode(), msgspec.json.encode(event))
