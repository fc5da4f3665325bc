"""Delta tables that this process has open: the newest version to write to, snapshots of versions to read."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from ondol.adapters.blobs import ObjectBlobs
from ondol.adapters.delta_log import Tail
from ondol.adapters.delta_snapshot import Snapshot
from ondol.adapters.stores import Store, parse_store
from ondol.adapters.turns import blob_turn, file_turn
from ondol.kernel.errors import Invalid, NotFound, Unavailable

Answer = TypeVar("Answer")

ATTEMPTS = 30
CHECKPOINT_EVERY = 25
_OPENED_VERSIONS = 64
_SURE_SECONDS = 600
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


class Opened:
    """A table as this process knows it; one thread at a time."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.table: DeltaTable | None = None
        self.loaded_at = 0
        self.looked_at = 0.0
        self.tail: Tail | None = None


class OpenTables:
    """Where the tables are, and which of them are open."""

    def __init__(self, root: str, storage_options: dict[str, str] | None = None) -> None:
        where = parse_store(root)
        self.url = where.url
        self._root = where.folder or where.url
        self._options = _storage_options(where) | (storage_options or {})
        self._remote = where.scheme != "file"
        self._blobs = ObjectBlobs(root)
        self._guard = threading.Lock()
        self._tables: dict[str, Opened] = {}
        self._versions: OrderedDict[tuple[str, int], Snapshot] = OrderedDict()

    def version(self, table: str) -> int:
        opened = self._opened(table)
        with opened.lock:
            return self._known(table, opened).version()

    def _opened(self, table: str) -> Opened:
        if not _NAME.fullmatch(table):
            raise Invalid(f"{table!r} is not a name of a table.", hint="Write something like `silver/flights`.")
        with self._guard:
            return self._tables.setdefault(table, Opened())

    def _address(self, table: str) -> str:
        return f"{self._root}/{table}"

    def _known(self, table: str, opened: Opened) -> DeltaTable:
        known = self._refreshed(table, opened)
        if known is None:
            raise NotFound(f"There is no table {table!r}.", hint="`ondol datasets list` shows the datasets there are.")
        return known

    def _refreshed(self, table: str, opened: Opened) -> DeltaTable | None:
        """The table at its newest version; None when there is none.

        It is opened anew after each checkpoint: a table object that lives on keeps every
        commit since it was opened in memory and gets slower with each.
        """
        try:
            if opened.table is not None and self._may_be_older(table, opened):
                opened.table.update_incremental()
                opened.looked_at = time.monotonic()
            if opened.table is None or opened.table.version() // CHECKPOINT_EVERY != opened.loaded_at:
                opened.table = DeltaTable(self._address(table), storage_options=self._options or None)
                opened.loaded_at = opened.table.version() // CHECKPOINT_EVERY
                opened.looked_at = time.monotonic()
        except TableNotFoundError:
            opened.table = None
        except DeltaError as error:
            opened.table = None
            raise Unavailable(f"{table}: the table cannot be read: {first_line(error)}") from error
        return opened.table

    def _may_be_older(self, table: str, opened: Opened) -> bool:
        """Whether somebody may have written since: in a folder the file of the next version tells, for
        as long as nobody can have cleaned it away."""
        if self._remote or time.monotonic() - opened.looked_at > _SURE_SECONDS:
            return True
        assert opened.table is not None
        return Path(self._root, table, "_delta_log", f"{opened.table.version() + 1:020}.json").exists()

    def _snapshot(self, table: str, version: int | None) -> Snapshot:
        """A version, the newest by default, in an object that nobody moves to another one."""
        opened = self._opened(table)
        if version is not None:
            with self._guard:
                if found := self._versions.get((table, version)):
                    self._versions.move_to_end((table, version))
                    return found
        with opened.lock:
            newest = self._known(table, opened)
            wanted = newest.version() if version is None else version
            if not 0 <= wanted <= newest.version():
                there = newest.version()
                raise NotFound(f"The table {table!r} has no version {wanted}.", hint=f"The newest is {there}.")
            live = newest if wanted == newest.version() else self._opened_at(table, wanted)
            found = Snapshot(live, table, lambda question: self._ask(table, wanted, question))
        with self._guard:
            self._versions[table, wanted] = found
            while len(self._versions) > _OPENED_VERSIONS:
                self._versions.popitem(last=False)
        return found

    def _opened_at(self, table: str, version: int) -> DeltaTable:
        try:
            return DeltaTable(self._address(table), version=version, storage_options=self._options or None)
        except DeltaError as error:
            raise NotFound(f"The version {version} of {table!r} is no longer kept: {first_line(error)}") from error

    def _ask(self, table: str, version: int, question: Callable[[DeltaTable], Answer]) -> Answer:
        opened = self._opened(table)
        with opened.lock:
            if opened.table is not None and opened.table.version() == version:
                return question(opened.table)
        return question(self._opened_at(table, version))

    def _written(self, table: str, write: Callable[[DeltaTable | None, Opened], Answer]) -> Answer:
        """`write` on the newest version, again when another writer was faster."""
        opened = self._opened(table)
        with opened.lock:
            for attempt in range(ATTEMPTS):
                try:
                    return write(self._refreshed(table, opened), opened)
                except DeltaError as error:
                    _wait_or_raise(error, table, attempt)
                    opened.table = opened.tail = None
        raise faster(table)

    def _landed(self, table: str, opened: Opened) -> int:
        opened.table = opened.tail = None
        return self._known(table, opened).version()

    @contextmanager
    def _upkeep_turn(self, table: str) -> Iterator[bool]:
        """delta-rs 1.6 takes two compactions of the same files for compatible, and their rows would be there twice."""
        name = f"{table}/_ondol_compaction"
        if self._remote:
            with blob_turn(self._blobs, name) as mine:
                yield mine
        else:
            with file_turn(Path(self._root) / name) as mine:
                yield mine


def _storage_options(where: Store) -> dict[str, str]:
    return where.options | ({"allow_http": "true"} if where.allow_http else {})


def _wait_or_raise(error: DeltaError, table: str, attempt: int) -> None:
    """Wait a little before another attempt when another writer was faster; raise what cannot get better."""
    text = str(error)
    met = isinstance(error, CommitFailedError) or "already exists" in text or "Transaction" in text
    if not met:
        raise Unavailable(f"{table}: the write failed: {first_line(error)}") from error
    wait(attempt)


def wait(attempt: int) -> None:
    time.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))


def faster(table: str) -> Unavailable:
    return Unavailable(f"{table}: other writers were faster {ATTEMPTS} times.", hint="Try again.")


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def rows_of(commit: dict[str, Any]) -> int:
    """How many rows a commit added, as far as it says so."""
    metrics = commit.get("operationMetrics") or {}
    added = metrics.get("num_added_rows")
    if added is None and commit.get("operation") == "MERGE":
        added = metrics.get("num_target_rows_inserted", 0) + metrics.get("num_target_rows_updated", 0)
    return int(added or 0)
