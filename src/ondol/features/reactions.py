"""What lands in the lake comes online."""

from __future__ import annotations

from ondol.features import service
from ondol.features.service import materialise, online
from ondol.features.types import HoldsChanged, ViewDeclared, ViewStale
from ondol.kernel.event import reaction
from ondol.lake.types import BatchLanded
from ondol.lake.types.versions import DatasetRewritten
from ondol.ports.tools import Tools


@reaction(BatchLanded)
def materialise_views(tools: Tools, event: BatchLanded) -> None:
    """Bring every view of the dataset up to its newest rows; batches that are online already cost a look."""
    if event.rows:
        materialise.bring_online(tools, event.subject, service.views_of(tools, event.subject))


@reaction(DatasetRewritten)
def materialise_views_anew(tools: Tools, event: DatasetRewritten) -> None:
    """Values of rows that are others now, or gone, must not stay online."""
    materialise.bring_online(tools, event.subject, service.views_of(tools, event.subject), full=True)


@reaction(ViewDeclared)
def materialise_view(tools: Tools, event: ViewDeclared) -> None:
    """A new definition starts with what the lake has already."""
    view = online.stored_view(tools, event.subject)
    if view.hash == event.hash:
        materialise.bring_online(tools, view.spec.dataset, [view])
    online.forget_definitions(tools)


@reaction(ViewStale)
def tell_people(tools: Tools, event: ViewStale) -> None:
    """Which view, and since when nothing came; redelivered, it is told twice rather than never."""
    since = f"Its newest row is of {event.newest:%Y-%m-%d %H:%M} UTC" if event.newest else "It has no rows"
    tools.notify.send(
        f"Feature view {event.subject} is stale",
        f"{since}, and may be {event.fresh} old. Does its source still bring rows?",
    )


@reaction(HoldsChanged)
def forget_definitions(tools: Tools, event: HoldsChanged) -> None:
    """What only the models of before have learned from need not be kept online."""
    online.forget_definitions(tools)
