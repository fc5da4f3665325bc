"""What another tracker holds, read one run at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
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


class SourceModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a run has logged, before anybody registered it (MLflow 3)."""

    id: str
    name: str
    created_ms: int
    artifacts: str
    kind: str = ""
    status: str = "READY"
    source_run: str = ""
    deleted: bool = False
    params: dict[str, str] = {}
    tags: dict[str, str] = {}


class SourceVersion(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    source: str
    artifacts: str = ""
    """Where its files are; empty when `source` says it."""
    run: str = ""
    run_link: str = ""
    description: str = ""
    stage: str = "None"
    tags: dict[str, str] = {}


class SourceRegistered(msgspec.Struct, frozen=True, kw_only=True):
    """A registered model; `aliases` are numbers of versions, which come in the order of their numbers."""

    name: str
    description: str = ""
    tags: dict[str, str] = {}
    aliases: dict[str, int] = {}
    versions: list[SourceVersion] = []


class SourceTrace(msgspec.Struct, frozen=True, kw_only=True):
    """`info` is the protocol's `TraceInfo` without its id and place; `spans` its `traces.json`, empty without one."""

    id: str
    info: dict[str, Any]
    spans: str = ""


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

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]: ...

    def traces(self, experiment: SourceExperiment) -> Iterator[SourceTrace]: ...

    def registered(self) -> Iterator[SourceRegistered]: ...

    def files(self, artifacts: str) -> Iterator[SourceFile]:
        """What lies below an address of artifacts; `Unavailable` where this source cannot look."""

    def read(self, artifacts: str, file: SourceFile) -> Iterator[bytes]:
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
