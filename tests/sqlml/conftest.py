from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lake.shore import Lake, flights


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Flights in two batches; SQL changes nothing, so one lake does for all."""
    opened = Lake(tmp_path_factory.mktemp("lake") / "home")
    opened.declare()
    opened.append("one", flights(0, 40))
    opened.append("two", flights(40, 60))
    yield opened
    opened.close()
