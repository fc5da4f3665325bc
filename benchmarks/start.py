"""Processes that start: the command line and the server, against the libraries that they need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Benchmark, Pair, Setting

_PATIENCE_SECONDS = 120


@contextmanager
def _help(setting: Setting) -> Iterator[Pair]:
    yield Pair(
        ours=lambda _: _finish(setting.folder, "-m", "ondol", "--help"),
        against=lambda _: _finish(setting.folder, "-c", "import click"),
    )


@contextmanager
def _up(setting: Setting) -> Iterator[Pair]:
    # The pair that is not counted creates the home; the others open it again.
    yield Pair(
        ours=lambda _: _up_to_health(setting.folder),
        against=lambda _: _finish(setting.folder, "-c", "import starlette.applications, uvicorn, sqlalchemy, polars"),
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}


def _finish(folder: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=_environment(), stdout=subprocess.DEVNULL, check=True
    )  # fmt: skip


def _up_to_health(folder: Path) -> None:
    """Serve until `/health` answers, then no longer: what stopping costs is not measured."""
    note = folder / "home" / "server.json"
    note.unlink(missing_ok=True)
    command = [sys.executable, "-m", "ondol", "up", "--home", str(folder / "home"), "--port", "0"]
    process = subprocess.Popen(command, cwd=folder, env=_environment(), stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _healthy(note):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"ondol up did not answer (exit code {process.returncode})")
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()


def _healthy(note: Path) -> bool:
    try:
        url = json.loads(note.read_text())["url"]
        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, ValueError, urllib.error.URLError):
        return False


BENCHMARKS = [
    Benchmark(
        name="start/help",
        what="a process of ondol --help",
        against='python -c "import click"',
        open=_help,
    ),
    Benchmark(
        name="start/up",
        what="ondol up on a home that exists, until /health answers",
        against="python importing starlette, uvicorn, sqlalchemy, polars",
        open=_up,
    ),
]
