"""The MLflow protocol on our own store: `MLFLOW_TRACKING_URI=http://127.0.0.1:7878` and nothing else changes.

Each file of this folder declares its endpoints in a list; `ENDPOINTS` joins the lists. All of them answer below
four prefixes, as MLflow's do; whatever is not listed is answered with 404 `ENDPOINT_NOT_FOUND`, which clients
take as the word to go another way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from ondol.access.service import allow
from ondol.doors.guard import Guard
from ondol.doors.mlflow import artifacts, experiments, metrics, models, registry, runs, server
from ondol.doors.mlflow.protocol import Endpoint, no_endpoint, read_request, to_error
from ondol.doors.mlflow.turns import Turns
from ondol.doors.moment import turn_clock
from ondol.doors.rest import read_body
from ondol.home import House
from ondol.kernel.operation import Operation

READERS: Final = 8
PREFIXES: Final = ("/api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/2.0/mlflow", "/ajax-api/3.0/mlflow")

ENDPOINTS: tuple[Endpoint, ...] = (
    *runs.ENDPOINTS,
    *metrics.ENDPOINTS,
    *experiments.ENDPOINTS,
    *models.ENDPOINTS,
    *artifacts.ENDPOINTS,
    *server.ENDPOINTS,
    *registry.ENDPOINTS,
)


def routes(house: House, guard: Guard) -> list[BaseRoute]:
    """The protocol's routes; put them before others, because training code calls them in its inner loop."""
    door = MlflowDoor(house, guard, ENDPOINTS)
    return [
        *(Route(f"{prefix}/{{path:path}}", door) for prefix in PREFIXES),
        *artifacts.routes(house, guard),
        Route("/version", _version),
    ]


def _encoded(record: Any) -> bytes:
    return record if isinstance(record, bytes) else msgspec.json.encode(record)


async def _version(_: Request) -> Response:
    return PlainTextResponse(server.VERSION)


class MlflowDoor:
    """An ASGI application: finds the endpoint of a request by method and path, lets the house run it, writes JSON.

    One dictionary look-up instead of a walk over a hundred routes.
    """

    def __init__(self, house: House, guard: Guard, endpoints: Iterable[Endpoint]) -> None:
        self._house = house
        self._guard = guard
        self._turns = Turns(house)
        # A plain pool: its hop costs a third of that of the framework's.
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="ondol-mlflow")
        found = list(endpoints)
        self._plain = {(one.method, one.path): one for one in found if "{" not in one.path}
        self._shaped = [(one.method, one.pattern, one) for one in found if "{" in one.path]

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        request = Request(connection, receive)
        try:
            status, body = 200, await self._answer(request)
        except Exception as error:
            status, body = to_error(error)
        await Response(body, status, media_type="application/json")(connection, receive, send)

    async def _answer(self, request: Request) -> bytes:
        actor = self._guard.admit(request.method, request.headers)
        found, places = self._find(request.method, request.path_params["path"])
        allow(actor, found.operation.scope)
        turn_clock(self._house, actor, request.headers)
        has_body = request.method != "GET"
        body = await read_body(request, self._house.config.body_limit_mb * 2**20) if has_body else b""
        query: dict[str, Any] = {
            name: request.query_params.getlist(name) if name in found.lists else value
            for name, value in request.query_params.items()
        }
        fields = read_request(found, body, query, places)
        return await self._run(found.operation, fields, actor.name)

    async def _run(self, operation: Operation, fields: Any, actor: str) -> bytes:
        if operation.writes and not operation.long and not operation.audited:
            return _encoded(await self._turns.write(operation, fields, actor))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, operation, fields, actor)

    def _read(self, operation: Operation, fields: Any, actor: str) -> bytes:
        return _encoded(self._house.call(operation, fields, actor=actor))

    def _find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        if found := self._plain.get((method, path)):
            return found, {}
        for shaped_method, pattern, shaped in self._shaped:
            if shaped_method == method and (match := pattern.fullmatch(path)):
                return shaped, match.groupdict()
        raise no_endpoint(method, path)
