"""LineageSink: who else wants to know what runs read and write."""

from __future__ import annotations

from typing import Any, Protocol


class LineageSink(Protocol):
    def send(self, event: dict[str, Any]) -> None:
        """Deliver a RunEvent of OpenLineage or raise `Unavailable`; the caller retries."""
