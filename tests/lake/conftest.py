from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lake.shore import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    opened = Lake(tmp_path / "home")
    yield opened
    opened.close()
