"""What several benchmarks open: a house in a temporary folder, and a raw SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ondol.home import House, open_house
from ondol.kernel.config import Config


@contextmanager
def opened(folder: Path) -> Iterator[House]:
    """A new house, as `ondol up` opens it, without its heartbeat."""
    # The log is drained when a benchmark ends, and not in the middle of one.
    house = open_house(Config(home=str(folder / "home"), capture_flush_seconds=3600))
    try:
        yield house
    finally:
        house.close()


@contextmanager
def raw_sqlite(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection with the settings of the house's own."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        yield connection
