"""Notify: telling people."""

from __future__ import annotations

from typing import Protocol


class Notify(Protocol):
    def send(self, subject: str, text: str) -> None:
        """Deliver or raise `Unavailable`; the caller retries."""
