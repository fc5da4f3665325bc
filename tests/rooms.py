"""A house of its own for a test: SQLite and files in a temporary folder, time that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ondol.home import House, open_house
from ondol.kernel.config import Config

START = "2013-04-01"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An open house on a replay clock; nothing runs in the background: use `heartbeat.settle(house)`."""
    opened = open_house(Config(home=str(tmp_path / "home"), clock=START))
    yield opened
    opened.close()
