"""Counting what the rooms below compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.features.types import ViewMaterialized, WindowsComputed
from ondol.kernel.event import reaction
from ondol.kernel.lazy import lazy
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    from ondol.discovery import repo
else:
    repo = lazy("ondol.discovery.repo")


@reaction(ViewMaterialized)
def count_online(tools: Tools, event: ViewMaterialized) -> None:
    """Note that the values of a view were computed for the online store, up to a version of its dataset."""
    with tools.transaction(write=True) as inner:
        made = repo.Computation(
            view=event.subject, hash=event.hash, purpose="online", origin=str(event.version), values=event.keys,
            at=inner.now(),
        )  # fmt: skip
        repo.note(inner.connection, made)


@reaction(WindowsComputed)
def count_training(tools: Tools, event: WindowsComputed) -> None:
    """Note that the windows of a view were computed for training sets."""
    with tools.transaction(write=True) as inner:
        made = repo.Computation(
            view=event.subject, hash=event.hash, purpose="training", origin=event.origin, values=event.steps,
            at=inner.now(),
        )  # fmt: skip
        repo.note(inner.connection, made)
