"""Online feature values in a SQLite file of their own: no server, microseconds a key."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ondol.adapters.online_steps import by_key, ended_before, pack, put_together, unpack
from ondol.kernel.errors import Unavailable
from ondol.ports.online import NOTHING, Key, Step

WAIT_SECONDS = 30
_FORMAT = 1
_GET = "SELECT steps FROM stairs WHERE view = ? AND key = ?"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS stairs (view TEXT NOT NULL, key TEXT NOT NULL, steps BLOB NOT NULL, PRIMARY KEY (view, key))
WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS views (view TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (view TEXT NOT NULL, name TEXT NOT NULL, note TEXT NOT NULL, PRIMARY KEY (view, name))
WITHOUT ROWID;
"""


class SqliteOnline:
    """The `Online` port over one file: a key's steps are one blob, read by one look-up.

    Readers and the writer do not wait for each other; writers of all processes take turns.
    """

    def __init__(self, file: Path | str) -> None:
        self.file = Path(file)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._local = threading.local()
        self._guard = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        with self._writing() as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                for statement in _SCHEMA.split(";")[:-1]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={_FORMAT}")
        # It never writes: SQLite counts for a connection what others commit.
        self._watching = self._open()

    def put(
        self,
        view: str,
        stairs: Iterable[tuple[Key, Sequence[Step]]],
        *,
        replace: bool,
        after: Mapping[Key, int] = NOTHING,
        notes: Mapping[str, str] = NOTHING,
    ) -> int:
        """Of two steps at the same instant the later one given stays. Prepared before the file is locked."""
        fresh = by_key(stairs)
        if not fresh and not notes:
            return 0
        keys = sorted(fresh)  # Pages are filled from left to right when the keys are in order.
        alone = replace and not after
        packed = [(view, key, pack(fresh[key])) for key in keys] if alone else []
        with self._writing() as connection:
            if not alone:
                blobs = ((connection.execute(_GET, (view, key)).fetchone() or (None,))[0] for key in keys)
                packed = [
                    (view, key, put_together(blob, fresh[key], after.get(key), replace=replace))
                    for key, blob in zip(keys, blobs, strict=True)
                ]
            connection.executemany("INSERT OR REPLACE INTO stairs (view, key, steps) VALUES (?, ?, ?)", packed)
            _touch(connection, view)
            named = [(view, name, note) for name, note in notes.items()]
            connection.executemany("INSERT OR REPLACE INTO notes (view, name, note) VALUES (?, ?, ?)", named)
        return len(fresh)

    def get(self, view: str, keys: Sequence[Key]) -> list[list[Step]]:
        # One look-up a key is faster than `IN (...)` up to hundreds of keys, and needs no text of its own.
        execute = self._connection().execute
        if len(keys) > 2:  # one snapshot: locking the file once instead of once a key saves a third
            execute("BEGIN")
        try:
            rows = [execute(_GET, (view, key)).fetchone() for key in keys]
        finally:
            if len(keys) > 2:
                execute("COMMIT")
        return [unpack(row[0]) if row else [] for row in rows]

    def forget_before(self, view: str, instant: int) -> int:
        dropped = 0
        with self._writing() as connection:
            shorter = []
            for key, blob in connection.execute("SELECT key, steps FROM stairs WHERE view = ?", (view,)):
                steps = unpack(blob)
                if ended := ended_before(steps, instant):
                    dropped += ended
                    shorter.append((pack(steps[ended:]), view, key))
            connection.executemany("UPDATE stairs SET steps = ? WHERE view = ? AND key = ?", shorter)
            if shorter:
                _touch(connection, view)
        return dropped

    def revision(self, view: str) -> int:
        row = self._connection().execute("SELECT revision FROM views WHERE view = ?", (view,)).fetchone()
        return row[0] if row else 0

    def stamp(self) -> int:
        with self._guard:
            found: int = self._watching.execute("PRAGMA data_version").fetchone()[0]
        return found

    def notes(self, view: str) -> dict[str, str]:
        return dict(self._connection().execute("SELECT name, note FROM notes WHERE view = ?", (view,)))

    def drop(self, view: str) -> None:
        with self._writing() as connection:
            connection.execute("DELETE FROM stairs WHERE view = ?", (view,))
            # The number stays and grows: a reader that cached the dropped values must notice.
            _touch(connection, view)
            connection.execute("DELETE FROM notes WHERE view = ?", (view,))

    def close(self) -> None:
        with self._guard:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
            self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._open()
        return connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.file, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=1024
        )
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-16000", "mmap_size=268435456"):
            connection.execute(f"PRAGMA {pragma}")
        with self._guard:
            self._opened.append(connection)
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise Unavailable(
                f"{self.file}: {error}", hint="Another process is writing feature values; try again."
            ) from error
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _touch(connection: sqlite3.Connection, view: str) -> None:
    connection.execute(
        "INSERT INTO views (view, revision) VALUES (?, 1) ON CONFLICT (view) DO UPDATE SET revision = revision + 1",
        (view,),
    )
