"""What the relational adapters share: one writer at a time, and the schema's life."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ondol.kernel.errors import Conflict, Unavailable
from ondol.ports.schema import metadata as house_metadata

if TYPE_CHECKING:
    from alembic.config import Config

WAIT_SECONDS = 30
"""How long a writing transaction waits for the ones before it."""

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "schema_version"

_version_metadata = sa.MetaData()
# The layout that alembic gives its version table, so that its own command works on our databases too.
_schema_version = sa.Table(
    VERSION_TABLE,
    _version_metadata,
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)


class SqlDb:
    """The `Db` port over two SQLAlchemy engines: one that writes, one that cannot.

    Writers take turns from the start of their transaction, so the rule "read, decide,
    write" that every operation follows holds on every database without row locks.
    Threads of this process queue at a lock in memory (no polling, no connection
    held); processes queue at the database, which the subclass arranges.
    """

    dialect: str

    def __init__(
        self,
        writer: sa.Engine,
        reader: sa.Engine,
        *,
        metadata: sa.MetaData = house_metadata,
        migrations: Path = MIGRATIONS,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._metadata = metadata
        self._migrations = migrations
        self._turn = threading.Lock()
        self._turn_owner: int | None = None
        self._kept: sa.Connection | None = None
        """The connection that writes: there is one turn, so one is enough, and a pool takes longer than an insert."""

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[sa.Connection]:
        if not write:
            with self._translated(), self._reader.begin() as connection:
                yield connection
            return
        with self._my_turn(), self._translated(), self._writing() as connection:
            yield connection

    def revision(self) -> int | None:
        return None

    def prepare(self) -> None:
        head = head_version(self._migrations)
        with self.transaction(write=False) as connection:
            if stored_version(connection) == head:
                return
        with self._schema_transaction() as connection:
            stored = stored_version(connection)
            if stored is None:
                self._metadata.create_all(connection)
                _version_metadata.create_all(connection)
                connection.execute(_schema_version.insert().values(version_num=head))
            elif stored > head:
                raise Conflict(
                    f"The database has schema {stored}; this release knows schemas up to {head}.",
                    hint="Start a release of Ondol that is at least as new as the one that wrote the database.",
                )
            elif stored < head:
                migrate(connection, self._migrations, self._metadata)

    def close(self) -> None:
        self._forget_kept()
        self._writer.dispose()
        self._reader.dispose()

    @contextmanager
    def _schema_transaction(self) -> Iterator[sa.Connection]:
        """The writing transaction in which the schema is created or migrated."""
        with self.transaction(write=True) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        if self._kept is None or not self._is_alive(self._kept):
            self._forget_kept()
            self._kept = self._writer.connect()
        connection = self._kept
        try:
            with connection.begin():
                yield connection
        except BaseException:
            # Whatever it was, the next one begins with a connection about which nothing is to be known.
            self._forget_kept()
            raise

    def _forget_kept(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def _is_alive(self, connection: sa.Connection) -> bool:
        """Whether the connection that we kept can still be used."""
        return True

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        me = threading.get_ident()
        if self._turn_owner == me:
            raise RuntimeError("this thread already has a writing transaction open: pass its connection on")
        if not self._turn.acquire(timeout=WAIT_SECONDS):
            raise _busy()
        self._turn_owner = me
        try:
            yield
        finally:
            self._turn_owner = None
            self._turn.release()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.TimeoutError as error:
            raise _busy() from error
        except sa.exc.DBAPIError as error:
            if self._is_busy(error):
                raise _busy() from error
            if self._is_lost(error):
                raise Unavailable(
                    f"The database cannot be reached: {error.orig}",
                    hint="Check that it runs, and `database` in ondol.toml.",
                ) from error
            raise

    def _is_busy(self, error: sa.exc.DBAPIError) -> bool:
        raise error

    def _is_lost(self, error: sa.exc.DBAPIError) -> bool:
        return error.connection_invalidated


def _busy() -> Unavailable:
    return Unavailable(
        f"Other writers have kept the database busy for {WAIT_SECONDS} s.",
        hint="Try again; `ondol doctor` shows what is running.",
    )


def head_version(migrations: Path = MIGRATIONS) -> str:
    """The newest schema version this release knows: the number of the last file in `versions/`."""
    numbers = [file.name.partition("_")[0] for file in (migrations / "versions").glob("[0-9]*_*.py")]
    return max(numbers, default="0000")


def stored_version(connection: sa.Connection) -> str | None:
    """The schema version of a database; None for an empty one."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.select(_schema_version.c.version_num)).scalar_one_or_none()


def migrate(connection: sa.Connection, migrations: Path, metadata: sa.MetaData) -> None:
    """Run the migrations that are missing, inside the open transaction of `connection`."""
    from alembic import command

    command.upgrade(alembic_config(connection, migrations, metadata), "head")


def alembic_config(connection: sa.Connection, migrations: Path, metadata: sa.MetaData) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config
