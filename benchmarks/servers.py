"""Our server and MLflow's, each in processes of its own, filled alike and asked by the same client."""

from __future__ import annotations

import atexit
import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.measure import Skipped
from benchmarks.peers import PEERS, Unavailable, environment
from ondol.home import open_house
from ondol.kernel.config import Config
from ondol.tracking.service import wire
from ondol.tracking.types import KeyValue, Point

START_SECONDS = 180
_TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A running server. `experiment` holds the runs to search, `run` the metric with a long history."""

    def __init__(
        self,
        command: list[str | Path],
        port: int,
        filled: tuple[str, str],
        about: dict[str, str],
        besides: tuple[int, ...] = (),
    ) -> None:
        """`about` is added to the environment; `besides` are processes (a database) whose CPU time counts as well."""
        self.port = port
        self.runs = 0
        self.experiment, self.run = filled
        # Its own session, so that its children are counted and ended with it.
        self._process = subprocess.Popen(
            [*map(str, command)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | about,
        )
        atexit.register(self.stop)
        self._counted = {self._process.pid, *besides}
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.client().get("/health")
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise Skipped(f"{command[0]} did not start (exit code {self._process.poll()})")
            time.sleep(0.05)

    def client(self) -> Client:
        return Client(self.port)

    def cpu_seconds(self) -> float:
        """CPU time of the server and of the processes that it started and that live."""
        return sum(sum(map(int, fields[11:15])) for _, fields in self._living()) / _TICKS

    def processes(self) -> list[int]:
        return [number for number, _ in self._living()]

    def _living(self) -> Iterator[tuple[int, list[str]]]:
        for file in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = file.read_text().rpartition(")")[2].split()
                # By session, or by parent: each process of PostgreSQL begins a session of its own.
                if self._counted & {int(fields[1]), int(fields[3])}:
                    yield int(file.parent.name), fields

    def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Client:
    """Raw REST over one connection that stays open; opened again when the server has closed it meanwhile."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        self._connect()

    def _connect(self) -> None:
        self._http.close()
        self._http.connect()
        self._http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get(self, path: str) -> bytes:
        return self._answer("GET", path, None)

    def put(self, path: str, body: bytes) -> bytes:
        return self._answer("PUT", path, body)

    def post(self, path: str, **fields: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._answer("POST", f"/api/2.0/mlflow/{path}", json.dumps(fields).encode()))
        return found

    def send(self, method: str, path: str, body: bytes) -> bytes:
        return self._answer(method, path, body)

    def _answer(self, method: str, path: str, body: bytes | None) -> bytes:
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            self._http.request(method, path, body, headers)
            answer = self._http.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            self._connect()
            self._http.request(method, path, body, headers)
            answer = self._http.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return content


@cache
def both(runs: int, points: int) -> tuple[Server, Server]:
    """Ours and MLflow's, started by the first benchmark that asks and gone with this process."""
    try:
        python = environment("mlflow")
    except Unavailable as reason:
        raise Skipped(str(reason)) from None
    folder = Path(tempfile.mkdtemp(prefix="ondol-bench-"))
    # Whoever ends this process ends the servers with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return _ours(folder, runs, points), _theirs(folder, python, runs, points)


def _ours(folder: Path, runs: int, points: int) -> Server:
    return our_server(folder / "home", _fill(folder / "home", runs, points))


def our_server(home: Path, filled: tuple[str, str]) -> Server:
    port = free_port()
    return Server([sys.executable, "-m", "ondol", "up", "--home", home, "--port", str(port)], port, filled, {})


def _theirs(folder: Path, python: Path, runs: int, points: int) -> Server:
    file = folder / "mlflow.db"
    made = subprocess.run(
        [python, PEERS / "mlflow" / "fill.py", file, str(runs), str(points)],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    experiment, run = made.stdout.split()[-2:]
    return their_server(folder, python, file, (experiment, run))


def their_server(folder: Path, python: Path, file: Path, filled: tuple[str, str]) -> Server:
    """As it comes, with as many workers as it likes."""
    port = free_port()
    command: list[str | Path] = [
        python, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--backend-store-uri", f"sqlite:///{file}", "--artifacts-destination", folder / "files",
    ]  # fmt: skip
    return Server(command, port, filled, {"PYTHONWARNINGS": "ignore", "HOME": str(folder)})


def _fill(home: Path, runs: int, points: int) -> tuple[str, str]:
    chance = random.Random(1)
    house = open_house(Config(home=str(home)))
    experiment: str = house.call("experiments.create", {"name": "bench"}).id
    first = ""
    for start in range(0, runs, 500):
        with house.tools().transaction(write=True) as tools:
            for number in range(start, min(start + 500, runs)):
                begun = 1_700_000_000_000 + chance.randrange(10**9)
                made = wire.create(
                    tools,
                    experiment,
                    name=f"run{number}",
                    person="me",
                    started_ms=begun,
                    tags=_entries("t", 3, 5, chance),
                )
                metrics = [Point(key=f"m{place}", value=chance.random(), timestamp=1) for place in range(5)]
                wire.log(tools, made.id, points=metrics, params=_entries("p", 5, 10, chance))
                first = first or made.id
    for start in range(0, points, 1_000):
        with house.tools().transaction(write=True) as tools:
            history = [
                Point(key="h", value=chance.random(), timestamp=1_700_000_000_000 + number, step=number)
                for number in range(start, min(start + 1_000, points))
            ]
            wire.log(tools, first, points=history)
    house.close()
    return experiment, first


def _entries(name: str, count: int, values: int, chance: random.Random) -> list[KeyValue]:
    return [KeyValue(key=f"{name}{place}", value=str(chance.randrange(values))) for place in range(count)]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def pages(client: Client, path: str) -> Iterator[dict[str, Any]]:
    """Every page of a list that is asked for by GET."""
    token = ""
    while True:
        page: dict[str, Any] = json.loads(client.get(path + (f"&page_token={token}" if token else "")))
        yield page
        token = page.get("next_page_token", "")
        if not token:
            return


Work = Callable[[Server, Client, int], object]
