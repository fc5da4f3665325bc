"""Predictions over HTTP: Open Inference Protocol v2, and MLflow's `/invocations`.

https://github.com/kserve/open-inference-protocol (rest/inference_rest.md)
https://mlflow.org/docs/latest/deployment/deploy-model-locally (REST scoring payloads)
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ondol.doors.guard import Guard
from ondol.doors.moment import turn_clock
from ondol.doors.rest import error_response, read_body
from ondol.home import House
from ondol.kernel.errors import Invalid, NotFound
from ondol.serving.plane.plane import Answer, Plane

SMALL_ROWS = 256
"""Requests up to this size are answered on the event loop: a hop to a thread would cost more than the work."""

BODY_LIMIT = 32 * 2**20

Columns = dict[str, list[Any]]


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class InferRequest(msgspec.Struct, frozen=True, kw_only=True):
    inputs: list[Tensor]
    id: str | None = None


class DataframeSplit(msgspec.Struct, frozen=True, kw_only=True):
    columns: list[str]
    data: list[list[Any]]


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    dataframe_split: DataframeSplit | None = None
    dataframe_records: list[dict[str, Any]] | None = None
    instances: list[dict[str, Any]] | None = None
    inputs: dict[str, list[Any]] | None = None


_infer_decoder = msgspec.json.Decoder(InferRequest)
_invocation_decoder = msgspec.json.Decoder(Invocation)


def plane_of(house: House) -> Plane:
    """A data plane that follows the traffic: changes of this process are in force before their call returns."""
    plane = Plane(house.tools("plane"))
    house.listeners.append(lambda found, _: plane.refresh() if found.scope == "deploy" else None)
    return plane


def routes(house: House, plane: Plane, guard: Guard) -> list[Route]:
    def door(answer: Callable[[Request, bytes], Any]) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            try:
                turn_clock(house, guard.admit(request.method, request.headers), request.headers)
                body = await read_body(request, BODY_LIMIT) if request.method == "POST" else b""
                return await answer(request, body)  # type: ignore[no-any-return]
            except Exception as error:
                return error_response(error)

        return handle

    async def infer(request: Request, body: bytes) -> Response:
        decoded = _decode(_infer_decoder, body)
        name = request.path_params["name"]
        answer = await _ask(plane, name, to_columns(decoded))
        return _json(to_infer_response(name, answer, decoded.id), answer)

    async def invoke(request: Request, body: bytes) -> Response:
        name = request.path_params.get("name") or request.query_params.get("endpoint") or _only(plane)
        answer = await _ask(plane, name, invocation_columns(_decode(_invocation_decoder, body)))
        return _json({"predictions": answer.scores, "request_id": answer.request_id}, answer)

    async def describe(request: Request, _: bytes) -> Response:
        live = await run_in_threadpool(plane.live, request.path_params["name"])
        inputs = {**live.service.inputs, live.service.spec.key: "string", live.service.spec.time: "timestamp"}
        record = {
            "name": live.endpoint.name,
            "versions": [str(route.number) for route in live.endpoint.traffic],
            "platform": "ondol",
            "inputs": [_tensor(name, _DATATYPES[kind]) for name, kind in inputs.items()],
            "outputs": [_tensor("score", "FP64")],
        }
        return _json(record)

    async def ready(request: Request, _: bytes) -> Response:
        await run_in_threadpool(plane.live, request.path_params["name"])
        return _json({"ready": True})

    async def alive(_: Request, __: bytes) -> Response:
        return _json({"live": True, "ready": True})

    async def server(_: Request, __: bytes) -> Response:
        return _json({"name": "ondol", "version": _version(), "extensions": []})

    return [
        Route("/v2/models/{name}/infer", door(infer), methods=["POST"]),
        Route("/v2/models/{name}/ready", door(ready)),
        Route("/v2/models/{name}", door(describe)),
        Route("/v2/health/live", door(alive)),
        Route("/v2/health/ready", door(alive)),
        Route("/v2", door(server)),
        Route("/endpoints/{name}/invocations", door(invoke), methods=["POST"]),
        Route("/invocations", door(invoke), methods=["POST"]),
    ]


async def _ask(plane: Plane, name: str, columns: Columns) -> Answer:
    size = max((len(values) for values in columns.values()), default=0)
    if size > SMALL_ROWS or not plane.is_live(name):
        return await run_in_threadpool(plane.infer, name, columns)
    return plane.infer(name, columns)


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise Invalid(f"The body is not what this address takes: {error}") from error


def to_columns(request: InferRequest) -> Columns:
    """Tensors of shape [n] or [n, 1] as columns."""
    for tensor in request.inputs:
        size = tensor.shape[0] if tensor.shape else 0
        if len(tensor.shape) not in (1, 2) or tensor.shape[1:] not in ([], [1]) or len(tensor.data) != size:
            raise Invalid(
                f"Input {tensor.name!r} has the shape {tensor.shape} and {len(tensor.data)} values.",
                hint="One input a column, of shape [n].",
            )
    return {tensor.name: tensor.data for tensor in request.inputs}


def to_infer_response(name: str, answer: Answer, given_id: str | None) -> dict[str, Any]:
    return {
        "model_name": name,
        "model_version": str(answer.number),
        "id": given_id or answer.request_id,
        "parameters": {"request_id": answer.request_id, "version": answer.version},
        "outputs": [{"name": "score", "shape": [len(answer.scores)], "datatype": "FP64", "data": answer.scores}],
    }


def invocation_columns(body: Invocation) -> Columns:
    """The four payloads of MLflow's scoring server that carry named columns."""
    if body.dataframe_split is not None:
        split = body.dataframe_split
        if any(len(row) != len(split.columns) for row in split.data):
            raise Invalid(f"Every row of dataframe_split needs {len(split.columns)} values.")
        return {name: [row[position] for row in split.data] for position, name in enumerate(split.columns)}
    records = body.dataframe_records or body.instances
    if records:
        names = dict.fromkeys(name for record in records for name in record)
        return {name: [record.get(name) for record in records] for name in names}
    if body.inputs:
        return body.inputs
    raise Invalid("The body holds no rows.", hint="Send dataframe_split, dataframe_records, instances or inputs.")


def _only(plane: Plane) -> str:
    names = plane.names()
    if len(names) == 1:
        return names[0]
    raise NotFound(f"/invocations needs one endpoint, there are {len(names)}.", hint="POST /endpoints/NAME/invocations")


def _json(record: dict[str, Any], answer: Answer | None = None) -> Response:
    headers = {"X-Request-Id": answer.request_id} if answer else None
    return Response(msgspec.json.encode(record), media_type="application/json", headers=headers)


_DATATYPES = {
    "string": "BYTES", "double": "FP64", "integer": "INT64", "boolean": "BOOL", "timestamp": "BYTES", "date": "BYTES",
}  # fmt: skip


def _tensor(name: str, datatype: str) -> dict[str, Any]:
    return {"name": name, "shape": [-1], "datatype": datatype}


def _version() -> str:
    try:
        return version("ondol")
    except PackageNotFoundError:
        return "0"
