"""From a folder of the spool to the house: in order, in batches, each thing once.

Where a delivery stands is written into the segment after each batch. What is sent again because nobody could write
that down any more changes nothing: runs are made by their ids, parameters keep their value, points are the same
points, files the same files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ondol.kernel.errors import Conflict, NotFound, OndolError
from ondol.sdk.runs.records import Began, Ended, Facts, File, Points
from ondol.sdk.runs.spool import Destination, Reader, destination_of, folders, left_behind, remove
from ondol.sdk.runs.wire import FINAL, Wire

BATCH = 1_000
"""Values in one request."""
KNOWN = "known.json"
REFUSED = "refused.jsonl"


@dataclass(slots=True)
class _Log:
    """Points and facts of one run that go into one request."""

    run: str
    points: list[tuple[str, float, int, int]] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def add(self, record: Points | Facts) -> None:
        if isinstance(record, Points):
            self.points += [(key, value, record.step, record.at) for key, value in record.values.items()]
        else:
            self.params = record.params | self.params
            self.tags |= record.tags

    def halves(self) -> Iterator[_Log]:
        params, tags = list(self.params.items()), list(self.tags.items())
        for part in (0, 1):
            yield _Log(self.run, _half(self.points, part), dict(_half(params, part)), dict(_half(tags, part)))

    def __len__(self) -> int:
        return len(self.points) + len(self.params) + len(self.tags)

    def facts(self) -> dict[str, dict[str, Any]]:
        found = {"params": self.params, "tags": self.tags}
        return {name: entries for name, entries in found.items() if entries}


def _half(entries: list[Any], part: int) -> list[Any]:
    # Rounded up, so that one entry of each kind does not stay together for ever.
    middle = (len(entries) + 1) // 2
    return entries[middle:] if part else entries[:middle]


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What of a folder's delivered part still matters: runs that have begun and not ended, files that grow."""

    open: list[str] = []
    live: list[File] = []


def _read_known(folder: Path) -> Known:
    try:
        return msgspec.json.decode((folder / KNOWN).read_bytes(), type=Known)
    except FileNotFoundError:
        return Known()


