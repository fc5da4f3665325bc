"""Tables on Delta Lake: readable by Spark, Trino and DuckDB, written by delta-rs and, where it is plain, by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import polars as pl
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Transaction, write_deltalake
from deltalake.exceptions import DeltaError

from ondol.adapters.delta_files import plain_files
from ondol.adapters.delta_log import KEY_NOTE, Tail, Taken
from ondol.adapters.delta_open import ATTEMPTS, CHECKPOINT_EVERY, Opened, faster, rows_of, wait
from ondol.adapters.delta_snapshot import check_writable
from ondol.adapters.delta_types import fit, storable, stored_columns
from ondol.adapters.delta_upkeep import Upkeep
from ondol.kernel.errors import Invalid, NotFound, Refused, Unavailable
from ondol.ports.tables import TableFiles, TableVersion

_COMPACT_EVERY = 100
_CONFIGURATION = {
    "delta.checkpointInterval": str(CHECKPOINT_EVERY),
    # Versions stay readable: lineage points at them. The default forgets them after 30 days.
    "delta.logRetentionDuration": "interval 3650 days",
}
# Looking for logs to forget lists them all, at every commit.
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


class DeltaTables(Upkeep):
    """The `Tables` port over a folder or object store (see `ondol.adapters.stores`).

    Every write is one Delta commit. Its key is stored as a Delta application transaction
    in the same commit, so a key that was stored twice is impossible even between
    machines. Writers that meet retry.
    """

    def version(self, table: str) -> int:
        opened = self._opened(table)
        with opened.lock:
            # Who has just appended knows without asking delta-rs, which would list the log.
            if opened.tail is not None and opened.tail.follow():
                return opened.tail.version
        return super().version(table)

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
            by_hand = self._append_by_hand(table, opened, frame, key, partition_by)
        if by_hand is not None:
            return by_hand

        def write(known: DeltaTable | None, opened: Opened) -> int:
            if known is not None and key and known.transaction_version(key) is not None:
                return _version_of_key(known, key)
            if known is None:
                return self._create(table, opened, frame, key, partition_by)
            check_writable(known, table)
            columns = stored_columns(known.schema())
            fresh = _fresh(columns, frame, table, evolve=evolve)
            _check_partitions(table, known.metadata().partition_columns, partition_by)
            columns |= {name: storable(name, frame.schema[name]) for name in fresh}
            fitted = fit(frame, columns, table)
            write_deltalake(
                known, fitted, mode="append", schema_mode="merge" if fresh else None,
                commit_properties=_commit(key), post_commithook_properties=_HOOKS,
            )  # fmt: skip
            opened.tail = None
            return known.version()

        return self._written(table, write)

    def overwrite(
        self, table: str, frame: pl.DataFrame, *, key: str = "", partition_by: list[str] | None = None
    ) -> int:
        columns = {name: storable(name, dtype) for name, dtype in frame.schema.items()}
        fitted = fit(frame, columns, table)

        def write(known: DeltaTable | None, opened: Opened) -> int:
            if known is None:
                return self._create(table, opened, frame, key, partition_by)
            if key and known.transaction_version(key) is not None:
                return _version_of_key(known, key)
            check_writable(known, table)
            parts = partition_by
            if parts is None:
                parts = [name for name in known.metadata().partition_columns if name in columns]
            # Rebased onto a compaction, an overwrite would leave the joined file in the table:
            # it is made again from the newest version instead.
            write_deltalake(
                known, fitted, mode="overwrite", schema_mode="overwrite", partition_by=parts,
                commit_properties=_commit(key, retries=0), post_commithook_properties=_HOOKS,
            )  # fmt: skip
            return self._landed(table, opened)

        return self._written(table, write)

    def replace(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        where: Mapping[str, Sequence[int | str]],
        key: str = "",
        evolve: bool = False,
    ) -> int:
        opened = self._opened(table)
        with opened.lock:
            by_hand = self._replace_by_hand(table, opened, frame, where, key)
        if by_hand is not None:
            return by_hand

        def write(known: DeltaTable | None, opened: Opened) -> int:
            if known is None:
                raise NotFound(f"There is no table {table!r}.")
            if key and known.transaction_version(key) is not None:
                return _version_of_key(known, key)
            check_writable(known, table)
            _check_where(table, where, known.metadata().partition_columns)
            known = self._widened(table, opened, known, frame, evolve=evolve)
            fitted = fit(frame, stored_columns(known.schema()), table)
            _check_inside(table, fitted, where)
            write_deltalake(
                known, fitted, mode="overwrite", predicate=_predicate(where),
                commit_properties=_commit(key, retries=0), post_commithook_properties=_HOOKS,
            )  # fmt: skip
            return self._landed(table, opened)

        return self._written(table, write)

    def merge(self, table: str, frame: pl.DataFrame, *, on: list[str], key: str = "", evolve: bool = False) -> int:
        def write(known: DeltaTable | None, opened: Opened) -> int:
            if known is None:
                return self._create(table, opened, frame, key, None)
            if key and known.transaction_version(key) is not None:
                return _version_of_key(known, key)
            check_writable(known, table)
            known = self._widened(table, opened, known, frame, evolve=evolve)
            fitted = fit(frame, stored_columns(known.schema()), table)
            if fitted.select(on).is_duplicated().any():
                raise Refused(f"{table}: two rows of one write have the same {', '.join(on)}.")
            same = " AND ".join(f"old.{_quoted(name)} = new.{_quoted(name)}" for name in on)
            merger = known.merge(
                fitted, same, source_alias="new", target_alias="old",
                commit_properties=_commit(key, retries=0), post_commithook_properties=_HOOKS,
            )  # fmt: skip
            merger.when_matched_update_all().when_not_matched_insert_all().execute()
            return self._landed(table, opened)

        return self._written(table, write)

    def scan(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        return self._snapshot(table, version).frame()

    def files(self, table: str, *, version: int) -> TableFiles | None:
        return None if self._remote else plain_files(self._snapshot(table, version))

    def count(self, table: str, *, version: int | None = None) -> int:
        # Not the statistics of the log: those count rows that a deletion vector has taken away.
        return int(self.scan(table, version=version).select(pl.len()).collect().item())

    def history(self, table: str, limit: int = 50) -> list[TableVersion]:
        opened = self._opened(table)
        with opened.lock:
            commits = self._known(table, opened).history(limit)
        return [
            TableVersion(
                table=table,
                version=commit["version"],
                rows=rows_of(commit),
                at=datetime.fromtimestamp(commit["timestamp"] / 1000, UTC),
                operation=commit["operation"],
            )
            for commit in commits
        ]

    def schema(self, table: str, *, version: int | None = None) -> dict[str, str]:
        found = self._snapshot(table, version)
        return {name: str(dtype) for name, dtype in stored_columns(found.schema()).items()}

    def _widened(
        self, table: str, opened: Opened, known: DeltaTable, frame: pl.DataFrame, *, evolve: bool
    ) -> DeltaTable:
        """With the columns that the frame has more, added by a commit of their own."""
        fresh = _fresh(stored_columns(known.schema()), frame, table, evolve=evolve)
        if not fresh:
            return known
        self.append(table, frame.clear(), evolve=True)
        opened.table = None
        return self._known(table, opened)

    def _append_by_hand(
        self, table: str, opened: Opened, frame: pl.DataFrame, key: str, partition_by: list[str] | None
    ) -> int | None:
        """The version after it; None when delta-rs must do it."""
        for attempt in range(ATTEMPTS):
            tail = self._tail(table, opened)
            if tail is None or (key and tail.keys is None) or any(name not in tail.columns for name in frame.columns):
                return None
            if key and key in (tail.keys or ()):
                return _version_of_key(self._known(table, opened), key)
            _check_partitions(table, tail.partition_columns, partition_by)
            try:
                version = tail.append(fit(frame, tail.columns, table), key)
            except Taken:
                wait(attempt)
                continue
            if version is not None:
                self._look_after(table, opened, version)
            return version
        raise faster(table)

    def _replace_by_hand(
        self, table: str, opened: Opened, frame: pl.DataFrame, where: Mapping[str, Sequence[int | str]], key: str
    ) -> int | None:
        for attempt in range(ATTEMPTS):
            tail = self._tail(table, opened)
            if tail is None or (key and tail.keys is None) or any(name not in tail.columns for name in frame.columns):
                return None
            if key and key in (tail.keys or ()):
                return _version_of_key(self._known(table, opened), key)
            if not tail.knows_files():
                known = self._known(table, opened)
                if known.version() != tail.version:
                    return None
                below = len(tail.partition_columns) + 1
                tail.know_files("/".join(uri.split("/")[-below:]) for uri in known.file_uris())
            _check_where(table, where, tail.partition_columns)
            fitted = fit(frame, tail.columns, table)
            _check_inside(table, fitted, where)
            try:
                version = tail.replace(fitted, where, key)
            except Taken:
                wait(attempt)
                continue
            if version is not None:
                self._look_after(table, opened, version)
            return version
        raise faster(table)

    def _tail(self, table: str, opened: Opened) -> Tail | None:
        """None when there is no table yet."""
        if opened.tail is not None and opened.tail.follow():
            return opened.tail
        known = self._refreshed(table, opened)
        opened.tail = Tail(known, table, self._blobs) if known is not None else None
        return opened.tail

    def _look_after(self, table: str, opened: Opened, version: int) -> None:
        """What delta-rs does after its own commits: a checkpoint now and then, and few large files for many small."""
        try:
            if version % _COMPACT_EVERY == 0:
                self._tidy(table, opened)
            elif version % CHECKPOINT_EVERY == 0:
                self._known(table, opened).create_checkpoint()
        except (DeltaError, Unavailable):
            # The rows are in, and who sent them must not send them again; the next ones are looked after again.
            opened.table = None

    def _create(self, table: str, opened: Opened, frame: pl.DataFrame, key: str, partition_by: list[str] | None) -> int:
        columns = {name: storable(name, dtype) for name, dtype in frame.schema.items()}
        # "error", not "append": of two that create at once, one must look again at what the other made.
        write_deltalake(
            self._address(table), fit(frame, columns, table), mode="error", partition_by=partition_by,
            configuration=_CONFIGURATION, storage_options=self._options or None, commit_properties=_commit(key),
        )  # fmt: skip
        return self._landed(table, opened)


def _commit(key: str, retries: int | None = None) -> CommitProperties:
    return CommitProperties(
        app_transactions=[Transaction(app_id=key, version=1)] if key else None,
        custom_metadata={KEY_NOTE: key} if key else None,
        max_commit_retries=retries,
    )


def _fresh(columns: Mapping[str, pl.DataType], frame: pl.DataFrame, table: str, *, evolve: bool) -> list[str]:
    """The columns that the table does not have yet; `Refused` unless it may get them."""
    fresh = [name for name in frame.columns if name not in columns]
    if fresh and not evolve:
        raise Refused(
            f"{table}: unknown columns {', '.join(fresh)}.",
            hint="Drop them, or append with `evolve` to add them to the table.",
            details={"table": table, "columns": fresh},
        )
    return fresh


def _check_partitions(table: str, have: list[str], asked: list[str] | None) -> None:
    if asked is not None and asked != have:
        raise Refused(f"{table} is partitioned by {have}, not by {asked}.")


def _check_where(table: str, where: Mapping[str, Sequence[int | str]], partition_columns: list[str]) -> None:
    if not where or not set(where) <= set(partition_columns):
        raise Invalid(
            f"{table}: parts are replaced by the partition columns, {partition_columns}, not by {list(where)}."
        )


def _check_inside(table: str, frame: pl.DataFrame, where: Mapping[str, Sequence[int | str]]) -> None:
    outside = frame.filter(~pl.all_horizontal(pl.col(name).is_in(list(where[name])) for name in where)).height
    if outside:
        raise Refused(
            f"{table}: {outside} rows lie outside of the partition that is replaced.",
            hint="Send them for their own partition.",
            details={"table": table, "rows": outside},
        )


def _predicate(where: Mapping[str, Sequence[int | str]]) -> str:
    return " AND ".join(
        f"{_quoted(name)} IN ({', '.join(_literal(value) for value in values)})" for name, values in where.items()
    )


def _literal(value: int | str) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _version_of_key(known: DeltaTable, key: str) -> int:
    for commit in known.history():
        if commit.get(KEY_NOTE) == key:
            return int(commit["version"])
    return known.version()
