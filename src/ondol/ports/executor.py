"""Executor: where jobs run, outside the server's process."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A command that runs one job: it reads everything else from the house."""

    job_id: str
    arguments: list[str]
    log_path: str


class Executor(Protocol):
    """A started task must not outlive the house that started it by more than a lease.

    Handles are strings that any process of the house can ask about.
    """

    def start(self, task: Task) -> str:
        """Start it and return its handle at once; `Unavailable` when there is no room."""

    def warm(self, arguments: list[str], loads: list[str]) -> None:
        """A task that begins with these arguments may come soon, and will import the modules `loads`.

        An executor may keep one place ready for it for a while, or do nothing.
        """

    def exit_code(self, handle: str) -> int | None:
        """None while it runs; its exit code afterwards; -1 for a handle nobody knows (any more)."""

    def stop(self, handle: str) -> None:
        """Ask it to end, insist after 10 s."""

    def close(self) -> None:
        """Stop everything this executor started."""
