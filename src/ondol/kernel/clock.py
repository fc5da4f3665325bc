"""What time it is in the house. Always UTC, always injected."""

from __future__ import annotations

import os
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
        self._file = file
        self._stamp = -1
        self._now = start or datetime(1970, 1, 1, tzinfo=UTC)
        if not file.exists():
            if start is None:
                raise Invalid("A replay clock needs a first moment.", hint="ondol up --clock 2013-04-01")
            self._write(start)

    def now(self) -> datetime:
        stamp = self._file.stat().st_mtime_ns
        if stamp != self._stamp:
            self._now = datetime.fromisoformat(self._file.read_text())
            self._stamp = stamp
        return self._now

    def set(self, moment: datetime) -> None:
        if moment < self.now():
            raise Invalid(f"The clock stands at {self.now().isoformat()}; it only moves forward.")
        self._write(moment)
        self._now = moment

    def _write(self, moment: datetime) -> None:
        fresh = self._file.with_suffix(f".{os.getpid()}.tmp")
        fresh.write_text(moment.astimezone(UTC).isoformat())
        os.replace(fresh, self._file)


def parse_moment(text: str) -> datetime:
    """`2013-04-01`, `2013-04-01T10:00` or with an offset; without one it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a date or a time.", hint="Write 2013-04-01 or 2013-04-01T10:00Z.") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
