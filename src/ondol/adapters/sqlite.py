"""Metadata in one SQLite file: the default, needing nothing installed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from ondol.adapters.sql import MIGRATIONS, WAIT_SECONDS, SqlDb
from ondol.kernel.errors import Conflict
from ondol.ports import driver
from ondol.ports.schema import metadata as house_metadata

_BEGIN = "ondol_begin"
_WRITE = "BEGIN IMMEDIATE"
MAPPED_BYTES = 2**31


class SqliteDb(SqlDb):
    """The `Db` port over a file in write-ahead mode: readers and the writer never wait for each other.

    `synchronous=NORMAL`: a crash of the process loses nothing; a loss of power may lose
    the last commits, but never leaves half of one. Use a local disk: SQLite's locks are
    not reliable on network file systems.
    """

    dialect = "sqlite"

    def __init__(
        self,
        file: Path | str,
        *,
        metadata: sa.MetaData = house_metadata,
        migrations: Path = MIGRATIONS,
    ) -> None:
        self.file = Path(file)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(
            _engine(self.file, _WRITE, query_only=False),
            _engine(self.file, "BEGIN", query_only=True),
            metadata=metadata,
            migrations=migrations,
        )

        self._watching = threading.Lock()
        self._watcher: sqlite3.Connection | None = None

    def revision(self) -> int | None:
        """`PRAGMA data_version` of a connection that never writes: it counts the commits of all others."""
        with self._watching:
            if self._watcher is None:
                self._watcher = sqlite3.connect(self.file, check_same_thread=False, timeout=WAIT_SECONDS)
            found: int = self._watcher.execute("PRAGMA data_version").fetchone()[0]
            return found

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        # Begun and committed by hand: a transaction object of SQLAlchemy takes longer than to log a metric. There is
        # one, begun with the connection and never ended, so that nobody below begins, or commits, another.
        try:
            if self._kept is None:
                self._kept = self._writer.connect()
                self._kept.begin()
            else:
                driver.run(self._kept, _WRITE)
            kept = self._kept
            yield kept
            driver.run(kept, "COMMIT")
        except BaseException:
            self._forget_kept()
            raise

    def close(self) -> None:
        super().close()
        with self._watching:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None

    @contextmanager
    def _schema_transaction(self) -> Iterator[sa.Connection]:
        # SQLite changes a table by copying it, and dropping the old one would cascade into
        # the tables that refer to it; the pragma has no effect inside a transaction.
        with self._my_turn(), self._translated(), self._writer.connect() as connection:
            raw = connection.connection.driver_connection
            assert isinstance(raw, sqlite3.Connection)
            raw.execute("PRAGMA foreign_keys=OFF")
            try:
                with connection.begin():
                    yield connection
                    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                    if broken:
                        raise Conflict(
                            f"The migration would leave {len(broken)} rows that refer to nothing: {broken[:3]}."
                        )
            finally:
                raw.execute("PRAGMA foreign_keys=ON")

    def _is_busy(self, error: sa.exc.DBAPIError) -> bool:
        return isinstance(error.orig, sqlite3.OperationalError) and "is locked" in str(error.orig)


def _engine(file: Path, begin: str, *, query_only: bool) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(file)),
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=56,
        pool_timeout=WAIT_SECONDS,
        connect_args={"check_same_thread": False, "timeout": WAIT_SECONDS, "cached_statements": 256},
    ).execution_options(**{_BEGIN: begin})

    @sa.event.listens_for(engine, "connect")
    def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
        # None: the driver starts no transaction of its own, `_on_begin` starts each one.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "cache_size=-16000",
            "wal_autocheckpoint=4000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if query_only:
            connection.execute("PRAGMA query_only=ON")
            # Searches read where the system keeps the file already: half the time of copying pages.
            connection.execute(f"PRAGMA mmap_size={MAPPED_BYTES}")

    @sa.event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        driver.run(connection, begin)

    return engine
