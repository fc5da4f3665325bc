"""Blobs: bytes under paths: model packages, artifacts, code, baselines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    size: int
    modified_at: datetime


class Direct(Protocol):
    """Addresses by which others reach the store themselves, each signed for one thing to do with one blob."""

    in_parts: bool
    """Whether large blobs may be sent in parts: the rest of the methods."""

    def address(self, path: str, seconds: int, *, writes: bool) -> str:
        """Where to GET the blob, or to PUT it. Whether it is there is not asked."""
        ...

    def begin(self, path: str) -> str:
        """The id of an upload in parts."""
        ...

    def part_address(self, path: str, upload: str, number: int, seconds: int) -> str:
        """Where to PUT a part, which is answered with an `ETag`."""
        ...

    def finish(self, path: str, upload: str, parts: Sequence[tuple[int, str]]) -> None:
        """Join the parts, by number and `ETag`. `NotFound` without such an upload, `Invalid` for parts that are not
        there or too small."""
        ...

    def abandon(self, path: str, upload: str) -> None:
        """Forget an upload and its parts. Nothing happens when there is none."""
        ...


class Blobs(Protocol):
    """Paths are relative, `/`-separated, without `..` (`Invalid` otherwise).

    A put is atomic: a reader sees the old bytes or the new ones. Any process and
    thread may use it. The published suite is `ondol.testing.blobs`.
    """

    url: str
    """Where the blobs are, without secrets."""

    direct: Direct | None
    """Only of stores that hand out addresses."""

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
