"""A house of its own for a test: SQLite and files in a temporary folder, time that the test moves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from starlette.types import ASGIApp

from ondol.doors.client import Client
from ondol.home import House, open_house
from ondol.kernel.config import Config

START = "2013-04-01"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An open house on a replay clock; nothing runs in the background: use `heartbeat.settle(house)`."""
    opened = open_house(Config(home=str(tmp_path / "home"), clock=START, warm_runner_minutes=0))
    yield opened
    opened.close()


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The address of an application that a real server serves in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture
def open_doors(house: House) -> Iterator[Client]:
    """A client of the house, whose doors are open and whose heartbeat runs."""
    from ondol.doors.server import build_app

    with served(build_app(house)) as url, Client(url) as client:
        yield client
