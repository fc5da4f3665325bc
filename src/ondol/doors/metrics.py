"""`GET /metrics`: the house in the Prometheus text format, version 0.0.4.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ondol.doors.guard import Guard
from ondol.doors.rest import error_response
from ondol.home import House
from ondol.serving.plane.plane import Plane


def routes(house: House, plane: Plane, guard: Guard) -> list[Route]:
    async def metrics(request: Request) -> Response:
        try:
            guard.admit(request.method, request.headers)
            lines = await run_in_threadpool(lambda: list(_lines(house, plane)))
        except Exception as error:
            return error_response(error)
        return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")

    return [Route("/metrics", metrics)]


def _lines(house: House, plane: Plane) -> Iterator[str]:
    clock = house.call("clock.get")
    yield "# HELP ondol_undelivered_events Events that a reaction has not answered yet."
    yield "# TYPE ondol_undelivered_events gauge"
    yield f"ondol_undelivered_events {clock.undelivered}"
    yield "# HELP ondol_open_jobs Jobs that have not ended."
    yield "# TYPE ondol_open_jobs gauge"
    yield f"ondol_open_jobs {clock.open_jobs}"
    yield from _views(house)
    yield from plane.counters.lines()


def _views(house: House) -> Iterator[str]:
    views = house.call("views.list")
    for name, what, read in _OF_VIEWS:
        yield f"# HELP ondol_feature_view_{name} {what}"
        yield f"# TYPE ondol_feature_view_{name} gauge"
        for view in views:
            if (value := read(view)) is not None:
                yield f'ondol_feature_view_{name}{{view="{view.name}"}} {value}'


_OF_VIEWS: tuple[tuple[str, str, Callable[[Any], float | None]], ...] = (
    ("age_seconds", "How long ago the newest row online happened.", lambda view: view.freshness.age_seconds),
    ("behind_seconds", "How much newer the dataset's newest row is.", lambda view: view.freshness.behind_seconds),
    ("online_keys", "Keys that have values online.", lambda view: view.online_keys),
)
