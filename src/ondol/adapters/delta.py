"""Tables on Delta Lake: readable by Spark, Trino and DuckDB, written by delta-rs."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from ondol.adapters.blobs import ObjectBlobs
from ondol.adapters.delta_files import plain_files
from ondol.adapters.delta_types import fit, storable, stored_columns
from ondol.adapters.stores import Store, parse_store
from ondol.adapters.turns import blob_turn, file_turn
from ondol.kernel.errors import Invalid, NotFound, Refused, Unavailable
from ondol.ports.tables import TableFiles, TableVersion

ATTEMPTS = 12
_CHECKPOINT_EVERY = 10
# Files below this size are joined every so many versions; larger ones are left alone, so
# that a growing table is not rewritten again and again.
_COMPACT_EVERY = 100
_COMPACT_BELOW_BYTES = 8 << 20
_OPENED_VERSIONS = 64
_SURE_SECONDS = 600
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_CONFIGURATION = {
    "delta.checkpointInterval": str(_CHECKPOINT_EVERY),
    # Versions stay readable: lineage points at them. The default forgets them after 30 days.
    "delta.logRetentionDuration": "interval 3650 days",
}
_KEY_NOTE = "ondolKey"


class _Readable(DeltaTable):
    """A table for Polars, which takes the paths of files as they are, while delta-rs
    writes blanks and letters beyond ASCII in the table's own path as `%20`."""

    @property
    def table_uri(self) -> str:
        return unquote(super().table_uri)

    def file_uris(self, *args: Any, **kwargs: Any) -> list[str]:
        written, plain = (uri.removeprefix("file://") for uri in (super().table_uri, self.table_uri))
        return [plain + uri.removeprefix(written) for uri in super().file_uris(*args, **kwargs)]


