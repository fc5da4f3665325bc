"""The folder `mlruns/` of MLflow's file store, which MLflow itself no longer reads.

mlruns/EXPERIMENT/meta.yaml, tags/KEY
mlruns/EXPERIMENT/RUN/meta.yaml, params/KEY, tags/KEY, metrics/KEY (lines "MILLISECONDS VALUE STEP"), artifacts/
mlruns/.trash/EXPERIMENT
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ondol.exchange import local_files
from ondol.exchange.source import (
    POINTS_A_PART,
    SourceExperiment,
    SourceFile,
    SourceModel,
    SourceRegistered,
    SourceRun,
    SourceTrace,
    SourceVersion,
)
from ondol.kernel.errors import Invalid, Unavailable
from ondol.tracking.types import Point

_STATUSES = {1: "running", 2: "scheduled", 3: "finished", 4: "failed", 5: "killed"}
_META = "meta.yaml"


class FolderSource:
    """The `Source` over a folder of MLflow's file store."""

    def __init__(self, folder: Path) -> None:
        self.where = str(folder)
        self._folders = {file.parent.name: file.parent for root in (folder, folder / ".trash") for file in _metas(root)}
        if not self._folders:
            raise Invalid(f"{folder} is no mlruns folder of MLflow: no folder in it has a {_META}.")

    def close(self) -> None:
        self._folders.clear()

    def experiments(self) -> list[SourceExperiment]:
        found = []
        for identity, folder in sorted(self._folders.items()):
            meta = _read_meta(folder)
            if "experiment_id" in meta:
                deleted = meta.get("lifecycle_stage") == "deleted"
                tags = _texts(folder / "tags")
                found.append(SourceExperiment(id=identity, name=str(meta["name"]), deleted=deleted, tags=tags))
        return found

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        for file in _metas(self._folders[experiment.id]):
            meta = _read_meta(file.parent)
            if "run_id" in meta or "run_uuid" in meta:
                yield _run(file.parent, meta)

    def points(self, run: SourceRun) -> Iterator[list[Point]]:
        for key in run.metrics:
            with (Path(run.artifacts).parent / "metrics" / key).open() as lines:
                while part := list(islice(lines, POINTS_A_PART)):
                    yield [_point(key, line) for line in part if line.strip()]

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        for file in _metas(self._folders[experiment.id] / "models"):
            meta = _read_meta(file.parent)
            yield SourceModel(
                id=str(meta["model_id"]),
                name=str(meta.get("name") or meta["model_id"]),
                created_ms=int(meta.get("creation_timestamp") or 0),
                artifacts=str(file.parent / "artifacts"),
                kind=str(meta.get("model_type") or ""),
                source_run=str(meta.get("source_run_id") or ""),
                deleted=meta.get("lifecycle_stage") == "deleted",
                params=_texts(file.parent / "params"),
                tags=_texts(file.parent / "tags"),
            )

    def traces(self, experiment: SourceExperiment) -> Iterator[SourceTrace]:
        """None: MLflow kept spans in a database before anybody traced much."""
        return iter(())

    def registered(self) -> Iterator[SourceRegistered]:
        for file in _metas(Path(self.where) / "models"):
            meta, folder = _read_meta(file.parent), file.parent
            versions = [_version(part, _read_meta(part)) for part in folder.glob("version-*")]
            yield SourceRegistered(
                name=str(meta.get("name") or folder.name),
                description=str(meta.get("description") or ""),
                tags=_texts(folder / "tags"),
                aliases={alias: int(number) for alias, number in _texts(folder / "aliases").items()},
                versions=sorted(versions, key=lambda version: version.number),
            )

    def files(self, artifacts: str) -> Iterator[SourceFile]:
        return local_files.files_below(local_files.folder_of(artifacts, ""))

    def read(self, artifacts: str, file: SourceFile) -> Iterator[bytes]:
        return local_files.chunks_of(local_files.folder_of(artifacts, "") / file.path)


def _version(folder: Path, meta: dict[str, Any]) -> SourceVersion:
    return SourceVersion(
        number=int(meta.get("version") or folder.name.removeprefix("version-")),
        source=str(meta.get("source") or ""),
        artifacts=str(meta.get("storage_location") or ""),
        run=str(meta.get("run_id") or ""),
        run_link=str(meta.get("run_link") or ""),
        description=str(meta.get("description") or ""),
        stage=str(meta.get("current_stage") or "None"),
        tags=_texts(folder / "tags"),
    )


def _metas(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*/{_META}"))


def _read_meta(folder: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise Unavailable(
            "Reading an mlruns folder needs the package PyYAML.", hint='pip install "ondol[mlflow]"'
        ) from error
    try:
        found = yaml.safe_load((folder / _META).read_text())
    except yaml.YAMLError as error:
        raise Invalid(f"{folder / _META} cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def _texts(folder: Path) -> dict[str, str]:
    """One file a key; a key with slashes is a path."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_text() for file in files}


def _run(folder: Path, meta: dict[str, Any]) -> SourceRun:
    tags = _texts(folder / "tags")
    status = meta.get("status", 3)
    return SourceRun(
        id=str(meta.get("run_id") or meta["run_uuid"]),
        name=str(meta.get("run_name") or tags.get("mlflow.runName", "")),
        status=_STATUSES.get(status, "finished") if isinstance(status, int) else str(status).lower(),
        started_ms=int(meta.get("start_time") or 0),
        ended_ms=int(meta["end_time"]) if meta.get("end_time") else None,
        deleted=meta.get("lifecycle_stage") == "deleted",
        person=str(meta.get("user_id") or ""),
        artifacts=str(folder / "artifacts"),
        params=_texts(folder / "params"),
        tags=tags,
        metrics=list(_names(folder / "metrics")),
    )


def _names(folder: Path) -> Iterator[str]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix()


def _point(key: str, line: str) -> Point:
    at, value, *step = line.split()
    return Point(key=key, value=float(value), timestamp=int(float(at)), step=int(step[0]) if step else 0)
