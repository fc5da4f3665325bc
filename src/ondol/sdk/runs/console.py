"""What a script prints, kept beside where it is printed anyway."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections import deque
from pathlib import Path
from typing import Any

HEAD_BYTES = 1 << 20
TAIL_BYTES = 1 << 18


class Console:
    """Copies stdout and stderr of Python code to a file: the first megabyte, and the last quarter of one."""

    def __init__(self, file: Path) -> None:
        # Appended to by forked processes, too.
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._renew()
        again = weakref.WeakMethod(self._renew)
        # Another thread may be printing while this one forks.
        os.register_at_fork(after_in_child=lambda: (renew := again()) and renew())
        self._left = HEAD_BYTES
        self._tail: deque[bytes] = deque()
        self._tail_bytes = self._lost = 0
        self._streams = {name: _Tee(getattr(sys, name), self) for name in ("stdout", "stderr")}
        for name, tee in self._streams.items():
            setattr(sys, name, tee)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def keep(self, text: str) -> None:
        content = text.encode(errors="replace")
        with self._lock:
            if self._file < 0:
                return
            if self._left >= len(content):
                os.write(self._file, content)
                self._left -= len(content)
                return
            self._left = 0
            self._tail.append(content)
            self._tail_bytes += len(content)
            while self._tail_bytes > TAIL_BYTES and len(self._tail) > 1:
                lost = len(self._tail.popleft())
                self._tail_bytes -= lost
                self._lost += lost

    def close(self) -> None:
        for name, tee in self._streams.items():
            # Somebody else may have put a stream over ours meanwhile.
            if getattr(sys, name) is tee:
                setattr(sys, name, tee.stream)
        with self._lock:
            if self._tail:
                note = f"\n... {self._lost} bytes left out ...\n" if self._lost else ""
                os.write(self._file, note.encode() + b"".join(self._tail)[-TAIL_BYTES:])
            os.close(self._file)
            self._file = -1


class _Tee:
    """The stream, in everything but that what is written is kept, too."""

    def __init__(self, stream: Any, console: Console) -> None:
        self.stream = stream
        self._console = console

    def write(self, text: str) -> Any:
        written = self.stream.write(text)
        try:
            self._console.keep(text)
        except (OSError, TypeError, ValueError, AttributeError):
            return written
        return written

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __iter__(self) -> Any:
        return iter(self.stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
