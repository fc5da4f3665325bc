"""Who reads what, as edges from a thing to its direct readers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ondol.discovery.types import Use
from ondol.features.types import Feature, Service, ServiceSpec, View, ViewSpec
from ondol.lake.types import Dataset
from ondol.monitoring.types import Monitor
from ondol.registry.types import Model
from ondol.serving.types import Endpoint

Key = tuple[str, str]
_WORD = re.compile(r"[A-Za-z_]\w*")
_TEXT = re.compile(r"'[^']*'")


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """What the house has. `trained_with`: model and feature service, and the numbers of the versions of which it
    is true; `projects`: which project declares a thing, by its kind as the project room says it and its name."""

    datasets: list[Dataset]
    views: list[View]
    services: list[Service]
    models: list[Model]
    trained_with: dict[Key, list[int]]
    endpoints: list[Endpoint]
    monitors: list[Monitor]
    projects: dict[Key, str]


def words_in(expression: str) -> set[str]:
    """Every word of an expression that may be a column."""
    return set(_WORD.findall(_TEXT.sub(" ", expression)))


def definition_of(feature: Feature) -> str:
    """As a person would write it: `mean(arr_delay > 15) over 7d`."""
    if not feature.window:
        return feature.expression
    tile = f" by {feature.tile}" if feature.tile != "1d" else ""
    return f"{feature.aggregate}({feature.expression}) over {feature.window}{tile}"


def readers(inventory: Inventory) -> dict[Key, list[Key]]:
    """Each thing's direct readers."""
    edges: dict[Key, dict[Key, None]] = defaultdict(dict)
    columns = {each.name: set(each.spec.columns) for each in inventory.datasets}
    for view in inventory.views:
        edges["dataset", view.spec.dataset]["feature_view", view.name] = None
        have = columns.get(view.spec.dataset, set())
        for feature in view.spec.features:
            for column in (words_in(feature.expression) | set(view.spec.entity)) & have:
                edges["column", f"{view.spec.dataset}.{column}"]["feature", f"{view.name}.{feature.name}"] = None
    for service in inventory.services:
        _of_service(service, inventory.views, columns, edges)
    for model, name in inventory.trained_with:
        edges["feature_service", name]["model", model] = None
    for endpoint in inventory.endpoints:
        edges["model", endpoint.spec.model]["endpoint", endpoint.name] = None
        edges["feature_service", endpoint.spec.service]["endpoint", endpoint.name] = None
    for monitor in inventory.monitors:
        edges["endpoint", monitor.spec.endpoint]["monitor", monitor.name] = None
        edges["dataset", monitor.spec.labels]["monitor", monitor.name] = None
    return {key: list(found) for key, found in edges.items()}


def _of_service(
    service: Service, views: Sequence[View], columns: Mapping[str, set[str]], edges: dict[Key, dict[Key, None]]
) -> None:
    me = ("feature_service", service.name)
    edges["dataset", service.spec.dataset][me] = None
    own = words_in(service.spec.label) | {service.spec.key, service.spec.time}
    own |= {column for group in service.spec.row_features for column in group.columns}
    for column in own & columns.get(service.spec.dataset, set()):
        edges["column", f"{service.spec.dataset}.{column}"][me] = None
    for view in views:
        if view.name in service.spec.views:
            edges["feature_view", view.name][me] = None
            for feature in view.spec.features:
                edges["feature", f"{view.name}.{feature.name}"][me] = None


def uses(start: Key, edges: Mapping[Key, Iterable[Key]], inventory: Inventory, *, direct: bool = False) -> list[Use]:
    """Everybody who reads a thing, the nearest first, each by the shortest way."""
    seen: dict[Key, list[str]] = {start: []}
    frontier = [start]
    while frontier:
        following: list[Key] = []
        for here in frontier:
            for reader in edges.get(here, ()):
                if reader not in seen:
                    seen[reader] = [*seen[here], here[1]] if here != start else []
                    following.append(reader)
        frontier = [] if direct else following
    del seen[start]
    return [Use(kind=kind, name=name, via=via, **_about(kind, name, inventory)) for (kind, name), via in seen.items()]


def _about(kind: str, name: str, inventory: Inventory) -> dict[str, str]:
    project = inventory.projects.get((kind.replace("_", " "), name), "")
    if kind == "feature":
        view = name.partition(".")[0]
        return {"project": inventory.projects.get(("feature view", view), "")}
    if kind == "model":
        owner = next((model.spec.owner for model in inventory.models if model.name == name), "")
        numbers = sorted(n for (model, _), found in inventory.trained_with.items() if model == name for n in found)
        return {"project": project, "owner": owner, "note": _span(numbers)}
    if kind == "endpoint":
        owner = next((each.spec.owner for each in inventory.endpoints if each.name == name), "")
        return {"project": project, "owner": owner}
    specs: list[ViewSpec | ServiceSpec] = [each.spec for each in inventory.views] if kind == "feature_view" else []
    if kind == "feature_service":
        specs = [each.spec for each in inventory.services]
    return {"project": project, "owner": next((spec.owner for spec in specs if spec.name == name), "")}


def _span(numbers: list[int]) -> str:
    if not numbers:
        return ""
    return f"version {numbers[0]}" if len(numbers) == 1 else f"versions {numbers[0]} to {numbers[-1]}"
