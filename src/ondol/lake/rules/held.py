"""Which versions a version holds: going back leaves out what lies between."""

from __future__ import annotations

from collections.abc import Sequence

from ondol.lake.types.versions import DatasetVersion


def held(versions: Sequence[DatasetVersion], version: int) -> set[int]:
    """The versions whose batches are in `version`, itself included unless it only brought another one back."""
    known = {one.version: one for one in versions}
    ordered = sorted(known)
    before = dict(zip(ordered[1:], ordered, strict=False))
    found: set[int] = set()
    here: int | None = version
    while here is not None and here in known:
        if known[here].operation == "rolled_back":
            here = known[here].target
        else:
            found.add(here)
            here = before.get(here)
    return found
