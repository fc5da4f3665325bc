"""Artifacts of other trackers that lie in a folder of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ondol.exchange.source import SourceFile
from ondol.kernel.errors import Unavailable

CHUNK = 1 << 20
PROXIED = "mlflow-artifacts:"


def folder_of(uri: str, root: str) -> Path:
    """Where the artifacts of a run are on this machine; `root` is the folder behind a server's proxy.

    `Unavailable` for stores that are not folders.
    """
    if uri.startswith(PROXIED):
        if not root:
            raise Unavailable(
                "The artifacts went through the server of this database.",
                hint="Name its folder (--artifacts-destination of `mlflow server`): --artifacts FOLDER",
            )
        return Path(root) / unquote(urlsplit(uri).path).lstrip("/")
    parts = urlsplit(uri)
    if parts.scheme not in ("", "file"):
        raise Unavailable(
            f"The artifacts are kept at {uri}.", hint="Import from the running server: ondol import mlflow http://..."
        )
    return Path(unquote(parts.path) if parts.scheme else uri)


def files_below(folder: Path) -> Iterator[SourceFile]:
    """Plain files only: a link could lead anywhere."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield SourceFile(path=file.relative_to(folder).as_posix(), size=file.stat().st_size)


def chunks_of(file: Path) -> Iterator[bytes]:
    with file.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            yield chunk
