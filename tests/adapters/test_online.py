"""The Online port on a SQLite file."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from ondol.adapters.online_sqlite import SqliteOnline
from ondol.testing.online import OnlineSuite, Opener


class TestSqlite(OnlineSuite):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return functools.partial(SqliteOnline, tmp_path / "online.db")
