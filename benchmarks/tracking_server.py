"""What a tracking server costs before anybody asks it something: our server against MLflow's with its own settings."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

import msgspec

from benchmarks.measure import Benchmark, Pair, Setting, Skipped, Took
from benchmarks.peers import PEERS, Unavailable, environment
from benchmarks.servers import Server, our_server, their_server
from ondol.home import open_house
from ondol.kernel.config import Config
from ondol.tracking.service import wire
from ondol.tracking.types import Point

_POINTS = 100_000
_QUIET_SECONDS = 2.0
_PATIENCE_SECONDS = 60


class Began(msgspec.Struct, frozen=True):
    """A server that was started: CPU seconds until it answered, and what it holds once it is quiet."""

    cpu: float
    processes: int
    megabytes: float


@cache
def _ours(number: int) -> Began:
    return _began(lambda folder: our_server(folder / "home", ("", "")))


@cache
def _theirs() -> Began:
    """Once: it takes half a minute of CPU."""
    python = _python()
    return _began(lambda folder: their_server(folder, python, folder / "mlflow.db", ("", "")))


def _python() -> Path:
    try:
        return environment("mlflow")
    except Unavailable as reason:
        raise Skipped(str(reason)) from None


def _began(start: Callable[[Path], Server]) -> Began:
    folder = Path(tempfile.mkdtemp(prefix="ondol-bench-"))
    try:
        server = start(folder)
        cpu = server.cpu_seconds()
        _wait_until_quiet(server)
        found = [_megabytes(process) for process in server.processes()]
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Began(cpu, len(found), sum(found))


def _wait_until_quiet(server: Server) -> None:
    """Servers go on loading behind the first worker that answers."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        before = server.cpu_seconds()
        time.sleep(_QUIET_SECONDS)
        if server.cpu_seconds() - before < 0.1 * _QUIET_SECONDS:
            return


def _megabytes(process: int) -> float:
    """Its memory, with its part of what it shares with others."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return float(line.split()[1]) / 1024
    return 0.0


@contextmanager
def _started(setting: Setting, field: str) -> Iterator[Pair]:
    def took(began: Began) -> Took:
        value = float(getattr(began, field))
        return Took(value, value)

    _python()
    yield Pair(ours=lambda number: took(_ours(number)), against=lambda _: took(_theirs()))


@contextmanager
def _stored(setting: Setting) -> Iterator[Pair]:
    points = setting.count(_POINTS, least=10_000)
    python = _python()

    def theirs(number: int) -> float:
        file = setting.folder / f"mlflow{number}.db"
        command = [python, PEERS / "mlflow" / "fill.py", file, "1", str(number)]
        subprocess.run([*map(str, command)], capture_output=True, check=True, cwd=setting.folder)
        return file.stat().st_size

    ours = _bytes_of_ours(setting.folder / "home", points)
    against = (theirs(points) - theirs(0)) / points
    yield Pair(ours=lambda _: Took(ours, ours), against=lambda _: Took(against, against))


def _bytes_of_ours(home: Path, points: int) -> float:
    house = open_house(Config(home=str(home)))
    with house.tools().transaction(write=True) as tools:
        run = wire.create(tools, "0", name="bench", person="me", started_ms=1, tags=[]).id
    before = 0
    for first in range(-1_000, points, 1_000):
        if first == 0:
            before = _checkpointed(home)
        with house.tools().transaction(write=True) as tools:
            steps = range(max(first, 0), first + 1_000) if first >= 0 else range(0)
            rows = [Point(key="h", value=step / 7, timestamp=1_700_000_000_000 + step, step=step) for step in steps]
            wire.log(tools, run, points=rows)
    house.close()
    return (_checkpointed(home) - before) / points


def _checkpointed(home: Path) -> int:
    import sqlite3

    connection = sqlite3.connect(home / "ondol.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return (home / "ondol.db").stat().st_size


def _benchmark(name: str, what: str, field: str, unit: str, limit: float) -> Benchmark:
    return Benchmark(
        name=f"tracking/{name}",
        what=what,
        against="MLflow 3.17 on SQLite",
        open=partial(_started, field=field),
        unit=unit,
        limit=limit,
    )


BENCHMARKS = [
    _benchmark("start", "a server's start on an empty store until /health answers: CPU", "cpu", "s", 1.0),
    _benchmark("idle/processes", "processes of an idle server", "processes", "", 1.0),
    _benchmark("idle/memory", "memory of an idle server", "megabytes", "MB", 120.0),
    Benchmark(
        name="tracking/bytes",
        what="a metric point on disk",
        against="MLflow 3.17 on SQLite",
        open=_stored,
        unit="bytes",
        limit=50.0,
    ),
]
