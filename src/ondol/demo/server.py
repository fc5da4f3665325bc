"""A house for the story, in a process of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from ondol.doors.client import Client
from ondol.kernel.errors import Conflict, OndolError, Unavailable
from ondol.kernel.server_note import running_url

START_SECONDS = 60


class DemoServer:
    """`ondol up` on a fresh home whose clock is replayed; stopped when the block ends."""

    def __init__(self, home: Path, port: int, clock: str) -> None:
        self.home = home
        self._port = port or _free_port()
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> DemoServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        command = [sys.executable, "-m", "ondol", "up", "--home", str(self.home), "--port", str(self._port)]
        log = (self.home / "server.log").open("ab")
        # A replayed day is many small frames: a second thread for each costs more than it brings.
        environment = {"POLARS_MAX_THREADS": "1"} | os.environ
        self._process = subprocess.Popen([*command, "--clock", self._clock], stdout=log, stderr=log, env=environment)
        log.close()
        deadline = time.monotonic() + START_SECONDS
        with Client(self.url) as client:
            while time.monotonic() < deadline and self._process.poll() is None:
                try:
                    client.request("GET", "/health")
                    return
                except OndolError:
                    time.sleep(0.05)
        tail = (self.home / "server.log").read_text(errors="replace")[-2000:]
        raise Unavailable(f"The house did not start:\n{tail}", hint="ondol demo --port 0")

    def wait(self) -> None:
        """Until the process ends or Ctrl-C."""
        assert self._process is not None
        self._process.wait()

    def kill(self) -> None:
        """As the power would: no time to say good-bye."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()


def fresh_home(home: Path) -> Path:
    """An empty folder for the story. Only a home of Ondol is ever removed, and never one that is served."""
    if url := running_url(home):
        raise Conflict(f"{home} is served at {url}.", hint="Stop it with Ctrl-C, or take another --home.")
    if home.exists() and any(home.iterdir()):
        if not (home / "ondol.db").is_file():
            raise Conflict(f"{home} is a folder with other things in it.", hint="ondol demo --home NEW_FOLDER")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    return home


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
