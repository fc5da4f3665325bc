"""Feature values over HTTP: the operation `features.read`, without the hops that others of its kind take.

Reading a few rows from memory takes less than handing them to a thread.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ondol import catalog
from ondol.access.service import allow
from ondol.doors.guard import Guard
from ondol.doors.inference import BODY_LIMIT, SMALL_ROWS
from ondol.doors.moment import turn_clock
from ondol.doors.rest import decode_object, error_response, read_body, to_response
from ondol.home import House, to_request

_READ = catalog.OPERATIONS["features.read"]


def routes(house: House, guard: Guard) -> list[Route]:
    async def read(request: Request) -> Response:
        try:
            actor = guard.admit(request.method, request.headers)
            allow(actor, _READ.scope)
            turn_clock(house, actor, request.headers)
            fields = decode_object(await read_body(request, BODY_LIMIT))
            asked = to_request(_READ, fields | request.path_params)
            work, tools = _READ.function, house.tools(actor.name)
            few = len(fields.get("rows") or ()) <= SMALL_ROWS
            record = work(tools, asked) if few else await run_in_threadpool(work, tools, asked)
        except Exception as error:
            return error_response(error)
        return to_response(record)

    return [Route(_READ.path.replace("}", ":path}", 1), read, methods=[_READ.method])]
