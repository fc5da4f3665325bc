"""The things of the house as people look for them, and the texts in which they are found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from ondol.discovery.rules import usage
from ondol.discovery.rules.usage import Inventory
from ondol.discovery.types import Facet, SearchThings, Thing
from ondol.features.types import Feature, RowFeatures, Service, View
from ondol.lake.types import Dataset
from ondol.pipelines.types import Pipeline
from ondol.tracking.types import Experiment, Run

WEIGHTS = {"name": 4.0, "description": 2.5, "tags": 2.5, "definition": 1.0, "owner": 1.0, "around": 0.7, "kind": 0.5}
ORDER = (
    "dataset", "feature_view", "feature", "feature_service", "model", "endpoint", "pipeline", "column", "experiment",
    "training_set", "run",
)  # fmt: skip
_Used = Callable[[str, str], int]
"""How many read a thing."""
_COMPARES = (">", "<", "=", " is ", " in ", " like ", " between ")


def all_things(
    inventory: Inventory, pipelines: Sequence[Pipeline], experiments: Sequence[Experiment], runs: Sequence[Run]
) -> list[tuple[Thing, str]]:
    """Every thing, and the words of what is around it."""
    edges = usage.readers(inventory)

    def used(kind: str, name: str) -> int:
        return len(usage.uses((kind, name), edges, inventory))

    found: list[tuple[Thing, str]] = []
    newest = {each.name: each for each in inventory.datasets}
    for dataset in inventory.datasets:
        found += _of_dataset(dataset, inventory, used)
    for view in inventory.views:
        found += _of_view(view, newest.get(view.spec.dataset), inventory, used)
    for service in inventory.services:
        found += _of_service(service, newest.get(service.spec.dataset), inventory, used)
    found += _of_delivery(inventory, used)
    for pipeline in pipelines:
        project = inventory.projects.get(("pipeline", pipeline.name), "")
        thing = Thing(id=f"pipeline:{pipeline.name}", kind="pipeline", name=pipeline.name, project=project,
                      description=pipeline.spec.description, updated_at=pipeline.updated_at)  # fmt: skip
        found.append((thing, " ".join(pipeline.spec.parameters)))
    found += [(_experiment(each), " ".join(each.tags.values())) for each in experiments]
    found += [(_run(run), f"{run.experiment} {' '.join(run.params)} {' '.join(run.metrics)}") for run in runs]
    return found


def text_of(thing: Thing, around: str) -> dict[str, str]:
    """By field of `WEIGHTS`."""
    return {
        "name": thing.name,
        "description": thing.description,
        "tags": " ".join(thing.tags),
        "definition": thing.definition,
        "owner": f"{thing.owner} {thing.project}",
        "around": f"{thing.of} {around}",
        "kind": thing.kind.replace("_", " "),
    }


def wanted(thing: Thing, request: SearchThings, *, but: str = "") -> bool:
    """Whether it passes the filters of the request, all or all `but` one of them."""
    checks = {
        "kind": not request.kinds or thing.kind in request.kinds,
        "owner": not request.owner or thing.owner == request.owner,
        "tag": not request.tag or request.tag in thing.tags,
        "project": not request.project or thing.project == request.project,
    }
    return all(passed for name, passed in checks.items() if name != but)


def facets(things: Sequence[Thing], request: SearchThings) -> dict[str, list[Facet]]:
    found: dict[str, list[Facet]] = {}
    for name in ("kind", "owner", "tag", "project"):
        counts: Counter[str] = Counter()
        for thing in things:
            if wanted(thing, request, but=name):
                counts.update(thing.tags if name == "tag" else [getattr(thing, name)])
        del counts[""]
        found[name] = [Facet(value=value, count=count) for value, count in counts.most_common(50)]
    return found


def _of_dataset(dataset: Dataset, inventory: Inventory, used: _Used) -> Iterator[tuple[Thing, str]]:
    spec, project = dataset.spec, inventory.projects.get(("dataset", dataset.name), "")
    yield (
        Thing(
            id=f"dataset:{dataset.name}", kind="dataset", name=dataset.name, description=spec.description,
            owner=spec.owner, tags=spec.tags, project=project, newest=dataset.newest, updated_at=dataset.updated_at,
            rows=dataset.rows, used_by=used("dataset", dataset.name),
        ),
        " ".join([*spec.columns, getattr(spec.source, "path", "")]),
    )  # fmt: skip
    for column, kind in spec.columns.items():
        name = f"{dataset.name}.{column}"
        yield (
            Thing(
                id=f"column:{name}", kind="column", name=column, of=dataset.name, definition=kind,
                description=spec.descriptions.get(column, ""), owner=spec.owner, project=project,
                newest=dataset.newest, used_by=used("column", name),
            ),
            "",
        )  # fmt: skip


def _of_view(view: View, source: Dataset | None, inventory: Inventory, used: _Used) -> Iterator[tuple[Thing, str]]:
    spec, project = view.spec, inventory.projects.get(("feature view", view.name), "")
    newest, owner = (source.newest, spec.owner or source.spec.owner) if source else (None, spec.owner)
    columns = source.spec.descriptions if source else {}
    lines = [f"{feature.name} = {usage.definition_of(feature)}" for feature in spec.features]
    yield (
        Thing(
            id=f"feature_view:{view.name}", kind="feature_view", name=view.name, of=spec.dataset,
            description=spec.description, definition="; ".join(lines), owner=owner, tags=spec.tags,
            project=project, newest=newest, updated_at=view.updated_at, rows=view.online_keys,
            used_by=used("feature_view", view.name),
        ),
        " ".join(spec.entity),
    )  # fmt: skip
    for feature in spec.features:
        name = f"{view.name}.{feature.name}"
        around = [columns.get(word, "") for word in sorted(usage.words_in(feature.expression))]
        yield (
            Thing(
                id=f"feature:{name}", kind="feature", name=feature.name, of=view.name,
                description=spec.descriptions.get(feature.name, ""), definition=usage.definition_of(feature),
                owner=owner, tags=spec.tags, project=project, newest=newest, updated_at=view.updated_at,
                used_by=used("feature", name),
            ),
            " ".join([spec.dataset, *spec.entity, spec.description, _spoken(feature), *around]),
        )  # fmt: skip


def _spoken(feature: Feature) -> str:
    """Words that people say for what the definition does."""
    if feature.aggregate == "mean":
        compares = any(mark in f" {feature.expression.lower()} " for mark in _COMPARES)
        return "share rate ratio fraction 비율" if compares else "average 평균"
    return {"sum": "total 합계", "count": "number 횟수", "last": "", "max": "highest 최대", "min": "lowest 최소"}.get(
        feature.aggregate, ""
    )


def _of_service(service: Service, source: Dataset | None, inventory: Inventory, used: _Used) -> list[tuple[Thing, str]]:
    spec, project = service.spec, inventory.projects.get(("feature service", service.name), "")
    newest = source.newest if source else None
    thing = Thing(
        id=f"feature_service:{service.name}", kind="feature_service", name=service.name, of=spec.dataset,
        description=spec.description, definition=f"label {spec.label}", owner=spec.owner, project=project,
        newest=newest, updated_at=service.updated_at, used_by=used("feature_service", service.name),
    )  # fmt: skip
    own: list[tuple[RowFeatures, Feature]] = [(group, each) for group in spec.row_features for each in group.features]
    return [(thing, " ".join(service.features))] + [
        (
            Thing(
                id=f"feature:{service.name}/{group.name}.{feature.name}", kind="feature", name=feature.name,
                of=service.name, definition=feature.expression, owner=spec.owner, project=project,
                updated_at=service.updated_at, used_by=used("feature_service", service.name),
            ),
            group.name,
        )
        for group, feature in own
    ]  # fmt: skip


def _of_delivery(inventory: Inventory, used: _Used) -> Iterator[tuple[Thing, str]]:
    for model in inventory.models:
        spec = model.spec
        services = sorted({service for name, service in inventory.trained_with if name == model.name})
        yield (
            Thing(
                id=f"model:{model.name}", kind="model", name=model.name, description=spec.description, owner=spec.owner,
                tags=sorted(model.tags), project=inventory.projects.get(("model", model.name), ""),
                updated_at=model.updated_at, rows=model.versions, used_by=used("model", model.name),
            ),
            " ".join([spec.intended_use, spec.pipeline, *services]),
        )  # fmt: skip
    for endpoint in inventory.endpoints:
        yield (
            Thing(
                id=f"endpoint:{endpoint.name}", kind="endpoint", name=endpoint.name, of=endpoint.spec.model,
                description=endpoint.spec.description, owner=endpoint.spec.owner, updated_at=endpoint.updated_at,
                project=inventory.projects.get(("endpoint", endpoint.name), ""),
            ),
            endpoint.spec.service,
        )  # fmt: skip


def _experiment(each: Experiment) -> Thing:
    note = each.tags.get("mlflow.note.content", "")
    return Thing(id=f"experiment:{each.name}", kind="experiment", name=each.name, description=note,
                 tags=sorted(tag for tag in each.tags if "." not in tag), updated_at=each.updated_at)  # fmt: skip


def _run(run: Run) -> Thing:
    return Thing(id=f"run:{run.id}", kind="run", name=run.name or run.id, of=run.experiment, owner=run.person,
                 description=run.tags.get("mlflow.note.content", ""), updated_at=run.started_at)  # fmt: skip
