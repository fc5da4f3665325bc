"""The whole story of a feature view on one card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.discovery.rules import usage
from ondol.discovery.service import profiles
from ondol.discovery.service.world import World, world
from ondol.discovery.types import ColumnProfile, Definition, FeatureCard, ViewCard, ViewValues
from ondol.features import service as features
from ondol.features.types import Feature, ListTrainingSets, TrainingSet, View
from ondol.kernel.errors import NotFound
from ondol.kernel.lazy import lazy
from ondol.lake import service as lake
from ondol.lake.types import Dataset
from ondol.lineage import service as lineage
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import polars as pl

    from ondol.discovery import repo
else:
    pl = lazy("polars")
    repo = lazy("ondol.discovery.repo")

_NEWEST_ROWS = 2000


def view_card(tools: Tools, asked: str) -> ViewCard:
    now = world(tools)
    view, wanted = _find(now, asked)
    spec = view.spec
    dataset = next((each for each in now.inventory.datasets if each.name == spec.dataset), None)
    profiled, found = _profiles(tools, now, view)
    shown = [feature for feature in spec.features if not wanted or feature.name == wanted]
    with tools.transaction(write=False) as inner:
        history = _history(inner, view)
        counted = repo.computed(inner.connection, view.name, view.hash)
    version, owner = (dataset.version, spec.owner or dataset.spec.owner) if dataset else (-1, spec.owner)
    return ViewCard(
        name=view.name, description=spec.description, owner=owner, tags=spec.tags,
        project=now.inventory.projects.get(("feature view", view.name), ""), entity=spec.entity, dataset=spec.dataset,
        ttl=spec.ttl, features=[_feature(now, view, each, found.get(each.name)) for each in shown], history=history,
        hash=view.hash, newest=dataset.newest if dataset else None, updated_at=view.updated_at,
        dataset_version=version, online_version=view.online_version, online_keys=view.online_keys,
        behind_versions=_behind(dataset, view), computed=counted.online,
        computed_for_training=counted.training, computed_at=counted.last,
        used_by=usage.uses(("feature_view", view.name), now.edges, now.inventory), profiled=profiled,
        lineage=f"feature_view:{view.name}@{view.hash[:8]}",
    )  # fmt: skip


def values_now(tools: Tools, name: str, limit: int) -> ViewValues:
    """The keys are those of the newest rows of the dataset."""
    view, _ = _find(world(tools), name)
    spec = lake.spec_of(tools, view.spec.dataset)
    rows = lake.scan(tools, view.spec.dataset).select({*view.spec.entity, *([spec.time] if spec.time else [])})
    if spec.time:
        rows = rows.top_k(_NEWEST_ROWS, by=spec.time)
    keys = rows.select(view.spec.entity).drop_nulls().unique(maintain_order=False).sort(view.spec.entity).head(limit)
    entities = keys.collect()
    at = tools.now()
    values = features.view_values(tools, view.name, entities, at)
    together = pl.concat([entities, values], how="horizontal")
    return ViewValues(view=view.name, at=at, columns=together.columns, rows=[list(row) for row in together.iter_rows()])


def _find(now: World, asked: str) -> tuple[View, str]:
    """A view, and the one feature that is meant (or nothing)."""
    views = {view.name: view for view in now.inventory.views}
    if asked in views:
        return views[asked], ""
    name, _, feature = asked.rpartition(".")
    if name in views and feature in [each.name for each in views[name].spec.features]:
        return views[name], feature
    for view in views.values():
        if asked in [each.name for each in view.spec.features]:
            return view, asked
    raise NotFound(f"There is no feature view and no feature {asked!r}.", hint=f"ondol search {asked!r}")


def _feature(now: World, view: View, feature: Feature, found: ColumnProfile | None) -> FeatureCard:
    return FeatureCard(
        name=feature.name,
        description=view.spec.descriptions.get(feature.name, ""),
        definition=usage.definition_of(feature),
        profile=found,
        used_by=usage.uses(("feature", f"{view.name}.{feature.name}"), now.edges, now.inventory),
    )


def _history(tools: Tools, view: View) -> list[Definition]:
    nodes = lineage.versions_of(tools, "feature_view", view.name)
    found = [
        Definition(
            id=node.id, hash=node.id.rpartition("@")[2], since=node.at, features=list(node.facts.get("features", ())),
            current=view.hash.startswith(node.id.rpartition("@")[2]),
        )
        for node in nodes
    ]  # fmt: skip
    return sorted(found, key=lambda each: not each.current)


def _behind(dataset: Dataset | None, view: View) -> int:
    """Versions of the dataset whose rows are not online yet."""
    return max(dataset.version - max(view.online_version, -1), 0) if dataset else 0


def _profiles(tools: Tools, now: World, view: View) -> tuple[str, dict[str, ColumnProfile]]:
    """Statistics of the view's features over the newest training set that was made with this definition."""
    readers = [each for each in now.inventory.services if view.name in each.spec.views]
    sets: list[TrainingSet] = []
    with tools.transaction(write=False) as inner:
        for service in readers:
            found = features.list_training_sets(inner, ListTrainingSets(service=service.name, limit=1))
            sets += [each for each in found if each.service_hash == service.hash]
    if not sets:
        return "", {}
    newest = max(sets, key=lambda each: each.at)
    made = profiles.of_table(tools, newest.table, newest.table_version)
    return newest.id, {column.name: column for column in made.columns}
