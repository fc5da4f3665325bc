"""Sources: where rows come from that other programs write: folders, object stores, databases, APIs, topics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

import msgspec


class FoundFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as a listing shows it, without opening it. `path` is relative to the folder that was looked into, or a
    whole address."""

    path: str
    size: int
    modified_ns: int


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that arrived together. `position`: where to go on once they are stored. `origin`: for people."""

    rows: list[dict[str, Any]]
    position: dict[str, Any]
    origin: str


class SourceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to read: a declared source (`kind`, and `how` with its fields), and from where on.

    `position` is empty at first, else that of the last piece that was stored. `key` are the columns that tell rows
    apart; `now` bounds what is old enough to be read.
    """

    kind: str
    how: dict[str, Any]
    position: dict[str, Any]
    key: list[str]
    now: datetime
    root: str = ""


class Sources(Protocol):
    """Reads; writes nothing, and keeps nothing: who goes on from a piece's position gets each later row once.

    `Invalid` when the source is declared wrongly, `NotFound` when it is not there, `Refused` when rows would be
    lost or it is somewhere we do not go, `Unavailable` when another try may help. Errors name the place and never
    a secret.
    """

    def find_files(self, root: str, pattern: str) -> list[FoundFile]:
        """The files that match, by path."""

    def read_file(self, root: str, pattern: str, path: str) -> bytes:
        """The content of a file that `find_files` found with this pattern."""

    def read(self, request: SourceRequest) -> Iterator[Piece]:
        """What is there now, piece by piece, in order."""
