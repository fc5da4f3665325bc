"""The bytes of files: small ones together in packs, large ones by themselves, each content once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ondol.kernel.errors import Unavailable
from ondol.lake.rules import media
from ondol.ports.blobs import Blobs

if TYPE_CHECKING:
    from blake3 import blake3

PACK_BYTES = 16 << 20
_LARGE_BYTES = 8 << 20
_CHUNK_BYTES = 4 << 20
_AT_ONCE = 512


@dataclass(slots=True)
class Content:
    """What was read of a file. `pack` and `start` say where its bytes are; empty until they are stored."""

    path: str
    digest: str
    size: int
    head: bytes
    body: bytes | None
    pack: str = ""
    start: int = 0


class Packer:
    """Stores contents that are not stored yet. Packs are named by their own hash, so that a crash leaves nothing
    half and a repetition nothing twice."""

    def __init__(self, blobs: Blobs, prefix: str, known: dict[str, tuple[str, int]]) -> None:
        self._blobs, self._prefix, self._known = blobs, prefix, known
        self._waiting: list[Content] = []
        self._same: list[Content] = []
        self._waiting_bytes = 0
        self.stored_bytes = 0

    def add(self, folder: Path, content: Content) -> None:
        if content.digest in self._known:
            self._same.append(content)
        elif content.body is None:
            self._store_large(folder, content)
        else:
            self._known[content.digest] = ("", 0)
            self._waiting.append(content)
            self._waiting_bytes += content.size
            if self._waiting_bytes >= PACK_BYTES:
                self._flush()

    def finish(self) -> None:
        self._flush()
        for content in self._same:
            content.pack, content.start = self._known[content.digest]

    def _flush(self) -> None:
        if not self._waiting:
            return
        bodies = [content.body or b"" for content in self._waiting]
        packed = b"".join(bodies)
        pack = self._path(_hash(packed))
        self._blobs.put(pack, packed)
        start = 0
        for content, body in zip(self._waiting, bodies, strict=True):
            content.pack, content.start, content.body = pack, start, b""
            self._known[content.digest] = (pack, start)
            start += len(body)
        self.stored_bytes += len(packed)
        self._waiting, self._waiting_bytes = [], 0

    def _store_large(self, folder: Path, content: Content) -> None:
        again = _new_hash()

        def pieces() -> Iterator[bytes]:
            with (folder / content.path).open("rb") as handle:
                while piece := handle.read(_CHUNK_BYTES):
                    again.update(piece)
                    yield piece

        content.pack = self._path(content.digest)
        self._blobs.put(content.pack, pieces())
        if again.hexdigest() != content.digest:
            self._blobs.delete(content.pack)
            raise Unavailable(f"{content.path} changed while it was read.", hint="Try again when nobody writes to it.")
        self._known[content.digest] = (content.pack, 0)
        self.stored_bytes += content.size

    def _path(self, digest: str) -> str:
        return f"{self._prefix}/{digest[:2]}/{digest}"


def read_all(folder: Path, paths: Sequence[str]) -> Iterator[Content]:
    """Every file's hash and, unless it is large, its bytes; some at once, on all cores."""
    if len(paths) <= 2:
        yield from (_read(folder, path) for path in paths)
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(paths), _AT_ONCE):
            some = paths[start : start + _AT_ONCE]
            groups = [some[place : place + 32] for place in range(0, len(some), 32)]
            for found in pool.map(lambda group: [_read(folder, path) for path in group], groups):
                yield from found


def unpack(blobs: Blobs, pack: str, parts: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """The contents at `(start, bytes)` of a pack, which is read once."""
    first, last = min(start for start, _ in parts), max(start + size for start, size in parts)
    whole = b"".join(blobs.stream(pack, first, last)) if last > first else b""
    for start, size in parts:
        yield whole[start - first : start - first + size]


def _read(folder: Path, path: str) -> Content:
    file = folder / path
    try:
        with file.open("rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            if size > _LARGE_BYTES:
                hasher = _new_hash(threads=True)
                hasher.update_mmap(file)
                return Content(path, hasher.hexdigest(), size, handle.read(media.HEAD_BYTES), None)
            body = handle.read()
    except FileNotFoundError as error:
        raise Unavailable(f"{path} was deleted while the folder was read.", hint="Try again.") from error
    return Content(path, _hash(body), len(body), body[: media.HEAD_BYTES], body)


def _hash(body: bytes) -> str:
    hasher = _new_hash()
    hasher.update(body)
    return hasher.hexdigest()


def digest_of(body: bytes) -> str:
    return _hash(body)


def _new_hash(*, threads: bool = False) -> blake3:
    from blake3 import blake3

    return blake3(max_threads=blake3.AUTO if threads else 1)
