"""Blobs: bytes under paths: model packages, artifacts, code, baselines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

import msgspec


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    size: int
    modified_at: datetime


class Blobs(Protocol):
    """Paths are relative, `/`-separated, without `..` (`Invalid` otherwise).

    A put is atomic: a reader sees the old bytes or the new ones. Any process and
    thread may use it. The published suite is `ondol.testing.blobs`.
    """

    url: str
    """Where the blobs are, without secrets."""

    def put(self, path: str, content: bytes | Iterable[bytes]) -> Blob: ...

    def put_new(self, path: str, content: bytes) -> bool:
        """Write only if nothing is there yet; False (and nothing written) otherwise."""

    def get(self, path: str) -> bytes:
        """`NotFound` when nothing is there."""

    def stream(self, path: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes `[start, end)` in chunks, in constant memory."""

    def head(self, path: str) -> Blob:
        """`NotFound` when nothing is there."""

    def list(self, prefix: str = "") -> Iterator[Blob]:
        """Everything below the folder `prefix`, sorted by path."""

    def delete(self, path: str) -> None:
        """Nothing happens when nothing is there."""
