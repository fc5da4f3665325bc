"""Files through the server: the protocol's artifact proxy, streamed both ways in constant memory.

https://mlflow.org/docs/latest/self-hosting/architecture/artifact-store/ (proxied artifact access)
"""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final
from urllib.parse import quote

import anyio.from_thread
import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from ondol.access.service import allow
from ondol.doors.guard import Guard
from ondol.doors.mlflow import parts
from ondol.doors.mlflow.protocol import Endpoint, MlflowError, endpoint, require, to_error
from ondol.doors.rest import read_body
from ondol.home import House
from ondol.kernel.errors import Invalid
from ondol.kernel.operation import Scope
from ondol.ports.tools import Tools
from ondol.tracking.service import artifacts, models, wire

SMALL_BYTES: Final = 1 << 20
"""Files up to this size are one read and one write: a stream costs a hop to a thread for each piece."""

DOWNLOAD_SECONDS: Final = 900
_PROXIES: Final = ("/api/2.0/mlflow-artifacts", "/api/3.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts")
_AJAX: Final = ("/ajax-api/2.0/mlflow", "/ajax-api/3.0/mlflow")

Answer = Callable[[Request, Tools], Awaitable[Response]]


class ListFiles(msgspec.Struct, frozen=True, kw_only=True):
    run_id: str = ""
    run_uuid: str = ""
    path: str = ""


def list_files(tools: Tools, request: ListFiles) -> dict[str, Any]:
    root = _run_uri(tools, request.run_id or request.run_uuid)
    return {"root_uri": root, "files": artifacts.files_below(tools, root, request.path)}


class Presign(msgspec.Struct, frozen=True, kw_only=True):
    run_id: str = ""
    model_id: str = ""
    path: str = ""
    expiration: int = 900


def presign_upload(tools: Tools, request: Presign) -> dict[str, Any]:
    return {"presigned_url": _presigned(tools, request, writes=True), "headers": {}}


def presign_download(tools: Tools, request: Presign) -> dict[str, Any]:
    where = _presigned_path(tools, request)
    found = {"presigned_url": _presigned(tools, request, writes=False), "headers": {}}
    return found | {"file_size": artifacts.size(tools, where)}


def _presigned_path(tools: Tools, request: Presign) -> str:
    if bool(request.run_id) == bool(request.model_id):
        raise Invalid("Exactly one of run_id and model_id must be provided.")
    root = _run_uri(tools, request.run_id) if request.run_id else _model_uri(tools, request.model_id)
    return f"{artifacts.folder_of(root)}/{artifacts.check_path(require(request.path, 'path'))}"


def _presigned(tools: Tools, request: Presign, *, writes: bool) -> str:
    where = _presigned_path(tools, request)
    if found := artifacts.address(tools, where, request.expiration, writes=writes):
        return found
    raise Invalid("Presigned addresses are not supported for proxied artifact storage: the files are not in S3.")


ENDPOINTS: Final[list[Endpoint]] = [
    endpoint("GET", "artifacts/list", list_files, ListFiles, scope="read", long=True),
    endpoint("POST", "artifacts/presigned-upload-url", presign_upload, Presign, long=True),
    endpoint("POST", "artifacts/presigned-download-url", presign_download, Presign, scope="read", long=True),
]


def _model_uri(tools: Tools, model: str) -> str:
    with tools.transaction(write=False) as inner:
        found = models.read(inner, model)
    return artifacts.model_uri(found.experiment, found.location, found.id)


def _run_uri(tools: Tools, run: str) -> str:
    with tools.transaction(write=False) as inner:
        found = wire.read(inner, require(run, "run_id"))
    return artifacts.run_uri(found.experiment, found.location, found.id)


def routes(house: House, guard: Guard) -> list[BaseRoute]:
    def door(answer: Answer, scope: Scope) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            try:
                actor = guard.admit(request.method, request.headers)
                allow(actor, scope)
                return await answer(request, house.tools(actor.name))
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                status, body = to_error(error)
                return Response(body, status, media_type="application/json")

        return handle

    files = "artifacts/{path:path}"
    found: list[BaseRoute] = [Route("/get-artifact", door(_of_run, "read"))]
    for prefix in _PROXIES:
        found += [
            Route(f"{prefix}/artifacts", door(_list, "read"), methods=["GET"]),
            Route(f"{prefix}/{files}", door(_get, "read"), methods=["GET"]),
            Route(f"{prefix}/{files}", door(_put, "write"), methods=["PUT"]),
            Route(f"{prefix}/{files}", door(_delete, "write"), methods=["DELETE"]),
            Route(f"{prefix}/mpu/create/{{path:path}}", door(parts.create, "write"), methods=["POST"]),
            Route(f"{prefix}/mpu/part/{{upload}}/{{number}}", door(parts.receive(_store), "write"), methods=["PUT"]),
            Route(f"{prefix}/mpu/complete/{{path:path}}", door(parts.complete, "write"), methods=["POST"]),
            Route(f"{prefix}/mpu/abort/{{path:path}}", door(parts.abort, "write"), methods=["POST"]),
            Route(f"{prefix}/presigned/{{path:path}}", door(_address, "read"), methods=["GET"]),
            Route(f"{prefix}/{{rest:path}}", door(_unknown, "read"), methods=["GET", "POST", "PUT", "DELETE"]),
        ]
    for prefix in _AJAX:
        found += [
            Route(f"{prefix}/upload-artifact", door(_upload, "write"), methods=["POST"]),
            Route(f"{prefix}/logged-models/{{model}}/artifacts/files", door(_of_model, "read"), methods=["GET"]),
        ]
    return found


