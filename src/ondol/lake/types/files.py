"""Trees of files as datasets: an index of paths and contents, and the bytes beside it."""

from __future__ import annotations

from typing import Literal

import msgspec

FILE_COLUMNS: dict[str, Literal["string", "integer", "timestamp"]] = {
    "path": "string",
    "blake3": "string",
    "bytes": "integer",
    "media_type": "string",
    "width": "integer",
    "height": "integer",
    "modified_at": "timestamp",
    "pack": "string",
    "start": "integer",
}
"""`path` is relative to the folder. `blake3` is the hash of the bytes, in hexadecimal digits. `width` and `height` are
those of images in pixels. The bytes are those of the blob `pack` from `start` on."""


class AddFiles(msgspec.Struct, frozen=True, kw_only=True):
    """`folder` is one on the machine of the house, relative to the project's, or absolute; without it, the one that
    the dataset declares. A dataset that nobody has declared comes into being."""

    dataset: str
    folder: str = ""


class AddedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """`files` and `bytes` are all that the version holds; `read` is how many files had to be read to know."""

    dataset: str
    version: int
    files: int
    bytes: int
    added: int
    changed: int
    removed: int
    read: int
    stored_bytes: int
    """Bytes that were not stored before."""


class CheckOutFiles(msgspec.Struct, frozen=True, kw_only=True):
    """`version` -1 is the newest. With `clean`, files of the folder that the version does not hold are deleted."""

    dataset: str
    folder: str
    version: int = -1
    clean: bool = False


class CheckedOutFiles(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str
    version: int
    folder: str
    written: int
    kept: int
    removed: int


class GetFile(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str
    path: str
    version: int = -1
