from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lake.shore import Lake, flights


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    """Flights in two batches, and nothing else."""
    opened = Lake(tmp_path / "home")
    opened.declare()
    opened.append("one", flights(0, 40))
    opened.append("two", flights(40, 60))
    yield opened
    opened.close()
