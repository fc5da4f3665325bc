"""`mlflow-artifacts/mpu/*` of the protocol: large files in parts, several at once, to the store or through us."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ondol.doors.mlflow.protocol import endpoint, read_request, require
from ondol.doors.rest import read_body
from ondol.kernel.errors import Invalid
from ondol.ports.tools import Tools
from ondol.tracking.service import artifacts, parts

REQUEST_BYTES: Final = 4 << 20


class Create(msgspec.Struct, frozen=True, kw_only=True):
    """`path` is the file's on the client's disk: its name is the artifact's."""

    path: str
    num_parts: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    part_number: int
    etag: str = ""
    url: str = ""


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    upload_id: str
    parts: list[Part] = []


_CREATE, _FINISH = (endpoint("POST", "mpu", lambda *_: None, shape) for shape in (Create, Finish))


async def create(request: Request, tools: Tools) -> Response:
    asked: Create = read_request(_CREATE, await read_body(request, REQUEST_BYTES), {}, {})
    where = _target(request, asked.path)
    upload, addresses = await run_in_threadpool(parts.begin, tools, asked.num_parts, where)
    if addresses:
        named = enumerate(addresses, start=1)
        credentials = [{"url": url, "part_number": number, "headers": {}} for number, url in named]
        return _json({"upload_id": upload, "credentials": credentials})
    # Clients send parts to whatever address they are given, without the key that they send to us.
    key = request.headers.get("authorization")
    base = str(request.url).partition("/mpu/create")[0]
    ours = [
        {
            "url": f"{base}/mpu/part/{upload}/{number}",
            "part_number": number,
            "headers": {"Authorization": key} if key else {},
        }
        for number in range(1, asked.num_parts + 1)
    ]
    return _json({"upload_id": upload, "credentials": ours})


def receive(store: Callable[[Request, Tools, str], Awaitable[None]]) -> Callable[[Request, Tools], Awaitable[Response]]:
    """A part is stored as `store` stores files."""

    async def put(request: Request, tools: Tools) -> Response:
        upload, number = request.path_params["upload"], request.path_params["number"]
        if not (number.isascii() and number.isdigit() and len(number) < 7):
            raise Invalid(f"Invalid value {number[:80]!r} for parameter 'part_number' supplied.")
        await store(request, tools, parts.place(upload, int(number)))
        return Response(headers={"ETag": f'"{upload}-{number}"'})

    return put


async def complete(request: Request, tools: Tools) -> Response:
    asked: Finish = read_request(_FINISH, await read_body(request, REQUEST_BYTES), {}, {})
    sent = {part.part_number: part.etag for part in asked.parts}
    where = _target(request, asked.path)
    await run_in_threadpool(parts.complete, tools, asked.upload_id, sent, where)
    return _json({})


async def abort(request: Request, tools: Tools) -> Response:
    asked: Finish = read_request(_FINISH, await read_body(request, REQUEST_BYTES), {}, {})
    await run_in_threadpool(parts.abort, tools, asked.upload_id, _target(request, asked.path))
    return _json({})


def _target(request: Request, path: str) -> str:
    name = require(path.replace("\\", "/").rpartition("/")[2], "path")
    folder = request.path_params.get("path", "").rstrip("/")
    return artifacts.blob_path(f"{folder}/{name}" if folder else name)


def _json(record: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(record), media_type="application/json")
