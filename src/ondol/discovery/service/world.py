"""What the house has at this moment, read once for each state of its database."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ondol.discovery.rules import things, usage
from ondol.discovery.rules.ranking import Index
from ondol.discovery.rules.usage import Inventory, Key
from ondol.discovery.types import Thing
from ondol.features import service as features
from ondol.features.types import ListServices, ListViews
from ondol.lake import service as lake
from ondol.lake.types import ListDatasets
from ondol.monitoring import service as monitoring
from ondol.monitoring.types import ListMonitors
from ondol.pipelines import service as pipelines
from ondol.pipelines.types import ListPipelines
from ondol.ports.db import Db
from ondol.ports.tools import Tools
from ondol.project import service as project
from ondol.project.types import ListOwners
from ondol.registry import service as registry
from ondol.registry.types import ListModels, ListVersions
from ondol.serving import service as serving
from ondol.serving.types import ListEndpoints
from ondol.tracking import service as tracking
from ondol.tracking.service import experiments
from ondol.tracking.types import ListExperiments, ListRuns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EXPERIMENTS = 1000
_RUNS = 500


@dataclass(frozen=True, slots=True)
class World:
    inventory: Inventory
    edges: dict[Key, list[Key]]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Things to search, and the words they are found by."""

    things: Sequence[Thing]
    texts: Sequence[Mapping[str, str]]
    index: Index


_worlds: WeakKeyDictionary[Db, tuple[int, World]] = WeakKeyDictionary()
_shelves: WeakKeyDictionary[Db, tuple[int, Shelf]] = WeakKeyDictionary()
_guard = threading.Lock()


def world(tools: Tools) -> World:
    """In the open transaction, or in one of its own."""
    revision = tools.db.revision()
    with _guard:
        known = _worlds.get(tools.db)
    if known is not None and revision is not None and known[0] == revision:
        return known[1]
    with tools.transaction(write=False) as inner:
        found = _read(inner)
    made = World(found, usage.readers(found))
    if revision is not None:
        with _guard:
            _worlds[tools.db] = (revision, made)
    return made


def shelf(tools: Tools) -> Shelf:
    revision = tools.db.revision()
    with _guard:
        known = _shelves.get(tools.db)
    if known is not None and revision is not None and known[0] == revision:
        return known[1]
    with tools.transaction(write=False) as inner:
        found = things.all_things(
            world(inner).inventory,
            pipelines.list_pipelines(inner, ListPipelines()),
            experiments.list_experiments(inner, ListExperiments(limit=_EXPERIMENTS)).items,
            tracking.list_runs(inner, ListRuns(limit=_RUNS)).items,
        )
    texts = [things.text_of(thing, around) for thing, around in found]
    # Most changes of the house change no word.
    index = known[1].index if known is not None and known[1].texts == texts else Index(texts, things.WEIGHTS)
    made = Shelf([thing for thing, _ in found], texts, index)
    with _guard:
        _shelves[tools.db] = (-1 if revision is None else revision, made)
    return made


def _read(tools: Tools) -> Inventory:
    models = registry.list_models(tools, ListModels())
    trained: dict[Key, list[int]] = {}
    for model in models:
        for version in registry.list_versions(tools, ListVersions(model=model.name)):
            if version.service:
                trained.setdefault((model.name, version.service), []).append(version.number)
    return Inventory(
        datasets=lake.list_datasets(tools, ListDatasets()),
        views=features.list_views(tools, ListViews()),
        services=features.list_services(tools, ListServices()),
        models=models,
        trained_with=trained,
        endpoints=serving.list_endpoints(tools, ListEndpoints()),
        monitors=monitoring.list_monitors(tools, ListMonitors()),
        projects={(each.kind, each.name): each.project for each in project.list_owners(tools, ListOwners())},
    )
