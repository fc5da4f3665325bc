"""What there is in the house, who uses it, and what is in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

ThingKind = Literal[
    "dataset", "column", "feature_view", "feature", "feature_service", "training_set", "model", "endpoint", "pipeline",
    "experiment", "run",
]  # fmt: skip


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    """Something that people look for. `of`: the dataset of a column, the view of a feature, the model of a version."""

    id: str
    """`feature:carrier_late.carrier_late_7d`"""
    kind: ThingKind
    name: str
    of: str = ""
    description: str = ""
    definition: str = ""
    """An expression, the type of a column, the label of a service ..."""
    owner: str = ""
    tags: list[str] = []
    project: str = ""
    newest: datetime | None = None
    """The latest moment that its rows tell about."""
    updated_at: datetime | None = None
    rows: int | None = None
    used_by: int = 0


class Found(msgspec.Struct, frozen=True, kw_only=True):
    thing: Thing
    score: float
    matched: list[str] = []
    """The words of the thing that were asked for."""


class Facet(msgspec.Struct, frozen=True, kw_only=True):
    value: str
    count: int


class SearchThings(msgspec.Struct, frozen=True, kw_only=True):
    """Words in any order, in any language; without words everything, by kind and name.

    The best come first: those with more of the words, rarer words, words in the name.
    """

    text: str = ""
    kinds: list[str] = []
    owner: str = ""
    tag: str = ""
    project: str = ""
    limit: int = 30
    offset: int = 0


class SearchResult(msgspec.Struct, frozen=True, kw_only=True):
    """`facets`: of `kind`, `owner`, `tag`, `project`, how many of all that was found (each without its own filter)."""

    items: list[Found]
    total: int
    facets: dict[str, list[Facet]]


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who reads a thing, directly or through `via`."""

    kind: str
    name: str
    via: list[str] = []
    project: str = ""
    owner: str = ""
    note: str = ""


class ListUses(msgspec.Struct, frozen=True, kw_only=True):
    """`kind` is dataset, column, feature_view, feature, feature_service or model; a column is `flights.arr_delay`, a
    feature `carrier_late.carrier_late_7d`."""

    kind: str
    name: str


class ValueHistogram(msgspec.Struct, frozen=True, kw_only=True):
    """`counts` between neighbouring `edges`; the last bin holds its upper edge too."""

    edges: list[float]
    counts: list[int]


class Frequent(msgspec.Struct, frozen=True, kw_only=True):
    value: Any
    count: int


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True):
    """`distinct` is exact; `quantiles` are at 5, 25, 50, 75 and 95 %. Numbers have a mean and a histogram, moments a
    histogram over seconds since 1970, texts their most frequent values."""

    name: str
    type: str
    rows: int
    nulls: int
    distinct: int
    low: Any = None
    high: Any = None
    mean: float | None = None
    deviation: float | None = None
    quantiles: list[float] = []
    histogram: ValueHistogram | None = None
    frequent: list[Frequent] = []


class TableProfile(msgspec.Struct, frozen=True, kw_only=True):
    table: str
    version: int
    rows: int
    columns: list[ColumnProfile]
    at: datetime


class ProfileDataset(msgspec.Struct, frozen=True, kw_only=True):
    """`version` -1 is the newest."""

    dataset: str
    version: int = -1


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A definition that a view has had; `features` are lines like `late_7d = mean(late) over 7d`."""

    id: str
    """Its id in the lineage."""
    hash: str
    since: datetime | None
    features: list[str]
    current: bool


class FeatureCard(msgspec.Struct, frozen=True, kw_only=True):
    """A feature of a view: what it means and what its values are like.

    `profile` is over the rows of `profiled`, the newest training set that has the feature; None before there is one.
    """

    name: str
    description: str
    definition: str
    profile: ColumnProfile | None = None
    used_by: list[Use] = []


class ViewCard(msgspec.Struct, frozen=True, kw_only=True):
    """All that a person asks about a feature view.

    `computed`: how often its values were computed for the online store since it was declared in this way,
    `computed_for_training` its windows for training sets: one computation serves everybody who reads it.
    """

    name: str
    description: str
    owner: str
    tags: list[str]
    project: str
    entity: list[str]
    dataset: str
    ttl: str
    features: list[FeatureCard]
    history: list[Definition]
    hash: str
    newest: datetime | None
    updated_at: datetime
    dataset_version: int
    online_version: int
    online_keys: int
    behind_versions: int
    computed: int
    computed_for_training: int
    computed_at: datetime | None
    used_by: list[Use]
    profiled: str = ""
    lineage: str = ""


class ShowView(msgspec.Struct, frozen=True, kw_only=True):
    """`feature` is a view (`carrier_late`), or one of its features (`carrier_late.late_7d`, `late_7d`)."""

    feature: str


class PreviewView(msgspec.Struct, frozen=True, kw_only=True):
    view: str
    limit: int = 20


class ViewValues(msgspec.Struct, frozen=True, kw_only=True):
    """What a model would see now for some keys: those of the newest rows of the dataset."""

    view: str
    at: datetime
    columns: list[str]
    rows: list[list[Any]]
