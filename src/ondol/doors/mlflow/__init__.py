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
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from ondol.access.service import allow
from ondol.doors.guard import Guard
from ondol.doors.mlflow import (
    artifacts,
    assessments,
    experiments,
    metrics,
    models,
    otlp,
    registry,
    runs,
    server,
    trace_metrics,
    traces,
    webhooks,
)
from ondol.doors.mlflow.protocol import Endpoint, MlflowError, no_endpoint, read_request, to_error
from ondol.doors.mlflow.turns import Turns
from ondol.doors.moment import turn_clock
from ondol.home import House
from ondol.kernel.errors import TooLarge
from ondol.kernel.operation import Operation

READERS: Final = 8
PREFIXES: Final = ("/api/2.0/mlflow", "/api/3.0/mlflow", "/ajax-api/2.0/mlflow", "/ajax-api/3.0/mlflow")

_INNER: Final = tuple(f"{prefix}/" for prefix in PREFIXES[:2])

ENDPOINTS: tuple[Endpoint, ...] = (
    *runs.ENDPOINTS,
    *metrics.ENDPOINTS,
    *experiments.ENDPOINTS,
    *models.ENDPOINTS,
    *artifacts.ENDPOINTS,
    *server.ENDPOINTS,
    *registry.ENDPOINTS,
    *traces.ENDPOINTS,
    *assessments.ENDPOINTS,
    *trace_metrics.ENDPOINTS,
    *webhooks.ENDPOINTS,
)


def open_door(house: House, guard: Guard) -> MlflowDoor:
    return MlflowDoor(house, guard, ENDPOINTS)


def routes(house: House, guard: Guard, door: MlflowDoor) -> list[BaseRoute]:
    """The protocol's routes, without those that stand `InFront`."""
    return [
        # Some of these stand below the prefixes of the web app's calls.
        *artifacts.routes(house, guard),
        *(Route(f"{prefix}/{{path:path}}", door) for prefix in PREFIXES[2:]),
        otlp.route(house, guard, door.run),
        Route("/version", _version),
    ]


class InFront:
    """An ASGI application that lets the protocol's calls in before the framework sees them: its layers take longer
    than to log a metric."""

    def __init__(self, door: MlflowDoor, others: ASGIApp) -> None:
        self._door = door
        self._others = others

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        if connection["type"] == "http":
            for prefix in _INNER:
                if connection["path"].startswith(prefix):
                    connection["path_params"] = {"path": connection["path"][len(prefix) :]}
                    await self._door(connection, receive, send)
                    return
        await self._others(connection, receive, send)


def _query(connection: Connection, lists: frozenset[str]) -> dict[str, Any]:
    if not connection["query_string"]:
        return {}
    found = QueryParams(connection["query_string"])
    return {name: found.getlist(name) if name in lists else value for name, value in found.items()}


async def _read_body(receive: Receive, limit: int) -> bytes:
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MlflowError("BAD_REQUEST", "The client went away.")
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > limit:
            raise TooLarge(f"The request is larger than {limit // 2**20} MB.", hint="Send it in parts.")
        more = message.get("more_body", False)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


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
        # The protocol's plain words instead of Starlette's request and response: a third of the time of a small call.
        try:
            status, body = 200, await self._answer(connection, receive)
        except Exception as error:
            status, body = to_error(error)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, connection: Connection, receive: Receive) -> bytes:
        # The first of several headers of one name counts, as it does at the other doors.
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(connection["headers"])}
        method: str = connection["method"]
        actor = self._guard.admit(method, headers)
        found, places = self._find(method, connection["path_params"]["path"])
        allow(actor, found.operation.scope)
        turn_clock(self._house, actor, headers)
        body = b"" if method == "GET" else await _read_body(receive, self._house.config.body_limit_mb * 2**20)
        fields = read_request(found, body, _query(connection, found.lists), places)
        return await self.run(found.operation, fields, actor.name)

    async def run(self, operation: Operation, fields: Any, actor: str) -> bytes:
        """The JSON of an operation's record; writes of several callers share a transaction."""
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
