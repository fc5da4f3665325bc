"""What a step prints, logs and warns about, kept beside what the process prints anyway."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator
from typing import TextIO


class _Tee(io.TextIOBase):
    """Writes to the stream that was there, and to the record."""

    def __init__(self, stream: TextIO, record: io.StringIO) -> None:
        self._stream = stream
        self._record = record

    def write(self, text: str) -> int:
        self._record.write(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._stream.fileno()

    def writable(self) -> bool:
        return True


@contextlib.contextmanager
def recorded() -> Iterator[io.StringIO]:
    """Everything that Python code prints (warnings go to stderr) or logs at INFO and above, inside the block."""
    record = io.StringIO()
    handler = logging.StreamHandler(record)
    handler.setLevel(logging.INFO)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(min(level, logging.INFO))
    try:
        with (
            contextlib.redirect_stdout(_Tee(sys.stdout, record)),
            contextlib.redirect_stderr(_Tee(sys.stderr, record)),
        ):
            yield record
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
