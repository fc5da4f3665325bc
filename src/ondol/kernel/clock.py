"""What time it is in the house. Always UTC, always injected."""

from __future__ import annotations

import os
import weakref
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from ondol.kernel.errors import Conflict, Invalid


class Clock(Protocol):
    @property
    def replayed(self) -> bool:
        """Whether a person or a program moves the hands."""

    def now(self) -> datetime: ...

    def set(self, moment: datetime) -> None:
        """Move the hands; `Conflict` on a clock that runs by itself, `Invalid` backwards."""


class SystemClock:
    replayed = False

    def now(self) -> datetime:
        return datetime.now(UTC)

    def set(self, moment: datetime) -> None:
        raise Conflict(
            "This house runs on the system clock.",
            hint="Start it with `ondol up --clock 2013-04-01` to replay history.",
        )


class ReplayClock:
    """A clock that stands still until it is moved; kept in a file, so that a restart
    and the processes that run steps see the same moment."""

    replayed = True

    def __init__(self, file: Path, start: datetime | None = None) -> None:
        if not file.exists():
            if start is None:
                raise Invalid("A replay clock needs a first moment.", hint="ondol up --clock 2013-04-01")
            fresh = file.with_suffix(f".{os.getpid()}.tmp")
            fresh.write_bytes(_to_bytes(start))
            os.replace(fresh, file)
        self._handle = os.open(file, os.O_RDWR)
        weakref.finalize(self, os.close, self._handle)
        self._read = b""
        self._now = start or datetime(1970, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        found = os.pread(self._handle, _LENGTH, 0)
        if found != self._read:
            # All moments have one length and are written over the last one, which is a hundred times
            # cheaper than another file; a reader that meets a writer half-way looks again.
            while (again := os.pread(self._handle, _LENGTH, 0)) != found:
                found = again
            self._now = datetime.fromisoformat(found.decode())
            self._read = found
        return self._now

    def set(self, moment: datetime) -> None:
        if moment < self.now():
            raise Invalid(f"The clock stands at {self.now().isoformat()}; it only moves forward.")
        os.pwrite(self._handle, _to_bytes(moment), 0)


_LENGTH = len("2013-04-01T10:00:00.000000+00:00")


def _to_bytes(moment: datetime) -> bytes:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").encode()


def parse_moment(text: str) -> datetime:
    """`2013-04-01`, `2013-04-01T10:00` or with an offset; without one it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a date or a time.", hint="Write 2013-04-01 or 2013-04-01T10:00Z.") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
