"""Metadata in PostgreSQL: for houses with several servers. Needs the extra `postgres`."""

from __future__ import annotations

import importlib.util
import math
import threading
import time
from pathlib import Path

import sqlalchemy as sa

from ondol.adapters.sql import MIGRATIONS, WAIT_SECONDS, SqlDb
from ondol.kernel.errors import Invalid
from ondol.ports import driver
from ondol.ports.schema import metadata as house_metadata

_TURN = 0x0D01  # any number will do, the same in every house that shares a database
SURE_SECONDS = 1.0
"""A connection that answered so recently is not asked whether it still does."""
_LOCK_NOT_AVAILABLE, _SERIALIZATION, _DEADLOCK = "55P03", "40001", "40P01"


class PostgresDb(SqlDb):
    """The `Db` port over PostgreSQL 13 or later through psycopg 3.

    Reading transactions are REPEATABLE READ READ ONLY: one snapshot, no locks.
    Writing ones are READ COMMITTED and start by taking one advisory lock, which makes
    them wait for each other exactly as SQLite's do. That choice buys operations that
    need no row locks and never fail to serialise, at the price of one round trip and
    of a ceiling: the metadata takes as many commits a second as one connection makes
    (thousands). Predictions, feature values and logs do not pass here.
    """

    dialect = "postgresql"

    def __init__(
        self,
        url: str,
        *,
        metadata: sa.MetaData = house_metadata,
        migrations: Path = MIGRATIONS,
    ) -> None:
        engine = _engine(url)
        reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        writer = engine.execution_options(isolation_level="READ COMMITTED", postgresql_readonly=False)

        @sa.event.listens_for(writer, "begin")
        def _take_turn(connection: sa.Connection) -> None:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")

        self._asked_at = -math.inf
        self._watching = threading.Lock()
        self._watcher: sa.Connection | None = None
        self._engine = engine
        super().__init__(writer, reader, metadata=metadata, migrations=migrations)

    def revision(self) -> int | None:
        """What a new snapshot would see, which each commit changes, also one in another database of the server: then
        somebody looks once too often."""
        with self._watching:
            try:
                if self._watcher is None:
                    self._watcher = self._engine.execution_options(isolation_level="AUTOCOMMIT").connect()
                return hash(driver.rows(self._watcher, "SELECT pg_current_snapshot()::text")[0][0])
            except sa.exc.DBAPIError:
                self._close_watcher()
                return None

    def close(self) -> None:
        with self._watching:
            self._close_watcher()
        super().close()

    def _close_watcher(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.close()

    def _is_alive(self, connection: sa.Connection) -> bool:
        now, since = time.monotonic(), self._asked_at
        self._asked_at = now
        if now - since < SURE_SECONDS:
            return True
        try:
            return self._writer.dialect.do_ping(connection.connection.dbapi_connection)  # type: ignore[arg-type]
        except sa.exc.DBAPIError:
            return False

    def _is_busy(self, error: sa.exc.DBAPIError) -> bool:
        return getattr(error.orig, "sqlstate", None) in (_LOCK_NOT_AVAILABLE, _SERIALIZATION, _DEADLOCK)

    def _is_lost(self, error: sa.exc.DBAPIError) -> bool:
        # Class 57 is "operator intervention" (shutting down, starting up), class 08 "connection exception";
        # libpq reports a server that does not answer without any state.
        state = getattr(error.orig, "sqlstate", None)
        lost = isinstance(error, sa.exc.OperationalError) and (state is None or state[:2] in ("57", "08"))
        return lost or error.connection_invalidated


def _engine(url: str) -> sa.Engine:
    if importlib.util.find_spec("psycopg") is None:
        raise Invalid("PostgreSQL needs the driver psycopg.", hint="pip install 'ondol[postgres]'")
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise Invalid("`database` is not a URL.", hint="Write postgresql://user@host:5432/name.") from error
    settings = {
        "lock_timeout": WAIT_SECONDS * 1000,
        # A writer whose machine vanished must not keep its turn for ever.
        "idle_in_transaction_session_timeout": 2 * WAIT_SECONDS * 1000,
        "timezone": "UTC",
        # Our queries last milliseconds: to start workers or to compile takes longer than they save.
        "max_parallel_workers_per_gather": 0,
        "jit": "off",
    }
    return sa.create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=8,
        max_overflow=24,
        pool_timeout=WAIT_SECONDS,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 10,
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        },
    )
