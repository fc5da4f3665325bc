"""What logging costs a training, and how fast the logs arrive."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import peers
from benchmarks.homes import raw_sqlite
from benchmarks.measure import Benchmark, Pair, Setting, Skipped, Took
from ondol.kernel.config import Config
from ondol.kernel.server_note import running_url
from ondol.sdk.runs import state
from ondol.sdk.runs.start import start_run

_INSERT = "INSERT INTO points (run, key, step, at, value) VALUES (1, 'loss', ?, 1364774400000, ?)"


@contextmanager
def _served(setting: Setting) -> Iterator[Config]:
    """A house in a process of its own, and the channel of this process leading to it."""
    home = setting.folder / "home"
    command = [sys.executable, "-m", "ondol", "up", "--home", str(home), "--port", "0"]
    clean = {name: text for name, text in os.environ.items() if not name.startswith("ONDOL_")}
    house = subprocess.Popen(command, cwd=setting.folder, env=clean, stdout=subprocess.PIPE)
    try:
        if house.stdout is None or b"is up" not in house.stdout.readline() or not running_url(home):
            raise RuntimeError("ondol up did not start")
        config = Config(home=str(home))
        state.channel(config)
        yield config
    finally:
        state.close()
        house.terminate()
        house.communicate()


@contextmanager
def _log(setting: Setting) -> Iterator[Pair]:
    calls, steps = setting.count(20_000), itertools.count()
    with _served(setting), (setting.folder / "bare.log").open("ab", buffering=0) as bare:
        run = start_run("speed", capture=False)

        def ours(_: int) -> None:
            for _ in range(calls):
                run.log({"loss": 0.5}, step=next(steps))

        def against(_: int) -> None:
            for _ in range(calls):
                bare.write(b'{"run":"run_01jd","at":1364774400000,"step":%d,"loss":0.5}\n' % next(steps))

        # What the round before has logged is delivered between the rounds, as it would be between two batches.
        yield Pair(ours=ours, against=against, prepare=lambda _: run.flush(), calls=calls)
        run.finish()


@contextmanager
def _log_mlflow(setting: Setting) -> Iterator[Pair]:
    calls, peers_calls, steps = setting.count(20_000), setting.count(50), itertools.count()
    try:
        python = peers.environment("mlflow")
    except peers.Unavailable as error:
        raise Skipped(str(error)) from error
    script = peers.PEERS / "mlflow" / "log_metric.py"
    peer = subprocess.Popen(
        [python, script, setting.folder / "mlflow.db"],
        cwd=setting.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if peer.stdin is None or peer.stdout is None or peer.stdout.readline() != "ready\n":
        raise RuntimeError("the peer did not start")
    asked, answers = peer.stdin, peer.stdout
    try:
        with _served(setting):
            run = start_run("speed", capture=False)

            def ours(_: int) -> None:
                for _ in range(calls):
                    run.log({"loss": 0.5}, step=next(steps))

            def against(_: int) -> Took:
                print(peers_calls, file=asked, flush=True)
                wall, cpu = map(float, answers.readline().split())
                return Took(wall / peers_calls, cpu / peers_calls)

            yield Pair(ours=ours, against=against, prepare=lambda _: run.flush(), calls=calls)
            run.finish()
    finally:
        peer.communicate()


@contextmanager
def _deliver(setting: Setting) -> Iterator[Pair]:
    calls, steps = setting.count(50_000), itertools.count()
    with _served(setting), raw_sqlite(setting.folder / "raw.db") as raw:
        raw.execute(
            "CREATE TABLE points (run INTEGER, key TEXT, step INTEGER, at INTEGER, value REAL,"
            " PRIMARY KEY (run, key, at, step, value)) WITHOUT ROWID"
        )
        run = start_run("speed", capture=False)

        def ours(_: int) -> None:
            for _ in range(calls):
                run.log({"loss": 0.5}, step=next(steps))
            if not run.flush():
                raise RuntimeError("the points did not arrive")

        def against(_: int) -> None:
            for first in range(0, calls, 1_000):
                rows = [(next(steps), 0.5) for _ in range(min(1_000, calls - first))]
                raw.execute("BEGIN IMMEDIATE")
                raw.executemany(_INSERT, rows)
                raw.execute("COMMIT")

        yield Pair(ours=ours, against=against, calls=calls)
        run.finish()


BENCHMARKS = [
    Benchmark(
        name="sdk/log/file",
        what="log a value from a training, safe from kill -9, while it is delivered to a house",
        against="write one line to a file, unbuffered",
        open=_log,
    ),
    Benchmark(
        name="sdk/log/mlflow",
        what="log a value from a training, while it is delivered to a house",
        against="MLflow 3.17: log_metric into its own SQLite, no server between",
        open=_log_mlflow,
        at_most=0.025,
    ),
    Benchmark(
        name="sdk/deliver",
        what="log 50k values and have them in the house's database, by HTTP",
        against="raw sqlite3: a thousand INSERTs and a COMMIT at a time",
        open=_deliver,
    ),
]
