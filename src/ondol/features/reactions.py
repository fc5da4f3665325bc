"""What lands in the lake comes online."""

from __future__ import annotations

from ondol.features import service
from ondol.features.service import online
from ondol.features.types import ViewDeclared
from ondol.kernel.event import reaction
from ondol.lake.types import BatchLanded
from ondol.ports.tools import Tools


@reaction(BatchLanded)
def materialise_views(tools: Tools, event: BatchLanded) -> None:
    """Bring every view of the dataset up to its newest rows; batches that are online already cost a look."""
    if event.rows:
        online.bring_online(tools, event.subject, service.views_of(tools, event.subject))


@reaction(ViewDeclared)
def materialise_view(tools: Tools, event: ViewDeclared) -> None:
    """A new definition starts with what the lake has already."""
    view = online.stored_view(tools, event.subject)
    if view.hash == event.hash:
        online.bring_online(tools, view.spec.dataset, [view])