class Delivery:
    """The delivery of one folder. Not thread-safe.

    `refusals`: what the house will never take, in words. It is kept in `refused.jsonl` of the spool.
    """

    def __init__(self, folder: Path, wire: Wire) -> None:
        self.folder = folder
        self.refusals: list[str] = []
        self._wire = wire
        self._reader = Reader(folder)
        self._known = _read_known(folder)
        self._sizes: dict[File, int] = {}
        """How much of each live file has been sent."""

    def batch(self) -> bool:
        """Send what waits, at most a batch; whether there was anything.

        Raises `Unavailable` when it has to be sent again.
        """
        records = list(self._reader.take(BATCH))
        if not records:
            return False
        try:
            for piece in _grouped(records):
                self._send(piece)
        except BaseException:
            self._reader.again()
            raise
        self._reader.done()
        return True

    def send_growing(self) -> None:
        """Send live files anew that have grown."""
        for record in self._known.live:
            file = self.folder / record.file
            if file.exists() and file.stat().st_size != self._sizes.get(record):
                self._put(record)

    def end_killed(self) -> None:
        """The writer has gone without a word: so have its runs, at the last sign of life."""
        written = [file.stat().st_mtime for file in self.folder.rglob("*") if file.is_file()]
        at = round(max(written, default=time.time()) * 1000)
        for run in list(self._known.open):
            self._send(Ended(run=run, status="killed", at=at))

    def close(self) -> None:
        self._reader.close()

    def _send(self, piece: Any) -> None:
        match piece:
            case _Log():
                self._log(piece)
            case Began():
                self._begin(piece)
            case File():
                self._put(piece)
            case Ended():
                self._try(piece, lambda: self._wire.end(piece))
                self._know(open=[run for run in self._known.open if run != piece.run])

    def _begin(self, record: Began) -> None:
        if not record.own and self._wire.exists(record.run):
            return
        self._try(record, lambda: self._wire.begin(record))
        if record.own:
            self._know(open=[*self._known.open, record.run])

    def _log(self, log: _Log) -> None:
        if not len(log):
            return
        try:
            self._wire.log(log.run, log.points, log.facts())
        except FINAL as error:
            # All or nothing: find the entries that are wrong, and log the others. But the run itself may be the reason.
            no_run = isinstance(error, NotFound) or (isinstance(error, Conflict) and not log.params)
            if len(log) == 1 or no_run:
                self._refuse({"points": log.points, **log.facts()}, log.run, error)
                return
            for half in log.halves():
                self._log(half)

    def _put(self, record: File) -> None:
        file = self.folder / record.file
        if not file.exists():
            return
        size = file.stat().st_size
        self._try(record, lambda: self._wire.put(record.run, record.path, file))
        if not record.live:
            file.unlink(missing_ok=True)
            return
        self._sizes[record] = size
        if record not in self._known.live:
            self._know(live=[*self._known.live, record])

    def _know(self, **changed: Any) -> None:
        """Keep in the folder what whoever goes on with it has to know."""
        self._known = msgspec.structs.replace(self._known, **changed)
        fresh = self.folder / f".{KNOWN}"
        fresh.write_bytes(msgspec.json.encode(self._known))
        fresh.rename(self.folder / KNOWN)

    def _try(self, record: Any, work: Any) -> None:
        try:
            work()
        except FINAL as error:
            self._refuse(record, record.run, error)

    def _refuse(self, what: Any, run: str, error: OndolError) -> None:
        self.refusals.append(error.message)
        line = msgspec.json.encode({"run": run, "refused": what, "because": error.message})
        with (self.folder.parent / REFUSED).open("ab") as file:
            file.write(line + b"\n")


def _grouped(records: list[Any]) -> Iterator[Any]:
    """The records with neighbouring points and facts of each run in one; the order within each run stays."""
    waiting: dict[str, _Log] = {}
    for record in records:
        if isinstance(record, Points | Facts):
            waiting.setdefault(record.run, _Log(record.run)).add(record)
            continue
        if log := waiting.pop(record.run, None):
            yield log
        yield record
    yield from waiting.values()


@dataclass(frozen=True, slots=True)
class Delivered:
    """`waiting`: folders that still hold something, and why in `problem`."""

    folders: int = 0
    waiting: int = 0
    problem: str = ""
    refusals: tuple[str, ...] = ()


def _go_on() -> None:
    """Nothing else is to be done between two batches."""


def deliver_left(
    spool: Path, token: str, *, instead: Destination | None = None, between: Callable[[], None] = _go_on
) -> Delivered:
    """Deliver what processes that are gone have left in the spool.

    `instead`: send it there, unless it was meant for a house at an address of its own. `between` is called between
    two batches; what it raises leaves the rest for later.
    """
    done, waiting, problem, refusals = 0, 0, "", list[str]()
    for folder in folders(spool):
        with left_behind(folder) as ours:
            if not ours:
                continue
            try:
                refusals += _deliver_folder(folder, token, instead, between)
                done += 1
            except Exception as error:
                # One that cannot be read must not keep the others back.
                waiting, problem = waiting + 1, str(error)
    return Delivered(done, waiting, problem, tuple(refusals))


def _deliver_folder(folder: Path, token: str, instead: Destination | None, between: Callable[[], None]) -> list[str]:
    destination = destination_of(folder)
    wire = Wire(instead if instead and not destination.url else destination, token)
    delivery = Delivery(folder, wire)
    try:
        while delivery.batch():
            between()
        delivery.send_growing()
        delivery.end_killed()
    finally:
        delivery.close()
        wire.close()
    remove(folder)
    return delivery.refusals
