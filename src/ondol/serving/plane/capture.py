"""The request log: appended to a file before an answer leaves, moved to the lake in the background.

One file (segment) holds records of 4 bytes of length (little endian) and a msgpack
`Record`. The write happens before the answer is sent, so a killed process loses no
acknowledged request; a record cut in half belongs to a request that nobody was
answered. Draining is keyed by the segment's name, so that doing it twice changes nothing.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from ondol.kernel.ids import new_id
from ondol.serving.types import Request

FORMAT = 1
FOLDER = "capture"


class Record(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A request, and its rows as columns (empty when not captured): key, time, features, `score`."""

    format: int = FORMAT
    request: Request
    columns: dict[str, list[Any]] = {}


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


class SegmentWriter:
    """Appends records to the segment of this process. Thread-safe."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None

    def append(self, record: Record) -> None:
        body = _encoder.encode(record)
        with self._lock:
            if self._file is None:
                self._file = self._open()
            # One write for both: a kill leaves a whole record or a tail that readers skip.
            self._file.write(len(body).to_bytes(4, "little") + body)

    def rotate(self) -> None:
        """Close the segment, so that it can be drained; the next record opens a new one."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def _open(self) -> BinaryIO:
        while True:
            file = (self._folder / f"{new_id('seg')}.log").open("xb", buffering=0)
            # The lock tells a segment in use from one whose writer is gone.
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_nlink:
                return file


def segments(home: Path) -> list[Path]:
    """All segments that wait or grow, oldest first."""
    return sorted((home / FOLDER).glob("seg_*.log"))


def read_segment(file: Path) -> Iterator[Record]:
    """The whole records of a segment; nothing when it was drained in the meantime."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return
    position = 0
    while position + 4 <= len(content):
        end = position + 4 + int.from_bytes(content[position : position + 4], "little")
        if end > len(content):
            return
        yield _decoder.decode(content[position + 4 : end])
        position = end


class ClosedSegment:
    """A segment that nobody writes to, held against other drainers until the block ends."""

    def __init__(self, file: Path) -> None:
        self.path = file
        self._handle: BinaryIO | None = None

    def __enter__(self) -> bool:
        """Whether it is ours to drain."""
        try:
            self._handle = self.path.open("rb")
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError):
            return False
        return self.path.exists()

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.close()
