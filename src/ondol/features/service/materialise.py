"""Bring views online up to the newest rows of their dataset, in parts: a killed one goes on where it stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from ondol.features.rules.definitions import stairs_of
from ondol.features.types import Materialization, ViewMaterialized, ViewSpec
from ondol.kernel.lazy import lazy
from ondol.lake import service as lake
from ondol.lake.types import Dataset, GetDataset
from ondol.ports.online import NOTHING, Key, Online, Step
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.features import repo
    from ondol.features.rules import columns, present, staircase
else:
    pl = lazy("polars")
    repo = lazy("ondol.features.repo")
    columns = lazy("ondol.features.rules.columns")
    present = lazy("ondol.features.rules.present")
    staircase = lazy("ondol.features.rules.staircase")

CHUNK_KEYS = 1_000
"""So many keys are put at once. Of more, Python would look through the rest for garbage again and again."""

_NOTE = "materialization"
_turns: dict[str, threading.Lock] = {}
_taking = threading.Lock()


class _Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How far the steps of a stair have come, which are those of `version` as seen at `now`; noted with every put."""

    version: int
    now: int
    full: bool
    keys: int
    of: int


def bring_online(tools: Tools, dataset: str, views: Sequence[repo.StoredView], *, full: bool = False) -> None:
    """Compute what the present can reach of these views of one dataset, and store it; `full` starts over.

    A function of the silver version and the moment alone, so that doing it again changes
    nothing. One that was killed is finished by the next call for that version, with the
    moment of then: what it had stored is not stored again.
    """
    with _turn(tools, dataset):
        with tools.transaction(write=False) as inner:
            source = lake.get_dataset(inner, GetDataset(dataset=dataset))
        due = [view for view in views if source.version >= 0 and (full or view.online_version < source.version)]
        if not due:
            return
        now = columns.microseconds_of(tools.now())
        begun: dict[tuple[int, bool], list[repo.StoredView]] = {}
        for view in due:
            begun.setdefault(_begun(tools, view, source, now, full=full), []).append(view)
        for (moment, from_nothing), together in begun.items():
            rows = _Rows(tools, source, [view.spec for view in together], moment)
            counts = [_materialise(tools.online, view.spec, rows, full=from_nothing) for view in together]
            with tools.transaction(write=True) as inner:
                for view, keys in zip(together, counts, strict=True):
                    _note(inner, view, source, keys)


def progress_of(online: Online, view: ViewSpec, online_version: int) -> Materialization | None:
    """How far the materialisation that is under way, or was killed, has come; None when all is online."""
    found = [reached for stair in stairs_of(view) if (reached := _reached(online, stair.store))]
    version = max((reached.version for reached in found), default=-1)
    if version <= online_version:
        return None
    mine = [reached for reached in found if reached.version == version]
    keys, of = sum(reached.keys for reached in mine), sum(reached.of for reached in mine)
    return Materialization(version=version, keys=keys, of=of, started_at=columns.moment_of(mine[0].now))


def _turn(tools: Tools, dataset: str) -> threading.Lock:
    """Views of one dataset are brought online by one thread at a time."""
    with _taking:
        return _turns.setdefault(f"{tools.config.home} {dataset}", threading.Lock())


def _begun(tools: Tools, view: repo.StoredView, source: Dataset, now: int, *, full: bool) -> tuple[int, bool]:
    """The moment and the way of a materialisation that was killed, or of a new one."""
    stores = [stair.store for stair in stairs_of(view.spec)]
    killed = [reached for store in stores if (reached := _reached(tools.online, store))]
    killed = [reached for reached in killed if view.online_version < source.version == reached.version]
    if killed and (killed[0].full or not full):
        return killed[0].now, killed[0].full
    if full:
        with tools.transaction(write=True) as inner:
            repo.set_online(inner.connection, view, -1, 0, None, tools.now())
        for store in stores:
            tools.online.drop(store)
    return now, full


def _reached(online: Online, store: str) -> _Reached | None:
    note = online.notes(store).get(_NOTE)
    return msgspec.json.decode(note, type=_Reached) if note else None


class _Rows:
    """The rows of one dataset that the moment `now` can reach, read once for all its views."""

    def __init__(self, tools: Tools, source: Dataset, views: Sequence[ViewSpec], now: int) -> None:
        self.dataset = source.spec
        self.version = source.version
        self.now = now
        bounds = [present.reach(view, source.spec, now) for view in views]
        known = [bound for bound in bounds if bound is not None]
        self._since = min(known) if len(known) == len(bounds) else None
        names = staircase.columns_of_views(views, source.spec)
        self._scan = lake.scan(tools, source.name, source.version).select(names)
        self._frame = present.reachable(self._scan, self.dataset, self._since).collect()

    def of(self, view: ViewSpec) -> pl.DataFrame:
        found = staircase.known_rows(self._frame.lazy(), view, self.dataset).collect()
        earlier = present.earlier_rows_matter(found, view, self.dataset, self._since)
        if earlier is None:
            return found
        more = present.reachable(self._scan, self.dataset, earlier)
        return staircase.known_rows(more, view, self.dataset).collect()


def _materialise(online: Online, view: ViewSpec, rows: _Rows, *, full: bool) -> int:
    """Store the view's stairs; how many keys have any steps."""
    known, count = rows.of(view), 0
    for stair in stairs_of(view):
        reached = _reached(online, stair.store)
        if reached is None or (reached.version, reached.now, reached.full) != (rows.version, rows.now, full):
            reached = None
        elif reached.keys == reached.of:
            count = max(count, reached.of)
            continue
        steps = staircase.steps_of(known, view.entity, stair)
        if reached is None:
            keys = present.count_keys(steps, view.entity)
            reached = _Reached(version=rows.version, now=rows.now, full=full, keys=0, of=keys)
        # What was pushed ahead of the newest row of its key is still the newest.
        apart = stair.window or full or not online.revision(stair.store)
        newest = NOTHING if apart else present.newest_instants(known, view, rows.dataset.columns)
        found = present.staircases(steps, view.entity, rows.dataset.columns, present.first_instant(stair, rows.now))
        for chunk in _chunks(found, reached.keys):
            reached = msgspec.structs.replace(reached, keys=reached.keys + len(chunk))
            after = {key: newest[key] for key, _ in chunk} if newest else NOTHING
            note = msgspec.json.encode(reached).decode()
            online.put(stair.store, chunk, replace=True, after=after, notes={_NOTE: note})
        count = max(count, reached.of)
    return count


def _chunks(found: Iterator[tuple[Key, list[Step]]], done: int) -> Iterator[list[tuple[Key, list[Step]]]]:
    rest = islice(found, done, None)
    while chunk := list(islice(rest, CHUNK_KEYS)):
        yield chunk


def _note(tools: Tools, view: repo.StoredView, source: Dataset, keys: int) -> None:
    if repo.set_online(tools.connection, view, source.version, keys, source.newest, tools.now()):
        tools.emit(ViewMaterialized(subject=view.name, keys=keys, version=source.version))
