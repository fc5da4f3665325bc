"""The spool: what was logged, on disk before it is sent, and until it has arrived.

Each process that logs has a folder of its own below the spool:

    log_01jd.../lock        held by the writer while it lives, then by who delivers what it left
                destination.json
                00000001.log ...   segments
                files/      copies of artifacts

A segment is 8 bytes (little endian: up to where it has been delivered), then records: 4 bytes of length (little
endian) and msgpack; a length of 0 is the end. Segments are written through shared memory maps: once
`append` has returned, the record belongs to the operating system, and survives the process being killed with -9
(not a power cut: nobody waits for the disk). The blocks are reserved when a segment is opened, so that a full disk
is an error there and not a bus error in the middle of a training.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from ondol.kernel.ids import new_id
from ondol.sdk.runs.records import decode

FORMAT = 1
SEGMENT_BYTES = 1 << 20
HEADER = 8
CHUNK_BYTES = 1 << 16
LENGTH = 4
FULL_SECONDS = 5.0
LOCK, DESTINATION, FILES = "lock", "destination.json", "files"


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where a writer's logs are to go: the house at `url`, or, without one, the house that serves `home`."""

    format: int = FORMAT
    url: str = ""
    home: str = ""


class Writer:
    """The folder of this process. `append` is thread-safe and makes a record safe from the death of the process."""

    def __init__(self, spool: Path, destination: Destination) -> None:
        """`OSError` when nothing can be written there."""
        spool.mkdir(parents=True, exist_ok=True)
        name = new_id("log")
        # Others see the folder once it is locked.
        fresh = spool / f".{name}"
        (fresh / FILES).mkdir(parents=True)
        (fresh / DESTINATION).write_bytes(msgspec.json.encode(destination))
        self._held = (fresh / LOCK).open("wb")
        fcntl.flock(self._held, fcntl.LOCK_EX)
        self.folder = fresh.rename(spool / name)
        self._lock = threading.Lock()
        self._number = 0
        self._not_before = 0.0
        self._map = mmap.mmap(-1, 1)
        self._at = self._end = 0
        self._open(SEGMENT_BYTES)

    def append(self, body: bytes) -> None:
        size = len(body)
        with self._lock:
            at = self._at
            end = at + LENGTH + size
            if end > self._end:
                self._open(HEADER + LENGTH + size)
                at, end = HEADER, HEADER + LENGTH + size
            # The length last: a reader sees a whole record or none.
            self._map[at + LENGTH : end] = body
            self._map[at : at + LENGTH] = size.to_bytes(LENGTH, "little")
            self._at = end

    def file(self) -> Path:
        """A place for the copy of an artifact."""
        return self.folder / FILES / new_id("file")

    def close(self) -> None:
        """Let go of the folder: what is in it is for whoever delivers it."""
        with self._lock:
            self._map.close()
            self._at = self._end = 0
            self._held.close()

    def abandon(self) -> None:
        """In a forked child: the folder stays the parent's."""
        self._held.close()

    def _open(self, least: int) -> None:
        if self._held.closed:
            raise ValueError("this spool is closed")
        if time.monotonic() < self._not_before:
            raise OSError("there is no room for the spool")
        size = max(SEGMENT_BYTES, least)
        fresh = self.folder / ".segment"
        try:
            with fresh.open("w+b") as file:
                file.write(bytes(size))
                file.flush()
                opened = mmap.mmap(file.fileno(), size)
        except OSError:
            # A full disk is not asked again with every point.
            self._not_before = time.monotonic() + FULL_SECONDS
            fresh.unlink(missing_ok=True)
            raise
        self._number += 1
        fresh.rename(self.folder / f"{self._number:08}.log")
        # Python holds the file open as long as the map, and closing it writes nothing.
        self._map.close()
        self._map, self._at, self._end = opened, HEADER, size


class Reader:
    """Reads a folder from where its delivery stands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        self._at = HEADER
        self._chunk, self._chunk_at = b"", 0

    def take(self, points: int) -> Iterator[msgspec.Struct]:
        """Records, until they hold so many values, or there are no more for now. All of them are asked for again
        until `done` has been called."""
        taken = 0
        for body in self._bodies():
            record = decode(body)
            yield record
            taken += max(1, len(getattr(record, "values", ())))
            if taken >= points:
                return

    def done(self) -> None:
        """What was taken has arrived."""
        if self._file is not None:
            os.pwrite(self._file.fileno(), self._at.to_bytes(HEADER, "little"), 0)
        for old in self._segments():
            if self._path is not None and old < self._path:
                old.unlink(missing_ok=True)

    def again(self) -> None:
        """What was taken has not arrived."""
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._path = None
        self._chunk, self._chunk_at = b"", 0

    def _bodies(self) -> Iterator[bytes]:
        while self._file is not None or self._next():
            if body := self._read():
                yield body
            elif not self._later():
                return
            elif body := self._read():
                # Written before the next segment was opened, and after we looked.
                yield body
            else:
                self._next()

    def _read(self) -> bytes:
        """The record at our place; nothing where there is none yet."""
        size = int.from_bytes(self._bytes(LENGTH), "little")
        if not size:
            # It may have been written since these bytes were read.
            self._chunk = b""
            size = int.from_bytes(self._bytes(LENGTH), "little")
        if not size or len(record := self._bytes(LENGTH + size)) < LENGTH + size:
            self._chunk = b""
            return b""
        self._at += LENGTH + size
        return record[LENGTH:]

    def _bytes(self, size: int) -> bytes:
        """So many bytes from our place on, fewer at the end of the file. Read in chunks: each reading hands the
        interpreter to the training."""
        assert self._file is not None
        start = self._at - self._chunk_at
        if start + size > len(self._chunk):
            self._chunk = os.pread(self._file.fileno(), max(size, CHUNK_BYTES), self._at)
            self._chunk_at, start = self._at, 0
        return self._chunk[start : start + size]

    def _next(self) -> bool:
        """Open the segment after this one; False when there is none."""
        later = self._later()
        if not later:
            return False
        with contextlib.suppress(FileNotFoundError):
            opened = later[0].open("r+b", buffering=0)
            self.close()
            self._file, self._path = opened, later[0]
            self._at = max(HEADER, int.from_bytes(os.pread(opened.fileno(), HEADER, 0), "little"))
            return True
        return False

    def _later(self) -> list[Path]:
        return [path for path in self._segments() if self._path is None or path > self._path]

    def _segments(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]*.log"))


def destination_of(folder: Path) -> Destination:
    return msgspec.json.decode((folder / DESTINATION).read_bytes(), type=Destination)


def folders(spool: Path) -> list[Path]:
    """The folders of all writers, the oldest first."""
    return sorted(spool.glob("log_*"))


@contextlib.contextmanager
def left_behind(folder: Path) -> Iterator[bool]:
    """Whether the folder's writer has gone and it is ours to deliver, until the block ends."""
    try:
        held = (folder / LOCK).open("rb")
    except FileNotFoundError:
        yield False
        return
    with held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield (folder / LOCK).exists()


def remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
