"""What a run that has ended says to its loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class EndedRun(msgspec.Struct, frozen=True, kw_only=True):
    """Empty ids: the run did not get that far."""

    status: str
    error: str = ""
    version: str = ""
    comparison: str = ""
    canary: str = ""


def read_results(status: str, error: str, results: Mapping[str, Any]) -> EndedRun:
    """The ids that the steps of a run noted, as text; results of other names are the user's own."""
    ids = {name: str(results.get(name) or "") for name in ("version", "comparison", "canary")}
    return EndedRun(status=status, error=error, **ids)
