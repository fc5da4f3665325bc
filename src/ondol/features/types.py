"""Features: defined once, the same in training sets and online."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ondol.kernel.event import Event

Aggregate = Literal["last", "mean", "sum", "count", "min", "max", "distinct", "stddev"]
Dialect = Literal["duckdb", "spark", "bigquery", "snowflake", "redshift"]


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """A number computed from rows: of the newest known row, or over a window.

    Without a `window` (then the aggregate is `last`): the expression on the newest known row.
    With one: the aggregate of the expression's values that are not null, over rows that became
    known in `[floor(t, tile) - window, floor(t, tile))`. A window slides in whole tiles. No value
    at all gives null. `last`: the value of the row with the latest time (of one time: that which
    became known last, then the one with the highest key). `distinct`: how many different values,
    exactly; `count` and `distinct` take columns of any type. `stddev`: of a sample (n - 1), null
    for fewer than two.

    Where a dataset keeps corrections (`mode="upsert"` with `known_at`), rows of one key are one
    fact: at any moment (for a window: at its end) the one known last counts, with its own values,
    entity and time, and the ones before it do not. That of training rows is the one known at `until`.

    `function`, when given, is the source of a Python function of one row (and of what it needs);
    `expression` then names it and the columns it is called with: `distance(lat, lon)`.
    """

    name: str
    expression: str
    aggregate: Aggregate = "last"
    window: str = ""
    tile: str = "1d"
    function: str = ""

    @property
    def windowed(self) -> bool:
        return bool(self.window) or self.aggregate != "last"


class ViewSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Features of an entity. `entity` are the columns that identify it. `ttl`: older values are null.

    `name` may end in a version: `spend@2` lives beside `spend` (which is version 1).
    """

    name: str
    entity: list[str]
    dataset: str
    features: list[Feature]
    ttl: str = ""
    description: str = ""
    descriptions: dict[str, str] = {}
    """Of features, by name."""
    owner: str = ""
    tags: list[str] = []
    fresh: str = ""
    """How old the newest row online may be before people are told; it changes no value."""


class RowFeatures(msgspec.Struct, frozen=True, kw_only=True):
    """Features computed from the request itself; `columns` are what a request must bring for them."""

    name: str
    columns: dict[str, str]
    features: list[Feature]


class ServiceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The list of features that a model reads, and the label it learns.

    `key` identifies a row (joins labels to predictions), `time` is the moment of
    the prediction; both are columns of `dataset`, whose rows are the training rows.
    """

    name: str
    dataset: str
    key: str
    time: str
    label: str
    views: list[str]
    row_features: list[RowFeatures] = []
    description: str = ""
    owner: str = ""


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """How far what is online is behind. `newest`: the time of the newest row online, that `pushed` or that landed.

    `behind_seconds`: by how much the newest row of the dataset is newer; `age_seconds`:
    how long before now it happened. None without a time, and before the first row.
    `stale_since`: when it was found older than the view's `fresh` allows.
    """

    newest: datetime | None
    pushed: datetime | None
    behind_seconds: float | None
    age_seconds: float | None
    stale_since: datetime | None = None


class Materialization(msgspec.Struct, frozen=True, kw_only=True):
    """One that is under way, or was killed and goes on with the next call: `keys` of `of` are online.

    A view with several windows stores several sets of keys, one after the other; `of` counts those that have begun.
    """

    version: int
    keys: int
    of: int
    started_at: datetime


class View(msgspec.Struct, frozen=True, kw_only=True):
    """`online_version`: batches up to this version of the dataset are online; -1: none yet."""

    name: str
    version: int
    spec: ViewSpec
    hash: str
    online_version: int
    online_keys: int
    online_at: datetime | None
    """When it was last brought online."""
    freshness: Freshness
    materialization: Materialization | None
    used_by: list[str]
    updated_at: datetime


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """`hash` covers the definitions of all its features and of its label; `label_hash` the label alone."""

    name: str
    spec: ServiceSpec
    hash: str
    label_hash: str
    features: list[str]
    inputs: dict[str, str]
    """Columns that a request must bring (entity keys, row columns), with their types."""
    updated_at: datetime


class FeatureDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """What the service hash of a model version or of a training set stands for: kept for good."""

    hash: str
    service: Service
    views: list[ViewSpec]
    at: datetime


class TrainingSet(msgspec.Struct, frozen=True, kw_only=True):
    """A point-in-time correct table: key, time, entity columns, features, `label`. Immutable."""

    id: str
    service: str
    service_hash: str
    label: str
    label_hash: str
    features: list[str]
    table: str
    table_version: int
    rows: int
    since: datetime | None
    until: datetime
    positive_share: float | None
    tables: dict[str, int]
    """The table versions it was made from."""
    engine: str = "house"
    """Who joined it: the house itself, `spark` or `duckdb`."""
    query: str = ""
    """What an engine other than the house was told."""
    at: datetime


class DeclareView(msgspec.Struct, frozen=True, kw_only=True):
    spec: ViewSpec


class DeclareService(msgspec.Struct, frozen=True, kw_only=True):
    spec: ServiceSpec


class GetView(msgspec.Struct, frozen=True, kw_only=True):
    view: str


class ListViews(msgspec.Struct, frozen=True, kw_only=True):
    pass


class GetService(msgspec.Struct, frozen=True, kw_only=True):
    service: str


class GetDefinition(msgspec.Struct, frozen=True, kw_only=True):
    hash: str


class ListServices(msgspec.Struct, frozen=True, kw_only=True):
    pass


class BuildTrainingSet(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of the service's dataset with `since <= time < until` whose label is known at `until`.

    The same request on the same table versions answers the same set, whoever joins it: `engine` is `house`,
    `spark` or `duckdb`, or, when empty, the one that `training_engine` in the settings names.
    """

    service: str
    until: datetime | None = None
    since: datetime | None = None
    engine: Literal["", "house", "spark", "duckdb"] = ""


class GetTrainingQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The training set of this request as SQL. `tables` is the schema in which the engine has the datasets."""

    service: str
    dialect: Dialect = "duckdb"
    since: datetime | None = None
    until: datetime | None = None
    tables: str = "silver"


class TrainingQuery(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that gives a training set: its columns, its rows, in its order.

    `tables`: where it expects the datasets.
    """

    service: str
    service_hash: str
    dialect: Dialect
    since: datetime | None
    until: datetime
    tables: dict[str, str]
    sql: str


class GetTrainingSet(msgspec.Struct, frozen=True, kw_only=True):
    training_set: str


class ListTrainingSets(msgspec.Struct, frozen=True, kw_only=True):
    service: str = ""
    limit: int = 50


class MaterializeView(msgspec.Struct, frozen=True, kw_only=True):
    """Bring the online store up to the newest rows of the dataset; `full` starts over."""

    view: str
    full: bool = False


class CheckView(msgspec.Struct, frozen=True, kw_only=True):
    view: str


class PushRows(msgspec.Struct, frozen=True, kw_only=True):
    """Fresh rows straight to the online store, ahead of the batch that brings them to the lake.

    For views whose features are all `last`. Rows are dataset rows (typed as there).
    """

    view: str
    rows: list[dict[str, Any]]


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    view: str
    keys: int


class ReadFeatures(msgspec.Struct, frozen=True, kw_only=True):
    """What a model would see for these rows (entity keys and row columns) at `at` (now by default;
    a row may carry its own moment in the service's time column)."""

    service: str
    rows: list[dict[str, Any]]
    at: datetime | None = None


class FeatureRows(msgspec.Struct, frozen=True, kw_only=True):
    features: list[str]
    rows: list[list[float | None]]


class TrainingSetBuilt(Event, frozen=True, kw_only=True):
    """The subject is the training set."""

    service: str
    rows: int
    until: datetime


class ViewDeclared(Event, frozen=True, kw_only=True):
    """The subject is the view, whose definition is new; nothing of it is online yet."""

    hash: str


class ViewStale(Event, frozen=True, kw_only=True):
    """The subject is the view, whose newest row online is older than it declares as `fresh`. Said once."""

    newest: datetime | None
    fresh: str


class ViewFresh(Event, frozen=True, kw_only=True):
    """The subject is the view, which was stale and is no longer."""


class HoldsChanged(Event, frozen=True, kw_only=True):
    """The subject is who holds definitions of features: models in traffic. Definitions nobody needs may go."""


class WindowsComputed(Event, frozen=True, kw_only=True):
    """The subject is the view, whose windows were computed for training sets from the rows that `origin` names.
    Whoever trains on the same rows reads them, and nobody hears of it."""

    hash: str
    origin: str
    steps: int


class ViewMaterialized(Event, frozen=True, kw_only=True):
    """The subject is the view, as `hash` defines it."""

    hash: str = ""
    keys: int
    version: int
