"""What another tracker holds, read one run at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from ondol.kernel.errors import Invalid
from ondol.tracking.types import DatasetInput, Point

POINTS_A_PART = 10_000
RUN_NAME = "mlflow.runName"


class SourceExperiment(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    deleted: bool = False
    tags: dict[str, str] = {}


class SourceRun(msgspec.Struct, frozen=True, kw_only=True):
    """Moments are milliseconds since 1970 UTC. `metrics` are the keys that have points."""

    id: str
    name: str
    status: str
    started_ms: int
    ended_ms: int | None = None
    deleted: bool = False
    person: str = ""
    artifacts: str = ""
    params: dict[str, str] = {}
    tags: dict[str, str] = {}
    metrics: list[str] = []
    datasets: list[DatasetInput] = []


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    size: int


class Source(Protocol):
    """Read-only. What it lacks raises `NotFound`, what cannot be reached `Unavailable`."""

    where: str

    def experiments(self) -> list[SourceExperiment]: ...

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]: ...

    def points(self, run: SourceRun) -> Iterator[list[Point]]:
        """Every point of every metric, in parts of at most `POINTS_A_PART`."""

    def files(self, run: SourceRun) -> Iterator[SourceFile]: ...

    def read(self, run: SourceRun, file: SourceFile) -> Iterator[bytes]:
        """The file in chunks."""

    def close(self) -> None: ...


def open_source(where: str, artifacts: str = "") -> Source:
    """`where`: a database's address, an `mlruns` folder, or the address of a running server.

    `artifacts` is the folder that the server of a database kept its `mlflow-artifacts:/` in.
    Raises `Invalid` for anything else.
    """
    scheme = urlsplit(where).scheme
    if scheme in ("http", "https"):
        from ondol.exchange.mlflow_server import ServerSource

        return ServerSource(where)
    if scheme.partition("+")[0] in ("sqlite", "postgresql", "postgres"):
        from ondol.exchange.mlflow_database import DatabaseSource

        return DatabaseSource(where, artifacts)
    folder = Path(where.removeprefix("file://"))
    if folder.is_file() and folder.read_bytes()[:15] == b"SQLite format 3":
        from ondol.exchange.mlflow_database import DatabaseSource

        return DatabaseSource(f"sqlite:///{folder}", artifacts)
    if folder.is_dir():
        from ondol.exchange.mlflow_folder import FolderSource

        return FolderSource(folder)
    raise Invalid(
        f"{where!r} is nothing that MLflow keeps runs in.",
        hint="Give a folder mlruns/, a file mlflow.db, sqlite:///..., postgresql://..., or http://host:port.",
    )
