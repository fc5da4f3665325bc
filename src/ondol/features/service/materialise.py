"""Bring views online up to the newest rows of their dataset, in parts: a killed one goes on where it stopped."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import msgspec

from ondol.features.rules.definitions import facts_of, stairs_of
from ondol.features.types import Materialization, ViewMaterialized, ViewSpec
from ondol.kernel.lazy import lazy
from ondol.lake import service as lake
from ondol.lake.types import Dataset, DatasetSpec, GetDataset
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
_taking = threading.Lock()


class _Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How far the steps of a stair have come, which are those of `version` as seen at `now`; noted with every put."""

    version: int
    now: int
    full: bool
    keys: int
    of: int


_decode = msgspec.json.Decoder(_Reached).decode


def bring_online(tools: Tools, dataset: str, views: Sequence[repo.StoredView], *, full: bool = False) -> None:
    """Compute what the present can reach of these views of one dataset, and store it; `full` starts over.

    A function of the silver version and the moment alone, so that doing it again changes
    nothing. One that was killed is finished by the next call for that version, with the
    moment of then: what it had stored is not stored again.
    """
    # Views of one dataset are brought online by one thread at a time.
    with _desk_of(tools.online).turns.setdefault(dataset, threading.Lock()):
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
            rows = _Rows(tools, source, together, moment, full=from_nothing)
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
    return _decode(note) if note else None


class _Rows:
    """The rows of one dataset that the moment `now` can reach, read once for all its views.

    Those of the last time stay in memory while they are few: then only what came since is read.
    """

    def __init__(
        self, tools: Tools, source: Dataset, views: Sequence[repo.StoredView], now: int, *, full: bool
    ) -> None:
        self.dataset = source.spec
        self.version = source.version
        self.now = now
        self._tools = tools
        specs = [view.spec for view in views]
        bounds = [present.reach(spec, source.spec, now) for spec in specs]
        known = [bound for bound in bounds if bound is not None]
        self._since = min(known) if len(known) == len(bounds) else None
        self._names = staircase.columns_of_views(specs, source.spec)
        base = -1 if full or facts_of(source.spec) else min(view.online_version for view in views)
        self._frame, self._fresh = self._read(base)

    def of(self, view: ViewSpec) -> pl.DataFrame:
        """The rows of the keys whose values may have changed: those that rows have come for."""
        found = staircase.known_rows(self._touched(self._frame.lazy(), view), view, self.dataset).collect()
        earlier = present.earlier_rows_matter(found, view, self.dataset, self._since)
        if earlier is None:
            return found
        more = self._touched(present.reachable(self._scan(), self.dataset, earlier), view)
        return staircase.known_rows(more, view, self.dataset).collect()

    def keys(self, view: ViewSpec) -> int:
        """How many keys are in reach."""
        return self._frame.select(view.entity).drop_nulls().n_unique()

    def _touched(self, rows: pl.LazyFrame, view: ViewSpec) -> pl.LazyFrame:
        if self._fresh is None:
            return rows
        return rows.join(self._fresh.select(view.entity).unique().lazy(), on=view.entity, how="semi")

    def _scan(self) -> pl.LazyFrame:
        return lake.scan(self._tools, self.dataset.name, self.version).select(self._names)

    def _read(self, base: int) -> tuple[pl.DataFrame, pl.DataFrame | None]:
        """All rows in reach, and those that came after the version `base`; None for those when they are all new."""
        kept_rows, place = _desk_of(self._tools.online).kept, self.dataset.name
        kept = kept_rows.pop(place, None)
        fresh = self._added(base)
        if kept and kept.version == base and fresh is not None and self._covered(kept):
            whole = pl.concat([kept.frame, fresh])
            frame = present.reachable(whole.lazy(), self.dataset, self._since).collect()
        else:
            frame = present.reachable(self._scan(), self.dataset, self._since).collect()
        if frame.estimated_size() <= _KEPT_BYTES:
            kept_rows[place] = _Kept(self.version, self.dataset, self._names, self._since, frame)
            while len(kept_rows) > _KEPT_DATASETS:
                kept_rows.pop(next(iter(kept_rows)), None)
        return frame, fresh

    def _added(self, base: int) -> pl.DataFrame | None:
        found = lake.added(self._tools, self.dataset.name, base, self.version) if base >= 0 else None
        return None if found is None else found.select(self._names).collect()

    def _covered(self, kept: _Kept) -> bool:
        reached = kept.since is None or (self._since is not None and kept.since <= self._since)
        return reached and (kept.dataset.columns, kept.names) == (self.dataset.columns, self._names)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The rows of a version that reached back to `since`."""

    version: int
    dataset: DatasetSpec
    names: list[str]
    since: int | None
    frame: pl.DataFrame


_KEPT_BYTES = 64 << 20
_KEPT_DATASETS = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Desk:
    """What is kept for one online store: whose turn it is with a dataset, and its rows."""

    turns: dict[str, threading.Lock] = field(default_factory=dict)
    kept: dict[str, _Kept] = field(default_factory=dict)


_desks: WeakKeyDictionary[Online, _Desk] = WeakKeyDictionary()


def _desk_of(online: Online) -> _Desk:
    with _taking:
        return _desks.setdefault(online, _Desk())


def _materialise(online: Online, view: ViewSpec, rows: _Rows, *, full: bool) -> int:
    """Store the view's stairs; how many keys are online."""
    known = rows.of(view)
    for stair in stairs_of(view):
        reached = _reached(online, stair.store)
        if reached is None or (reached.version, reached.now, reached.full) != (rows.version, rows.now, full):
            reached = None
        elif reached.keys == reached.of:
            continue
        steps = staircase.steps_of(known, view.entity, stair)
        keys = present.count_keys(steps, view.entity)
        if reached is None or reached.of != keys:
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
    return rows.keys(view)


def _chunks(found: Iterator[tuple[Key, list[Step]]], done: int) -> Iterator[list[tuple[Key, list[Step]]]]:
    rest = islice(found, done, None)
    while chunk := list(islice(rest, CHUNK_KEYS)):
        yield chunk


def _note(tools: Tools, view: repo.StoredView, source: Dataset, keys: int) -> None:
    if repo.set_online(tools.connection, view, source.version, keys, source.newest, tools.now()):
        tools.emit(ViewMaterialized(subject=view.name, hash=view.hash, keys=keys, version=source.version))
