"""Counting what the rooms below compute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.features import service as features
from ondol.features.types import GetView, ViewMaterialized
from ondol.kernel.errors import NotFound
from ondol.kernel.event import reaction
from ondol.kernel.lazy import lazy
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    from ondol.discovery import repo
else:
    repo = lazy("ondol.discovery.repo")


@reaction(ViewMaterialized)
def count_computation(tools: Tools, event: ViewMaterialized) -> None:
    """Note that the values of a view were computed up to a version of its dataset."""
    with tools.transaction(write=True) as inner:
        try:
            view = features.get_view(inner, GetView(view=event.subject))
        except NotFound:
            return
        repo.note(inner.connection, view.name, view.hash, event.version, event.keys, inner.now())
