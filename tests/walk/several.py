"""Several servers of one database, each a process with a home of its own, and a client that goes on with the next."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

START_SECONDS = 60
MLFLOW = "/api/2.0/mlflow/"


class Refused(Exception):
    """The server said no: its status and its words."""


class OneServer:
    """`ondol up`; keys, artifacts and the database are those of all servers."""

    def __init__(self, folder: Path, number: int, database: str) -> None:
        self.home = folder / f"home{number}"
        self.home.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        shared = {"DATABASE": database, "ARTIFACTS": str(folder / "artifacts"), "KEYS": str(folder / "keys")}
        self._environment = os.environ | {f"ONDOL_{name}": value for name, value in shared.items()}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "ondol", "up", "--home", str(self.home), "--port", str(self.port)]
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                Caller([self]).get("/health")
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.home / "server.log").read_text()[-3000:])
            time.sleep(0.05)

    def kill(self) -> None:
        """As the power would: no time to say good-bye."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class Caller:
    """One connection, to the first of the servers that answers; what was not acknowledged is sent again elsewhere."""

    def __init__(self, servers: list[OneServer]) -> None:
        self._servers = servers
        self._http: http.client.HTTPConnection | None = None

    def __del__(self) -> None:
        if self._http is not None:
            self._http.close()

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def post(self, path: str, /, **fields: Any) -> Any:
        return self._ask("POST", path, fields)

    def mlflow(self, path: str, /, **fields: Any) -> Any:
        return self.post(MLFLOW + path, **fields)

    def insist(self, path: str, /, **fields: Any) -> Any:
        """The same until a server acknowledges or refuses it: for what may be said twice."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.mlflow(path, **fields)
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _ask(self, method: str, path: str, fields: Any) -> Any:
        if self._http is None:
            self._http = http.client.HTTPConnection("127.0.0.1", self._servers[0].port, timeout=30)
        body = None if fields is None else json.dumps(fields)
        try:
            self._http.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = self._http.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._http.close()
            self._http = None
            self._servers = [*self._servers[1:], self._servers[0]]
            raise
        if answer.status != 200:
            raise Refused(answer.status, content.decode())
        return json.loads(content)
