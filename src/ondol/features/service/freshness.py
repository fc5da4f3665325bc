"""How far what is online is behind, and who is told when that is too far."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ondol.features.rules.definitions import stairs_of, version_of
from ondol.features.service import materialise
from ondol.features.types import Freshness, View, ViewFresh, ViewSpec, ViewStale
from ondol.jobs import service as jobs
from ondol.jobs.types import DeclareSchedule
from ondol.kernel.lazy import lazy
from ondol.kernel.spans import parse_duration
from ondol.ports.online import Online
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    from ondol.features import repo
    from ondol.features.rules import columns
else:
    repo = lazy("ondol.features.repo")
    columns = lazy("ondol.features.rules.columns")

PUSHED = "pushed"
"""The note of the newest time that was pushed, in microseconds since 1970."""

_LOOKS = 4
"""So often within the time that a view may be old."""


def shown(tools: Tools, stored: repo.StoredView, users: dict[str, list[str]], newest: datetime | None) -> View:
    """A view as everybody sees it; `newest` is the latest time of its dataset."""
    return View(
        name=stored.name,
        version=version_of(stored.name)[1],
        spec=stored.spec,
        hash=stored.hash,
        online_version=stored.online_version,
        online_keys=stored.online_keys,
        online_at=stored.online_at,
        freshness=_freshness(tools, stored, newest),
        materialization=materialise.progress_of(tools.online, stored.spec, stored.online_version),
        used_by=users.get(stored.name, []),
        updated_at=stored.updated_at,
    )


def _freshness(tools: Tools, stored: repo.StoredView, newest: datetime | None) -> Freshness:
    pushed = _pushed(tools.online, stored.spec)
    online = max((moment for moment in (stored.online_newest, pushed) if moment), default=None)
    return Freshness(
        newest=online,
        pushed=pushed,
        behind_seconds=max((newest - online).total_seconds(), 0.0) if newest and online else None,
        age_seconds=(tools.now() - online).total_seconds() if online else None,
        stale_since=stored.stale_since,
    )


def _pushed(online: Online, view: ViewSpec) -> datetime | None:
    notes = [online.notes(stair.store).get(PUSHED) for stair in stairs_of(view)]
    found = [int(note) for note in notes if note]
    return columns.moment_of(max(found)) if found else None


def watch(tools: Tools, spec: ViewSpec) -> None:
    """Look at a view that declares how old it may be, a few times within that time."""
    if spec.fresh:
        seconds = round(parse_duration(spec.fresh).total_seconds() / _LOOKS)
        jobs.declare_schedule(
            tools,
            DeclareSchedule(
                name=f"fresh:{spec.name}", operation="views.check", every=f"{max(seconds, 1)}s",
                request={"view": spec.name},
            ),
        )  # fmt: skip


def check(tools: Tools, stored: repo.StoredView) -> None:
    """State that a view has become stale, or fresh again. Needs a writing transaction."""
    newest = _freshness(tools, stored, None).newest
    allowed = parse_duration(stored.spec.fresh) if stored.spec.fresh else None
    # A view that was declared just now has that long to get its first row.
    stale = allowed is not None and tools.now() - (newest or stored.updated_at) > allowed
    if stale == (stored.stale_since is not None):
        return
    repo.set_stale(tools.connection, stored.name, tools.now() if stale else None)
    if stale:
        tools.emit(ViewStale(subject=stored.name, newest=newest, fresh=stored.spec.fresh))
    else:
        tools.emit(ViewFresh(subject=stored.name))