async def _list(request: Request, tools: Tools) -> Response:
    path = request.query_params.get("path", "")
    folder = artifacts.blob_path(path, reading=True) if path.strip("/") else artifacts.ELSEWHERE
    return _json({"files": await run_in_threadpool(artifacts.children, tools, folder)})


async def _get(request: Request, tools: Tools) -> Response:
    return await _send(tools, artifacts.blob_path(request.path_params["path"], reading=True))


async def _put(request: Request, tools: Tools) -> Response:
    where = artifacts.blob_path(request.path_params["path"])
    await _store(request, tools, where)
    return _json({})


async def _delete(request: Request, tools: Tools) -> Response:
    await run_in_threadpool(artifacts.delete, tools, artifacts.blob_path(request.path_params["path"]))
    return _json({})


async def _of_run(request: Request, tools: Tools) -> Response:
    run = request.query_params.get("run_id") or request.query_params.get("run_uuid", "")
    root = artifacts.folder_of(await run_in_threadpool(_run_uri, tools, run))
    return await _send(tools, f"{root}/{_path(request, 'path')}")


async def _of_model(request: Request, tools: Tools) -> Response:
    root = artifacts.folder_of(await run_in_threadpool(_model_uri, tools, request.path_params["model"]))
    return await _send(tools, f"{root}/{_path(request, 'artifact_file_path')}")


async def _upload(request: Request, tools: Tools) -> Response:
    run = request.query_params.get("run_uuid") or request.query_params.get("run_id", "")
    root = artifacts.folder_of(await run_in_threadpool(_run_uri, tools, run))
    await _store(request, tools, f"{root}/{_path(request, 'path')}")
    return _json({})


async def _address(request: Request, tools: Tools) -> Response:
    where = artifacts.blob_path(request.path_params["path"], reading=True)
    url = artifacts.address(tools, where, DOWNLOAD_SECONDS, writes=False)
    if not url:
        # On this word clients read the file from us.
        raise MlflowError("NOT_IMPLEMENTED", "The files are not in a store that clients can reach themselves.")
    return _json({"url": url, "headers": {}, "file_size": await run_in_threadpool(artifacts.size, tools, where)})


async def _unknown(request: Request, _: Tools) -> Response:
    raise MlflowError("ENDPOINT_NOT_FOUND", f"There is no {request.method} {request.url.path} here.")


def _path(request: Request, name: str) -> str:
    return artifacts.check_path(require(request.query_params.get(name, ""), name))


async def _store(request: Request, tools: Tools, where: str) -> None:
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) <= SMALL_BYTES:
        await run_in_threadpool(artifacts.put, tools, where, await read_body(request, SMALL_BYTES))
        return
    pieces = request.stream()
    await run_in_threadpool(artifacts.put, tools, where, _pulled(pieces))


def _pulled(pieces: AsyncIterator[bytes]) -> Iterator[bytes]:
    """The request's body from inside a thread, a piece at a time, so that a fast sender waits for a slow disk."""

    async def following() -> bytes | None:
        return await anext(pieces, None)

    while (piece := anyio.from_thread.run(following)) is not None:
        if piece:
            yield piece


async def _send(tools: Tools, where: str) -> Response:
    content = await run_in_threadpool(artifacts.small_or_stream, tools, where, SMALL_BYTES)
    name = where.rpartition("/")[2]
    headers = {
        # A stored file must never run as a page of this origin.
        "Content-Security-Policy": "sandbox",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
    }
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if isinstance(content, bytes):
        return Response(content, headers=headers, media_type=media_type)
    return StreamingResponse(content, headers=headers, media_type=media_type)


def _json(record: Any) -> Response:
    return Response(msgspec.json.encode(record), media_type="application/json")
