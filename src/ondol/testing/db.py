"""What every `Db` adapter must do. To check yours:

    class TestMyDb(DbSuite):
        @pytest.fixture
        def opener(self, tmp_path):
            return functools.partial(MyDb, str(tmp_path / "my.db"))

`opener` opens the same empty database each time it is called as `opener(metadata=...)`;
it is sent to other processes, so it must be picklable.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from multiprocessing.connection import Connection
from typing import Any

import pytest
import sqlalchemy as sa

from ondol.ports.db import Db
from ondol.ports.schema import Json, Moment

Opener = Callable[..., Db]

METADATA = sa.MetaData()
COUNTERS = sa.Table(
    "counters",
    METADATA,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
)
NOTES = sa.Table(
    "notes",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("counter", sa.String(64), sa.ForeignKey("counters.name"), nullable=True),
    sa.Column("at", Moment, nullable=True),
    sa.Column("body", Json, nullable=True),
)
_PROCESSES = multiprocessing.get_context("spawn")
_PATIENCE_SECONDS = 60


class DbSuite:
    """Subclass it and give the fixture `opener`."""

    @pytest.fixture
    def opener(self) -> Opener:
        raise RuntimeError("a subclass of DbSuite must define the fixture `opener`")

    @pytest.fixture
    def db(self, opener: Opener) -> Iterator[Db]:
        opened = opener(metadata=METADATA)
        opened.prepare()
        with opened.transaction(write=True) as connection:
            connection.execute(COUNTERS.insert().values(name="n", value=0))
        yield opened
        opened.close()

    def test_a_transaction_commits_when_its_block_ends(self, db: Db) -> None:
        _set(db, 7)
        assert _value(db) == 7

    def test_a_transaction_rolls_back_when_its_block_raises(self, db: Db) -> None:
        with pytest.raises(ZeroDivisionError):
            _set(db, 7, then=lambda: 1 // 0)
        assert _value(db) == 0

    def test_a_reader_sees_one_snapshot_and_blocks_no_writer(self, db: Db) -> None:
        with db.transaction(write=False) as reader:
            before = reader.execute(sa.select(COUNTERS.c.value)).scalar_one()
            _in_thread(lambda: _set(db, 5))
            after = reader.execute(sa.select(COUNTERS.c.value)).scalar_one()
        assert (before, after, _value(db)) == (0, 0, 5)

    def test_readers_do_not_wait_for_a_writer(self, db: Db) -> None:
        with db.transaction(write=True) as writer:
            writer.execute(COUNTERS.update().values(value=9))
            assert _in_thread(lambda: _value(db)) == 0
        assert _value(db) == 9

    def test_a_reading_transaction_cannot_write(self, db: Db) -> None:
        with pytest.raises(sa.exc.DBAPIError), db.transaction(write=False) as connection:
            connection.execute(COUNTERS.update().values(value=1))
        assert _value(db) == 0

    def test_writers_of_many_threads_lose_nothing(self, db: Db) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: _increment(db, 20), range(4)))
        assert _value(db) == 80

    def test_writers_of_two_processes_lose_nothing(self, db: Db, opener: Opener) -> None:
        writers = [_PROCESSES.Process(target=_increment_elsewhere, args=(opener, 40)) for _ in range(2)]
        for writer in writers:
            writer.start()
        _increment(db, 40)
        for writer in writers:
            writer.join(_PATIENCE_SECONDS)
            assert writer.exitcode == 0
            writer.close()
        assert _value(db) == 120

    def test_a_writer_killed_in_its_transaction_leaves_nothing(self, db: Db, opener: Opener) -> None:
        here, there = _PROCESSES.Pipe()
        writer = _PROCESSES.Process(target=_write_and_wait, args=(opener, there))
        writer.start()
        there.close()
        assert here.poll(_PATIENCE_SECONDS)
        assert here.recv() == "written"
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(_PATIENCE_SECONDS)
        writer.close()
        here.close()
        assert _value(db) == 0
        _increment(db, 1)
        assert _value(db) == 1

    def test_a_broken_constraint_raises_integrity_error_and_undoes_all(self, db: Db) -> None:
        with pytest.raises(sa.exc.IntegrityError):
            _insert_twice(db)
        assert _value(db) == 0

    def test_references_are_enforced(self, db: Db) -> None:
        with pytest.raises(sa.exc.IntegrityError), db.transaction(write=True) as connection:
            connection.execute(NOTES.insert().values(id=1, counter="nobody"))

    def test_moments_come_back_in_utc_and_sort(self, db: Db) -> None:
        first = datetime(2013, 4, 1, 9, 30, 0, 5, tzinfo=timezone(timedelta(hours=9)))
        with db.transaction(write=True) as connection:
            for number in (2, 0, 1):
                connection.execute(NOTES.insert().values(id=number, at=first + timedelta(microseconds=number)))
            query = sa.select(NOTES.c.at).where(NOTES.c.at >= first).order_by(NOTES.c.at)
            found = connection.execute(query).scalars().all()
        assert found == [first + timedelta(microseconds=number) for number in range(3)]
        assert all(moment.tzinfo == UTC for moment in found)

    @pytest.mark.parametrize(
        "body", [None, 0, "", [], {"a": [1, 2.5, None, "한글 \U0001f6eb"]}, "'; DROP TABLE notes; --"]
    )
    def test_json_comes_back_as_it_was(self, db: Db, body: Any) -> None:
        with db.transaction(write=True) as connection:
            connection.execute(NOTES.insert().values(id=1, body=body))
        with db.transaction(write=False) as connection:
            assert connection.execute(sa.select(NOTES.c.body)).scalar_one() == body

    def test_prepare_may_be_called_again_and_by_several_at_once(self, opener: Opener) -> None:
        databases = [opener(metadata=METADATA) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda database: database.prepare(), databases))
        databases[0].prepare()
        _in_process(_prepare_elsewhere, opener)
        with databases[1].transaction(write=True) as connection:
            connection.execute(COUNTERS.insert().values(name="n", value=0))
        for database in databases:
            database.close()

    def test_the_revision_changes_with_every_commit_of_any_thread(self, db: Db) -> None:
        before = db.revision()
        assert db.revision() == before
        _set(db, 3)
        after = db.revision()
        assert (before is None) == (after is None)
        assert after is None or after != before
        _in_thread(lambda: _set(db, 4))
        assert after is None or db.revision() != after

    def test_it_names_its_dialect(self, db: Db) -> None:
        assert db.dialect in ("sqlite", "postgresql")


def _set(db: Db, value: int, then: Callable[[], Any] = lambda: None) -> None:
    with db.transaction(write=True) as connection:
        connection.execute(COUNTERS.update().values(value=value))
        then()


def _insert_twice(db: Db) -> None:
    with db.transaction(write=True) as connection:
        connection.execute(COUNTERS.update().values(value=3))
        connection.execute(COUNTERS.insert().values(name="n", value=1))


def _value(db: Db) -> int:
    with db.transaction(write=False) as connection:
        return int(connection.execute(sa.select(COUNTERS.c.value)).scalar_one())


def _increment(db: Db, times: int) -> None:
    """Read, then write: right only when nobody else can write in between."""
    for _ in range(times):
        with db.transaction(write=True) as connection:
            value = connection.execute(sa.select(COUNTERS.c.value)).scalar_one()
            connection.execute(COUNTERS.update().values(value=value + 1))


def _in_thread(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(timeout=_PATIENCE_SECONDS)


def _in_process(work: Callable[..., None], *arguments: Any) -> None:
    process = _PROCESSES.Process(target=work, args=arguments)
    process.start()
    process.join(_PATIENCE_SECONDS)
    assert process.exitcode == 0
    process.close()


def _increment_elsewhere(opener: Opener, times: int) -> None:
    db = opener(metadata=METADATA)
    db.prepare()
    _increment(db, times)
    db.close()


def _prepare_elsewhere(opener: Opener) -> None:
    db = opener(metadata=METADATA)
    db.prepare()
    db.close()


def _write_and_wait(opener: Opener, line: Connection) -> None:
    db = opener(metadata=METADATA)
    with db.transaction(write=True) as connection:
        connection.execute(COUNTERS.update().values(value=99))
        connection.execute(NOTES.insert().values(id=1))
        line.send("written")
        threading.Event().wait(_PATIENCE_SECONDS)
