"""Answering: the data plane against the bare model, HTTP against the data plane, the log against `write`."""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
import polars as pl

from benchmarks import world
from benchmarks.homes import opened
from benchmarks.measure import Benchmark, Pair, Setting, Skipped
from ondol.features import service as features
from ondol.home import House
from ondol.registry import service as registry
from ondol.registry.types import About, DeclareModel, ModelSpec, RegisterVersion
from ondol.serving.plane.capture import Record, SegmentWriter
from ondol.serving.plane.plane import Plane
from ondol.serving.types import DeclareEndpoint, EndpointSpec, Request, SetTraffic

_NAME = "late"


def _served(house: House, setting: Setting, unit_rows: int) -> str:
    """An endpoint over 15 online features, answered by 60 trees of 31 leaves. The version's id."""
    service = world.four_views(house, setting.folder, setting.count(20_000, least=500), unit_rows)
    model = _train(features.service_of(house.tools(), service).features)
    package = registry.write_package(house.tools(), f"models/{_NAME}/1", model, About(label="delay > 15"))
    house.call("models.declare", DeclareModel(spec=ModelSpec(name=_NAME)))
    registration = RegisterVersion(
        model=_NAME, key="1", flavor="lightgbm", package=package.folder, files=package.files, service=service
    )
    version: str = house.call("versions.register", registration).id
    spec = EndpointSpec(name=_NAME, model=_NAME, service=service)
    house.call("endpoints.declare", DeclareEndpoint(spec=spec))
    house.call("endpoints.traffic", SetTraffic(endpoint=_NAME, shares={version: 1.0}))
    return version


def _train(names: list[str]) -> Any:
    try:
        import lightgbm
        import numpy as np
    except ImportError:
        raise Skipped("LightGBM is not installed: pip install 'ondol[lightgbm]'") from None
    chance = np.random.default_rng(5)
    rows = chance.normal(size=(4000, len(names)))
    labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] + chance.normal(size=4000) > 0).astype(float)
    settings = {"objective": "binary", "num_leaves": 31, "verbose": -1, "num_threads": 1, "seed": 5}
    return lightgbm.train(settings, lightgbm.Dataset(rows, labels, feature_name=names), num_boost_round=60)


@contextmanager
def _infer(setting: Setting, rows: int) -> Iterator[Pair]:
    calls, unit_rows = setting.count(200), setting.count(25_000, least=100)
    given = world.questions(rows, unit_rows)
    with opened(setting.folder) as house:
        version = _served(house, setting, unit_rows)
        tools, plane = house.tools(), Plane(house.tools())
        plane.refresh()
        predictor = registry.load(tools, version)
        ready = features.vectors(tools, plane.live(_NAME).service, pl.DataFrame(given), tools.now())
        if plane.infer(_NAME, given).scores != predictor.predict(ready):
            raise RuntimeError("the two sides do not answer the same")

        def ours(_: int) -> None:
            for _ in range(calls):
                plane.infer(_NAME, given)

        def against(_: int) -> None:
            for _ in range(calls):
                predictor.predict(ready)

        yield Pair(ours=ours, against=against, calls=calls)
        plane.flush()


@contextmanager
def _http(setting: Setting, rows: int) -> Iterator[Pair]:
    calls, unit_rows = setting.count(200), setting.count(25_000, least=100)
    given = world.questions(rows, unit_rows)
    body = json.dumps({"inputs": [_tensor(name, values) for name, values in given.items()]}).encode()
    with opened(setting.folder) as house:
        _served(house, setting, unit_rows)
        plane = Plane(house.tools())
        plane.refresh()
        with _door(house) as port:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

            def ours(_: int) -> None:
                for _ in range(calls):
                    _post(connection, body, rows)

            def against(_: int) -> None:
                for _ in range(calls):
                    plane.infer(_NAME, given)

            yield Pair(ours=ours, against=against, calls=calls)
            connection.close()
        plane.flush()


def _tensor(name: str, values: list[str]) -> dict[str, Any]:
    return {"name": name, "shape": [len(values)], "datatype": "BYTES", "data": values}


def _post(connection: http.client.HTTPConnection, body: bytes, rows: int) -> None:
    connection.request("POST", f"/v2/models/{_NAME}/infer", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200 or len(json.loads(content)["outputs"][0]["data"]) != rows:
        raise RuntimeError(f"{answer.status}: {content[:300]!r}")


@contextmanager
def _door(house: House) -> Iterator[int]:
    """The port of a server in a thread: client and server share one interpreter, to the disadvantage of both."""
    import uvicorn

    from ondol.doors.server import build_app

    settings = uvicorn.Config(
        build_app(house), port=0, log_level="warning", access_log=False, lifespan="on", server_header=False
    )
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        time.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=30)


@contextmanager
def _capture(setting: Setting) -> Iterator[Pair]:
    calls, record = setting.count(1000), _record()
    body = msgspec.msgpack.encode(record)
    whole = len(body).to_bytes(4, "little") + body
    writer = SegmentWriter(setting.folder)
    raw = os.open(setting.folder / "raw.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def ours(_: int) -> None:
        for _ in range(calls):
            writer.append(record)

    def against(_: int) -> None:
        for _ in range(calls):
            os.write(raw, whole)

    yield Pair(ours=ours, against=against, calls=calls)
    writer.rotate()
    os.close(raw)


def _record() -> Record:
    """A request of 30 rows with 15 features."""
    chance, at = random.Random(6), world.last_hour()
    answered = {"version": "mv_1", "number": 1, "role": "champion", "rows": 30, "latency_ms": 1.5, "status": 200}
    request = msgspec.convert({"id": "req_1", "endpoint": _NAME, "at": at, **answered}, Request)
    columns: dict[str, list[Any]] = {"trip": [f"t{number}" for number in range(30)], "begun_at": [at] * 30}
    columns |= {f"feature{number}": [chance.gauss(0, 1) for _ in range(30)] for number in range(15)}
    return Record(request=request, columns=columns | {"score": [chance.random() for _ in range(30)]})


BENCHMARKS = [
    *(
        Benchmark(
            name=f"serving/infer/{rows}",
            what=f"plane.infer by keys: online features, model, log; {rows} row{'s' * (rows > 1)}",
            against="the bare model on a ready frame",
            open=partial(_infer, rows=rows),
        )
        for rows in (1, 50)
    ),
    *(
        Benchmark(
            name=f"serving/http/{rows}",
            what=f"the same over HTTP, keep-alive; {rows} row{'s' * (rows > 1)}",
            against="plane.infer in this process",
            open=partial(_http, rows=rows),
        )
        for rows in (1, 50)
    ),
    Benchmark(
        name="serving/capture",
        what="a request of 30 rows x 15 features into the log",
        against="raw os.write of the same bytes",
        open=_capture,
    ),
]
