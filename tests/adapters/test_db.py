"""The Db port on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import functools
import sqlite3
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from ondol.adapters import sql, sqlite
from ondol.adapters.postgres import PostgresDb
from ondol.adapters.sqlite import SqliteDb
from ondol.kernel.errors import Conflict, Invalid, Unavailable
from ondol.testing.db import METADATA, DbSuite, Opener


class TestSqlite(DbSuite):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return functools.partial(SqliteDb, tmp_path / "house.db")


@pytest.mark.postgres
class TestPostgres(DbSuite):
    @pytest.fixture
    def opener(self, postgres_url: str) -> Opener:
        return functools.partial(PostgresDb, postgres_url)


def test_a_second_writing_transaction_in_one_thread_is_a_mistake_that_is_told_at_once(tmp_path: Path) -> None:
    db = SqliteDb(tmp_path / "house.db", metadata=METADATA)
    db.prepare()
    with db.transaction(write=True), pytest.raises(RuntimeError, match="already has"), db.transaction(write=True):
        pass
    db.close()


def test_a_writer_that_waits_too_long_is_told_to_try_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "WAIT_SECONDS", 0.1)
    monkeypatch.setattr(sql, "WAIT_SECONDS", 0.1)
    db = SqliteDb(tmp_path / "house.db", metadata=METADATA)
    db.prepare()
    other = sqlite3.connect(tmp_path / "house.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    started = time.monotonic()
    with pytest.raises(Unavailable), db.transaction(write=True):
        pass
    assert time.monotonic() - started < 5
    other.execute("ROLLBACK")
    with db.transaction(write=True):
        pass
    other.close()
    db.close()


def test_a_schema_of_a_later_release_is_a_conflict(tmp_path: Path) -> None:
    db = SqliteDb(tmp_path / "house.db", metadata=METADATA)
    db.prepare()
    with db.transaction(write=True) as connection:
        connection.execute(sa.text("UPDATE schema_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="9999"):
        db.prepare()
    db.close()


def test_the_file_is_in_write_ahead_mode_with_its_references_on(tmp_path: Path) -> None:
    db = SqliteDb(tmp_path / "house.db", metadata=METADATA)
    with db.transaction(write=False) as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        ]
    assert pragmas == ["wal", 1, 1, 30_000]
    db.close()


def test_what_is_no_database_url_is_invalid() -> None:
    with pytest.raises(Invalid):
        PostgresDb("not a url")


def test_a_postgres_that_does_not_run_is_unavailable() -> None:
    db = PostgresDb("postgresql://ondol@127.0.0.1:1/none")
    with pytest.raises(Unavailable), db.transaction(write=False):
        pass
    db.close()