class _Opened:
    """A table as this process knows it, for writing; one thread at a time."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.table: DeltaTable | None = None
        self.loaded_at = 0
        self.looked_at = 0.0
        self.columns: dict[str, pl.DataType] = {}
        self.columns_at = -1


class DeltaTables:
    """The `Tables` port over a folder or object store (see `ondol.adapters.stores`).

    Every append is one Delta commit. The key of an append is stored as a Delta
    application transaction in the same commit, so a key that was stored twice is
    impossible even between machines. Writers that meet retry.
    """

    def __init__(self, root: str, storage_options: dict[str, str] | None = None) -> None:
        where = parse_store(root)
        self.url = where.url
        self._root = where.folder or where.url
        self._options = _storage_options(where) | (storage_options or {})
        self._blobs = None if where.scheme == "file" else ObjectBlobs(root)
        self._guard = threading.Lock()
        self._tables: dict[str, _Opened] = {}
        self._versions: OrderedDict[tuple[str, int], _Readable] = OrderedDict()

    def exists(self, table: str) -> bool:
        try:
            self.version(table)
        except NotFound:
            return False
        return True

    def append(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        key: str = "",
        partition_by: list[str] | None = None,
        evolve: bool = False,
    ) -> int:
        """See `Tables.append`. Integers may go into a column of floats, and into narrower
        integers when every value fits; a missing column is null."""
        opened = self._opened(table)
        with opened.lock:
            for attempt in range(ATTEMPTS):
                known = self._refreshed(table, opened)
                if known is not None and key and known.transaction_version(key) is not None:
                    return _version_of_key(known, key)
                try:
                    if known is None:
                        return self._create(table, opened, frame, key, partition_by)
                    return self._append(table, opened, frame, key, partition_by, evolve)
                except DeltaError as error:
                    _wait_or_raise(error, table, attempt)
                    opened.table = None
        raise Unavailable(f"{table}: other writers were faster {ATTEMPTS} times.", hint="Try again.")

    def overwrite(self, table: str, frame: pl.DataFrame, *, partition_by: list[str] | None = None) -> int:
        opened = self._opened(table)
        columns = {name: storable(name, dtype) for name, dtype in frame.schema.items()}
        fitted = fit(frame, columns, table)
        with opened.lock:
            for attempt in range(ATTEMPTS):
                known = self._refreshed(table, opened)
                if partition_by is None and known is not None:
                    partition_by = [name for name in known.metadata().partition_columns if name in columns]
                try:
                    self._write(table, known, fitted, "", mode="overwrite", partition_by=partition_by)
                    return self._landed(table, opened)
                except DeltaError as error:
                    _wait_or_raise(error, table, attempt)
                    opened.table = None
        raise Unavailable(f"{table}: other writers were faster {ATTEMPTS} times.", hint="Try again.")

    def scan(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        wanted = self.version(table) if version is None else version
        return pl.scan_delta(self._at(table, wanted))

    def files(self, table: str, *, version: int) -> TableFiles | None:
        return plain_files(self._at(table, version)) if self._blobs is None else None

    def version(self, table: str) -> int:
        opened = self._opened(table)
        with opened.lock:
            return self._known(table, opened).version()

    def history(self, table: str, limit: int = 50) -> list[TableVersion]:
        opened = self._opened(table)
        with opened.lock:
            commits = self._known(table, opened).history(limit)
        return [
            TableVersion(
                table=table,
                version=commit["version"],
                rows=_rows_of(commit),
                at=datetime.fromtimestamp(commit["timestamp"] / 1000, UTC),
                operation=commit["operation"],
            )
            for commit in commits
        ]

    def schema(self, table: str) -> dict[str, str]:
        opened = self._opened(table)
        with opened.lock:
            return {name: str(dtype) for name, dtype in stored_columns(self._known(table, opened).schema()).items()}

    def compact(self, table: str) -> dict[str, Any]:
        """`{"files_added": n, "files_removed": n, "version": n}`. Nothing is deleted: older versions stay readable."""
        opened = self._opened(table)
        with opened.lock:
            with self._compaction_turn(table) as mine:
                if not mine:
                    raise Unavailable(f"{table}: another process is joining its files.", hint="Try again in a minute.")
                known = self._known(table, opened)
                metrics = known.optimize.compact()
                known.create_checkpoint()
            opened.table = None
            return {
                "files_added": metrics["numFilesAdded"],
                "files_removed": metrics["numFilesRemoved"],
                "version": self._known(table, opened).version(),
            }

    def _opened(self, table: str) -> _Opened:
        if not _NAME.fullmatch(table):
            raise Invalid(f"{table!r} is not a name of a table.", hint="Write something like `silver/flights`.")
        with self._guard:
            return self._tables.setdefault(table, _Opened())

    def _address(self, table: str) -> str:
        return f"{self._root}/{table}"

    def _known(self, table: str, opened: _Opened) -> DeltaTable:
        known = self._refreshed(table, opened)
        if known is None:
            raise NotFound(f"There is no table {table!r}.", hint="`ondol table list` shows those there are.")
        return known

    def _refreshed(self, table: str, opened: _Opened) -> DeltaTable | None:
        """The table at its newest version; None when there is none.

        It is opened anew after each checkpoint: a table object that lives on keeps every
        commit since it was opened in memory and gets slower with each.
        """
        try:
            if opened.table is not None and self._may_be_older(table, opened):
                opened.table.update_incremental()
                opened.looked_at = time.monotonic()
            if opened.table is None or opened.table.version() // _CHECKPOINT_EVERY != opened.loaded_at:
                opened.table = DeltaTable(self._address(table), storage_options=self._options or None)
                opened.loaded_at = opened.table.version() // _CHECKPOINT_EVERY
                opened.looked_at = time.monotonic()
        except TableNotFoundError:
            opened.table = None
        except DeltaError as error:
            opened.table = None
            raise Unavailable(f"{table}: the table cannot be read: {_first_line(error)}") from error
        return opened.table

    def _may_be_older(self, table: str, opened: _Opened) -> bool:
        """Whether somebody may have written since: in a folder the file of the next version tells, for
        as long as nobody can have cleaned it away."""
        if self._blobs is not None or time.monotonic() - opened.looked_at > _SURE_SECONDS:
            return True
        assert opened.table is not None
        return Path(self._root, table, "_delta_log", f"{opened.table.version() + 1:020}.json").exists()

    def _at(self, table: str, version: int) -> _Readable:
        """The table at a version, in an object that nobody moves to another one."""
        with self._guard:
            found = self._versions.get((table, version))
            if found is not None:
                self._versions.move_to_end((table, version))
                return found
        newest = self.version(table)
        if not 0 <= version <= newest:
            raise NotFound(f"The table {table!r} has no version {version}.", hint=f"The newest is {newest}.")
        try:
            found = _Readable(self._address(table), version=version, storage_options=self._options or None)
        except DeltaError as error:
            raise NotFound(f"The version {version} of {table!r} is no longer kept: {_first_line(error)}") from error
        with self._guard:
            self._versions[table, version] = found
            while len(self._versions) > _OPENED_VERSIONS:
                self._versions.popitem(last=False)
        return found

    def _create(
        self, table: str, opened: _Opened, frame: pl.DataFrame, key: str, partition_by: list[str] | None
    ) -> int:
        columns = {name: storable(name, dtype) for name, dtype in frame.schema.items()}
        # "error", not "append": of two that create at once, one must look again at what the other made.
        self._write(table, None, fit(frame, columns, table), key, mode="error", partition_by=partition_by)
        return self._landed(table, opened)

    def _append(
        self, table: str, opened: _Opened, frame: pl.DataFrame, key: str, partition_by: list[str] | None, evolve: bool
    ) -> int:
        known = opened.table
        assert known is not None
        if opened.columns_at != known.version():
            opened.columns = stored_columns(known.schema())
        fresh = [name for name in frame.columns if name not in opened.columns]
        if fresh and not evolve:
            raise Refused(
                f"{table}: unknown columns {', '.join(fresh)}.",
                hint="Drop them, or append with `evolve` to add them to the table.",
                details={"table": table, "columns": fresh},
            )
        if partition_by is not None and partition_by != known.metadata().partition_columns:
            raise Refused(f"{table} is partitioned by {known.metadata().partition_columns}, not by {partition_by}.")
        columns = opened.columns | {name: storable(name, frame.schema[name]) for name in fresh}
        fitted = fit(frame, columns, table)
        before = known.version()
        self._write(table, known, fitted, key, mode="append", schema_mode="merge" if fresh else None)
        version = known.version()
        if not fresh and version == before + 1:
            opened.columns_at = version
        if version // _COMPACT_EVERY != before // _COMPACT_EVERY:
            self._tidy(table, opened)
        return version

    def _write(self, table: str, known: DeltaTable | None, frame: pl.DataFrame, key: str, **how: Any) -> None:
        transactions = [Transaction(app_id=key, version=1)] if key else None
        if known is None:
            how |= {"configuration": _CONFIGURATION, "storage_options": self._options or None}
        elif how["mode"] == "overwrite":
            how |= {"schema_mode": "overwrite"}
        write_deltalake(
            known if known is not None else self._address(table),
            frame,
            commit_properties=CommitProperties(
                app_transactions=transactions,
                custom_metadata={_KEY_NOTE: key} if key else None,
                # Rebased onto a compaction, an overwrite would leave the joined file in the table:
                # it is made again from the newest version instead.
                max_commit_retries=0 if how["mode"] == "overwrite" else None,
            ),
            **how,
        )

    def _landed(self, table: str, opened: _Opened) -> int:
        opened.table = None
        return self._known(table, opened).version()

    def _tidy(self, table: str, opened: _Opened) -> None:
        """Join what many small appends left, unless another process is at it."""
        with self._compaction_turn(table) as mine:
            if mine:
                known = self._known(table, opened)
                known.optimize.compact(target_size=_COMPACT_BELOW_BYTES)
                opened.table = None

    @contextmanager
    def _compaction_turn(self, table: str) -> Iterator[bool]:
        """delta-rs 1.6 takes two compactions of the same files for compatible, and their rows would be there twice."""
        name = f"{table}/_ondol_compaction"
        if self._blobs is not None:
            with blob_turn(self._blobs, name) as mine:
                yield mine
        else:
            with file_turn(Path(self._root) / name) as mine:
                yield mine


def _storage_options(where: Store) -> dict[str, str]:
    return where.options | ({"allow_http": "true"} if where.allow_http else {})


def _rows_of(commit: dict[str, Any]) -> int:
    metrics = commit.get("operationMetrics") or {}
    return int(metrics.get("num_added_rows", 0))


def _version_of_key(known: DeltaTable, key: str) -> int:
    for commit in known.history():
        if commit.get(_KEY_NOTE) == key:
            return int(commit["version"])
    return known.version()


def _wait_or_raise(error: DeltaError, table: str, attempt: int) -> None:
    """Wait a little before another attempt when another writer was faster; raise what cannot get better."""
    text = str(error)
    met = isinstance(error, CommitFailedError) or "already exists" in text or "Transaction" in text
    if not met:
        raise Unavailable(f"{table}: the write failed: {_first_line(error)}") from error
    time.sleep(random.uniform(0, 0.005 * 2 ** min(attempt, 6)))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
