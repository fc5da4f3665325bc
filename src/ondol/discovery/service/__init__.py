"""Search, who uses what, what the values are like, and the whole story of a feature."""

from __future__ import annotations

from ondol.discovery.rules import things, usage
from ondol.discovery.service import cards, profiles
from ondol.discovery.service.world import shelf, world
from ondol.discovery.types import (
    Found,
    ListUses,
    PreviewView,
    ProfileDataset,
    SearchResult,
    SearchThings,
    ShowView,
    TableProfile,
    Use,
    ViewCard,
    ViewValues,
)
from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.operation import operation
from ondol.ports.tools import Tools

_MOST = 200


@operation("catalogue.search", "GET", "/v1/search", scope="read")
def search(tools: Tools, request: SearchThings) -> SearchResult:
    """Find datasets, columns, features, models ... of every project by the words of their names and descriptions."""
    if not 1 <= request.limit <= _MOST or request.offset < 0:
        raise Invalid(f"limit is {request.limit}, offset {request.offset}; a page has 1 to {_MOST} things.")
    known = shelf(tools)
    if request.text.strip():
        scored = [Found(thing=known.things[number], score=round(score, 4), matched=words)
                  for number, score, words in known.index.search(request.text)]  # fmt: skip
    else:
        order = {kind: place for place, kind in enumerate(things.ORDER)}
        everything = sorted(known.things, key=lambda thing: (order[thing.kind], thing.of, thing.name))
        scored = [Found(thing=thing, score=0.0) for thing in everything]
    kept = [found for found in scored if things.wanted(found.thing, request)]
    return SearchResult(
        items=kept[request.offset : request.offset + request.limit],
        total=len(kept),
        facets=things.facets([found.thing for found in scored], request),
    )


@operation("catalogue.uses", "GET", "/v1/uses/{kind}/{name}", scope="read")
def list_uses(tools: Tools, request: ListUses) -> list[Use]:
    """Who reads a dataset, column, feature view, feature, feature service or model, directly or through others."""
    now = world(tools)
    start = (request.kind, request.name)
    if start not in now.edges and not _is_there(start, now.inventory):
        raise NotFound(f"There is no {request.kind.replace('_', ' ')} {request.name!r}.", hint="ondol search WORDS")
    return usage.uses(start, now.edges, now.inventory)


@operation("datasets.statistics", "GET", "/v1/datasets/{dataset}/statistics", scope="read", long=True)
def profile_dataset(tools: Tools, request: ProfileDataset) -> TableProfile:
    """Nulls, distinct values, mean, quantiles and histogram of each column of a silver version."""
    return profiles.of_dataset(tools, request.dataset, request.version)


@operation("features.show", "GET", "/v1/features/{feature}", scope="read", long=True)
def show_view(tools: Tools, request: ShowView) -> ViewCard:
    """A feature view, or one feature of it: definition, history, owner, freshness, statistics, who uses it."""
    return cards.view_card(tools, request.feature)


@operation("views.values", "GET", "/v1/feature-views/{view}/values", scope="read", long=True)
def preview_view(tools: Tools, request: PreviewView) -> ViewValues:
    """What a model would see now, for the keys of the newest rows of the view's dataset."""
    if not 1 <= request.limit <= _MOST:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {_MOST}.")
    return cards.values_now(tools, request.view, request.limit)


def _is_there(start: tuple[str, str], inventory: usage.Inventory) -> bool:
    kind, name = start
    owner, _, part = name.partition(".")
    if kind == "column":
        return any(each.name == owner and part in each.spec.columns for each in inventory.datasets)
    if kind == "feature":
        return any(each.name == owner and part in [one.name for one in each.spec.features] for each in inventory.views)
    names = {
        "dataset": [each.name for each in inventory.datasets],
        "feature_view": [each.name for each in inventory.views],
        "feature_service": [each.name for each in inventory.services],
        "model": [each.name for each in inventory.models],
        "endpoint": [each.name for each in inventory.endpoints],
    }
    return name in names.get(kind, [])
