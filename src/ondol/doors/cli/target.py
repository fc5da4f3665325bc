"""Which house a command talks to: one that serves, or the home itself, opened for the moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from ondol.kernel.config import load_config
from ondol.kernel.operation import Operation


class Target:
    """`--url` wins, then `ONDOL_URL`, then the house that serves `--home` now, then the home without a server."""

    def __init__(self, home: str | None, url: str | None, token: str | None) -> None:
        self.config = load_config(home=home, token=token)
        self.url = url or self.config.url

    def call(self, found: Operation, fields: dict[str, Any]) -> Any:
        from ondol.doors.client import Client
        from ondol.kernel.server_note import running_url

        url = self.url or running_url(self.config.home_path)
        if url:
            with Client(url, token=self.config.token, timeout=600) as client:
                return client.send(found, fields)
        from ondol.home import open_house

        house = open_house(self.config)
        try:
            return house.call(found, fields, actor="local")
        finally:
            house.close()

    @contextmanager
    def client(self) -> Iterator[Any]:
        """A client of the house that serves; `Unavailable` when none does."""
        from ondol.doors.client import Client
        from ondol.kernel.errors import Unavailable
        from ondol.kernel.server_note import running_url

        url = self.url or running_url(self.config.home_path)
        if not url:
            raise Unavailable(f"No house serves {self.config.home_path}.", hint="ondol up")
        with Client(url, token=self.config.token, timeout=600) as client:
            yield client

    def project_file(self, given: str | None) -> Path:
        file = Path(given or "project.py")
        if not file.is_file():
            raise click.ClickException(f"There is no {file}.\n  next: ondol new myproject, or --file PATH")
        return file
