"""What tests of runs need: a house that serves a home, a script that trains in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ondol.doors.client import Client
from ondol.doors.server import build_app
from ondol.home import open_house
from ondol.kernel.config import Config
from ondol.kernel.server_note import write_note
from ondol.sdk.runs.delivery import Delivered, deliver_left
from ondol.sdk.runs.spool import folders
from tests.rooms import served


@dataclass
class Place:
    """A folder with a home in it, in which scripts are run."""

    folder: Path
    scripts: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def config(self) -> Config:
        return Config(home=str(self.folder / ".ondol"))

    @contextmanager
    def open(self) -> Iterator[Client]:
        """A house serves the home inside the block."""
        house = open_house(self.config)
        try:
            with served(build_app(house)) as url, Client(url) as client:
                note = write_note(self.config.home_path, url)
                try:
                    yield client
                finally:
                    note.unlink(missing_ok=True)
        finally:
            house.close()

    def start(self, program: str, **environment: str) -> subprocess.Popen[str]:
        file = self.folder / "train.py"
        file.write_text("import ondol as od\n" + textwrap.dedent(program))
        clean = {name: text for name, text in os.environ.items() if not name.startswith("ONDOL_")}
        started = subprocess.Popen(
            [sys.executable, "-u", str(file)],
            cwd=self.folder,
            env={**clean, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.scripts.append(started)
        return started

    def run(self, program: str, **environment: str) -> tuple[int, str, str]:
        """Exit status, stdout and stderr of a script that ran to its end."""
        started = self.start(program, **environment)
        out, err = started.communicate(timeout=60)
        return started.returncode, out, err

    def waiting(self) -> list[Path]:
        return folders(self.config.spool_path)

    def deliver(self) -> Delivered:
        return deliver_left(self.config.spool_path, "")

    def close(self) -> None:
        for script in self.scripts:
            script.kill()
            script.communicate()


def points(client: Client, run: str, metric: str) -> list[tuple[int, Any]]:
    return [(point.step, point.value) for point in client.runs.history(run=run, metric=metric, limit=100_000)]
