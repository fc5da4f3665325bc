"""Feature values over HTTP: the operation `features.read`, without the hops that others of its kind take.

Reading a few rows from memory takes less than handing them to a thread, and less than the
layers of the framework: it is let in before them.
"""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ondol import catalog
from ondol.access.service import allow
from ondol.doors.guard import Guard
from ondol.doors.inference import BODY_LIMIT, SMALL_ROWS
from ondol.doors.moment import turn_clock
from ondol.doors.rest import decode_object, error_response
from ondol.home import House, to_request
from ondol.kernel.errors import Invalid, TooLarge

_READ = catalog.OPERATIONS["features.read"]
_BEFORE, _AFTER = _READ.path.split("{service}")


class InFront:
    """An ASGI application that answers `features.read`, and hands everything else on."""

    def __init__(self, house: House, guard: Guard, others: ASGIApp) -> None:
        self._house = house
        self._guard = guard
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == _READ.method:
            path: str = scope["path"]
            if path.startswith(_BEFORE) and path.endswith(_AFTER):
                await self._read(scope, receive, send, path[len(_BEFORE) : -len(_AFTER)])
                return
        await self._others(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive, send: Send, service: str) -> None:
        try:
            headers = Headers(scope=scope)
            actor = self._guard.admit(scope["method"], headers)
            allow(actor, _READ.scope)
            turn_clock(self._house, actor, headers)
            fields = decode_object(await _body(receive)) | {"service": service}
            asked = to_request(_READ, fields)
            work, tools = _READ.function, self._house.tools(actor.name)
            few = len(fields.get("rows") or ()) <= SMALL_ROWS
            body = msgspec.json.encode(work(tools, asked) if few else await run_in_threadpool(work, tools, asked))
        except Exception as error:
            await error_response(error)(scope, receive, send)
            return
        length = (b"content-length", b"%d" % len(body))
        described = [(b"content-type", b"application/json"), length]
        await send({"type": "http.response.start", "status": 200, "headers": described})
        await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes:
    found, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Invalid("The client went away.")
        found += message.get("body", b"")
        if len(found) > BODY_LIMIT:
            raise TooLarge(f"The request is larger than {BODY_LIMIT // 2**20} MB.", hint="Send it in parts.")
        more = message.get("more_body", False)
    return found
