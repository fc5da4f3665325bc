"""The online side: take pushed rows, and read values for requests."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ondol.features.rules.definitions import canonical, check_current, feature_names, inputs_of, stairs_of
from ondol.features.service.freshness import PUSHED
from ondol.features.types import FeatureRows, Pushed, ReadFeatures, Service, ServiceSpec, ViewSpec
from ondol.kernel.errors import Conflict, NotFound
from ondol.kernel.lazy import lazy
from ondol.lake import service as lake
from ondol.lake.types import DatasetSpec
from ondol.ports.online import Online
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.features import repo
    from ondol.features.rules import columns, lookup, pushed
else:
    pl = lazy("polars")
    repo = lazy("ondol.features.repo")
    columns = lazy("ondol.features.rules.columns")
    lookup = lazy("ondol.features.rules.lookup")
    pushed = lazy("ondol.features.rules.pushed")

_CACHED_KEYS = 200_000
_CACHED_PLANS = 64


@dataclass(slots=True)
class _Shelf:
    """Staircases of one store as they were at `revision`, and still were at `stamp`."""

    revision: int
    stamp: int
    of_key: dict[str | None, lookup.Staircase] = field(default_factory=lambda: {None: lookup.NOTHING})


class OnlineReader:
    """Staircases in the memory of this process, dropped as soon as the store says that it has newer ones.

    Thread-safe without a lock: a shelf only ever gains keys, and is replaced as a whole.
    """

    def __init__(self, online: Online) -> None:
        self._online = online
        self._shelves: dict[str, _Shelf] = {}
        self.plans: dict[str, lookup.Plan] = {}
        self.pushed_until: dict[str, int] = {}
        self.services: dict[str, tuple[int | None, Service]] = {}
        self.pushes: dict[str, tuple[int | None, list[pushed.PushPlan]]] = {}

    def newest_pushed(self, store: str) -> int:
        """The newest instant that anybody has pushed, as far as this process knows."""
        if store not in self.pushed_until:
            self.pushed_until[store] = int(self._online.notes(store).get(PUSHED, columns.BEGINNING))
        return self.pushed_until[store]

    def staircases(self) -> lookup.Staircases:
        """The store as it is now, or newer."""
        stamp, shelves = self._online.stamp(), self._shelves

        def of_store(store: str, keys: Sequence[str | None]) -> Mapping[str | None, lookup.Staircase]:
            shelf = shelves.get(store)
            if shelf is None or shelf.stamp != stamp:
                shelf = self._fresh(store, shelf, stamp)
            of_key = shelf.of_key
            for key in keys:
                if key not in of_key:
                    return self._fetch(store, keys, shelf)
            return of_key

        return of_store

    def _fresh(self, store: str, shelf: _Shelf | None, stamp: int) -> _Shelf:
        revision = self._online.revision(store)
        if shelf is None or shelf.revision != revision:
            shelf = self._shelves[store] = _Shelf(revision, stamp)
        shelf.stamp = stamp
        return shelf

    def _fetch(self, store: str, keys: Sequence[str | None], shelf: _Shelf) -> Mapping[str | None, lookup.Staircase]:
        if len(shelf.of_key) > _CACHED_KEYS:
            shelf = self._shelves[store] = _Shelf(shelf.revision, shelf.stamp)
        of_key = shelf.of_key
        wanted = [key for key in set(keys) if key is not None and key not in of_key]
        for key, steps in zip(wanted, self._online.get(store, wanted), strict=True):
            of_key[key] = ([step[0] for step in steps], [step[1] for step in steps])
        return of_key


_readers: WeakKeyDictionary[Online, OnlineReader] = WeakKeyDictionary()
_opening = threading.Lock()


def reader_of(online: Online) -> OnlineReader:
    if found := _readers.get(online):
        return found
    with _opening:
        return _readers.setdefault(online, OnlineReader(online))


def read(tools: Tools, request: ReadFeatures) -> FeatureRows:
    """See `ondol.features.service.read_features`."""
    service = _current_service(tools, reader_of(tools.online), request.service)
    if not request.rows:
        return FeatureRows(features=service.features, rows=[])
    wanted = {*service.inputs, service.spec.time}
    given = {
        name: [row.get(name) for row in request.rows]
        for name in dict.fromkeys(name for row in request.rows for name in row)
        if name in wanted
    }
    if not given:
        given = {"": [None] * len(request.rows)}  # the rows are still counted
    found = values_of(tools, service, given, request.at or tools.now())
    return FeatureRows(features=service.features, rows=[list(row) for row in zip(*found.values(), strict=True)])


def _current_service(tools: Tools, reader: OnlineReader, name: str) -> Service:
    """A service that fits its views as they are now; kept until something in the database changes."""
    revision = tools.db.revision()
    known = reader.services.get(name)
    if known is not None and revision is not None and known[0] == revision:
        return known[1]
    with tools.transaction(write=False) as inner:
        service = repo.read_service(inner.connection, name)
        if service is None:
            there = [one.name for one in repo.list_services(inner.connection)]
            raise NotFound(
                f"There is no feature service {name!r}.", hint=f"There are {', '.join(there) or 'none yet'}."
            )
        views = repo.read_views(inner.connection, service.spec.views)
    check_current(service, [views[each].spec for each in service.spec.views])
    reader.services[name] = (revision, service)
    return service


def vectors(tools: Tools, service: Service, rows: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """See `ondol.features.service.vectors`."""
    types = service.inputs | ({service.spec.time: "timestamp"} if service.spec.time in rows.columns else {})
    frame = columns.conform(rows, types, f"Feature service {service.name!r}")
    given = frame.select(list(types)).to_dict(as_series=False)
    found = values_of(tools, service, given, at)
    return pl.DataFrame(found, schema=dict.fromkeys(service.features, pl.Float64))


def values_of(
    tools: Tools, service: Service, given: Mapping[str, Sequence[Any]], at: datetime
) -> dict[str, list[float | None]]:
    """See `ondol.features.service.values_of`."""
    reader = reader_of(tools.online)
    plan = reader.plans.get(service.hash) or _planned(tools, service, reader)
    return lookup.read(plan, given, at, reader.staircases())


def view_values(tools: Tools, view: ViewSpec, dataset: DatasetSpec, rows: pl.DataFrame, at: datetime) -> pl.DataFrame:
    """See `ondol.features.service.view_values`."""
    time = dataset.time or next(iter(dataset.columns))
    spec = ServiceSpec(name=view.name, dataset=dataset.name, key=time, time=time, label="0", views=[view.name])
    names, inputs = feature_names(spec, [view]), inputs_of(spec, dataset, [view])
    given = columns.conform(rows, inputs, f"Feature view {view.name!r}").select(list(inputs)).to_dict(as_series=False)
    plan = lookup.compile_plan(spec, [view], inputs, names)
    found = lookup.read(plan, given, at, reader_of(tools.online).staircases())
    return pl.DataFrame(found, schema=dict.fromkeys(names, pl.Float64))


def _planned(tools: Tools, service: Service, reader: OnlineReader) -> lookup.Plan:
    """Compiled from the definitions that the hash stands for, and kept under it."""
    with tools.transaction(write=False) as inner:
        definition = repo.read_definition(inner.connection, service.hash)
        lacking = repo.list_lacking(inner.connection, definition.views if definition else [])
    if definition is None:
        raise Conflict(f"Feature service {service.name!r} has never been defined like this.", hint="ondol apply")
    if lacking:
        raise Conflict(
            f"{', '.join(lacking)} has changed since this definition of feature service {service.name!r}, and the "
            "values of then are no longer kept online.",
            hint="Deploy a model that has learned from the definitions in force, or declare the old ones again.",
        )
    plan = lookup.compile_plan(definition.service.spec, definition.views, service.inputs, service.features)
    if len(reader.plans) >= _CACHED_PLANS:
        reader.plans.clear()
    reader.plans[service.hash] = plan
    return plan


def stored_view(tools: Tools, name: str) -> repo.StoredView:
    """A view and what of it is online; `NotFound` otherwise. `spend@1` is `spend`."""
    name = canonical(name)
    with tools.transaction(write=False) as inner:
        if found := repo.read_view(inner.connection, name):
            return found
        known = [view.name for view in repo.list_views(inner.connection)]
    raise NotFound(f"There is no feature view {name!r}.", hint=f"There are {', '.join(known) or 'none yet'}.")


def forget_definitions(tools: Tools) -> None:
    """Drop what was online of definitions that are not in force and that nobody holds."""
    with tools.transaction(write=False) as inner:
        candidates = repo.list_unneeded_views(inner.connection)
    for view in candidates:
        with tools.transaction(write=True) as inner:
            unneeded = {(each.name, each.hash) for each in repo.list_unneeded_views(inner.connection)}
            gone = (view.name, view.hash) in unneeded and repo.drop_view(inner.connection, view)
        if gone:
            reader_of(tools.online).plans.clear()
            for stair in stairs_of(view.spec):
                tools.online.drop(stair.store)


def push(tools: Tools, name: str, rows: Sequence[dict[str, Any]]) -> Pushed:
    """Steps straight from rows, merged into what is online; also for models that learned from the view of before."""
    reader = reader_of(tools.online)
    current, *before = _push_plans(tools, reader, canonical(name))
    keys = _push(tools, reader, current, rows)
    for plan in before:
        _push(tools, reader, plan, rows)
    return Pushed(view=current.view, keys=keys)


def _push(tools: Tools, reader: OnlineReader, plan: pushed.PushPlan, rows: Sequence[dict[str, Any]]) -> int:
    steps = pushed.plain_steps(plan, rows)
    if steps is None:
        frame = pushed.frame_of(rows, plan.columns)
        if frame is None:
            frame = lake.typed_rows(tools, plan.dataset, list(rows))
        steps = pushed.steps_of_rows(plan, frame)
    store, notes = plan.stair.store, {}
    newest = max((of_key[-1][0] for _, of_key in steps if of_key), default=0)
    if newest > reader.newest_pushed(store):
        reader.pushed_until[store] = newest
        notes = {PUSHED: str(newest)}
    return tools.online.put(store, steps, replace=False, notes=notes)


def _push_plans(tools: Tools, reader: OnlineReader, name: str) -> list[pushed.PushPlan]:
    """Compiled from the definition in force and from those kept, and reused until something in the database changes."""
    revision = tools.db.revision()
    known = reader.pushes.get(name)
    if known is not None and revision is not None and known[0] == revision:
        return known[1]
    with tools.transaction(write=False) as inner:
        wanted = repo.read_view_hashes(inner.connection, name)
        plans = known[1] if known is not None else []
        if not wanted or [plan.definition for plan in plans] != wanted:
            plans = _compiled_pushes(inner, stored_view(inner, name), wanted[1:])
    reader.pushes[name] = (revision, plans)
    return plans


def _compiled_pushes(tools: Tools, view: repo.StoredView, before: Sequence[str]) -> list[pushed.PushPlan]:
    plans = [pushed.compile_push(view.spec, view.hash, lake.spec_of(tools, view.spec.dataset))]
    for definition in before:
        spec = repo.read_kept_view(tools.connection, view.name, definition).spec
        with suppress(Conflict):  # windows take no pushed rows
            plans.append(pushed.compile_push(spec, definition, lake.spec_of(tools, spec.dataset)))
    return plans
