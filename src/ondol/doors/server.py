"""The HTTP server: all doors of one house on one port."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from ondol.access.types import Actor
from ondol.doors import inference, metrics, mlflow, openapi, pages, rest, streams, vectors
from ondol.doors.guard import LOOPBACK, Authenticate, Guard
from ondol.doors.waiting import Waiting
from ondol.heartbeat import Heartbeat
from ondol.home import House, open_house
from ondol.kernel.config import Config
from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.server_note import write_note

log = logging.getLogger("ondol")

SWITCH_SECONDS = 0.0005
"""How long one thread may keep the others waiting; Python's 5 ms are longer than most of our answers."""


def build_app(house: House) -> ASGIApp:
    """The ASGI application of a house; starts its heartbeat with the first request loop."""
    guard = Guard(house.config.host, _authenticator(house))
    plane = inference.plane_of(house)
    heartbeat = Heartbeat(house)
    door = mlflow.open_door(house, guard)

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        plane.start()
        heartbeat.start()
        yield
        heartbeat.stop()
        plane.stop()

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ready"})

    async def describe(_: Request) -> Response:
        return JSONResponse(openapi.document())

    async def unknown(_: Request, __: Exception) -> Response:
        return rest.error_response(NotFound("Nothing lives at this address.", hint="/v1/openapi.json lists all."))

    framework = Starlette(
        routes=[
            *vectors.routes(house, guard),  # first: they are asked most often
            *mlflow.routes(house, guard, door),
            Route("/health", health),
            Route("/v1/openapi.json", describe),
            *streams.routes(house, guard),
            *inference.routes(house, plane, guard),
            *metrics.routes(house, plane, guard),
            *rest.routes(house, guard),
            *pages.routes(),
        ],
        exception_handlers={HTTPException: unknown},
        lifespan=life,
    )
    behind: Any = ProxyHeadersMiddleware(framework)  # type: ignore[arg-type] # uvicorn types messages, starlette does not
    return mlflow.InFront(door, behind)


def _authenticator(house: House) -> Authenticate:
    def authenticate(secret: str) -> Actor:
        from ondol.access import service as access

        with house.tools().transaction(write=False) as tools:
            return access.authenticate(tools, secret)

    return authenticate


def serve(config: Config) -> None:
    """Serve a home in the foreground until SIGTERM or SIGINT.

    The address stands in `server.json` of the home while it serves, so that the
    command line finds it. `Invalid` for an open address without a token.
    """
    if config.host not in LOOPBACK and not config.token:
        raise Invalid(
            f"{config.host} can be reached from outside, so a token is needed.",
            hint="ONDOL_TOKEN=... ondol up --host 0.0.0.0, or stay on 127.0.0.1.",
        )
    sys.setswitchinterval(SWITCH_SECONDS)
    house = open_house(config)
    listener = _listen(config.host, config.port)
    port = listener.getsockname()[1]
    url = f"http://{_shown(config.host)}:{port}"
    note = write_note(config.home_path, url)
    waiting = Waiting(config, url)
    try:
        app = build_app(house)
        settings = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=3,
            lifespan="on",
            server_header=False,
            # Ours stands behind the calls that never ask where they came from.
            proxy_headers=False,
        )
        print(f"Ondol is up at {url}  (home {config.home_path})", flush=True)
        # uvicorn raises the signal again after its own shutdown; ours comes after that.
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, lambda *_: None)
        waiting.start()
        uvicorn.Server(settings).run(sockets=[listener])
    finally:
        waiting.stop()
        note.unlink(missing_ok=True)
        house.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Invalid(f"{host}:{port} cannot be used: {error.strerror}.", hint=f"ondol up --port {port + 1}") from error
    return listener


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
