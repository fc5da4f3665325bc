"""Features: views of entities, features of the row itself, and the list that a model reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from msgspec.structs import replace

from ondol.features.types import Aggregate, Feature, RowFeatures, ServiceSpec, ViewSpec
from ondol.kernel.errors import Invalid
from ondol.kernel.spans import parse_duration
from ondol.lake.types import DatasetSpec
from ondol.sdk.collector import build, declare, known, wrong
from ondol.sdk.data import Dataset, check_column
from ondol.sdk.functions import source_of

_OVER = re.compile(
    r"\s*(mean|sum|count|min|max|distinct|stddev|last)\((.*)\)\s+over\s+([\d.]+ ?\w+)(?:\s+by\s+([\d.]+ ?\w+))?\s*",
    re.DOTALL,
)
_TILES = ("1d", "1h", "5min", "1min", "1s")
_NAMED = re.compile(r"(.+?)\s+as\s+([A-Za-z_]\w*)\s*", re.DOTALL | re.IGNORECASE)
_NO_COLUMNS = re.compile(
    r"extract\s*\(\s*\w+\s+from|interval\s*'[^']*'\s*\w*|(date|timestamp)\s*'[^']*'|\bas\s+\w+|'[^']*'|\w+\s*\(",
    re.IGNORECASE,
)
"""Text, types, functions, and the part of a moment that is extracted: words in them are not columns."""
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Aggregated:
    """An aggregate that has no name yet."""

    aggregate: Aggregate
    expression: str | RowFunction
    window: str
    tile: str


RowFunction = Callable[..., Any]
"""A plain function of one row: its parameters are columns, it returns a number, a boolean or None."""
Written = str | RowFunction | Aggregated
Features = Sequence[str | RowFunction] | Mapping[str, Written]


def over(aggregate: Aggregate, expression: str | RowFunction, *, window: str, tile: str = "") -> Aggregated:
    """`mean`, `sum`, `count`, `min`, `max`, `distinct`, `stddev` or `last` over the last `window` (`"30min"`, `"90d"`).

    The window slides in whole tiles of the moments when rows became known: of a day for windows
    of several days, otherwise of the largest of 1h, 5min, 1min, 1s that is at most a twelfth of it.
    """
    return Aggregated(aggregate, expression, window, tile)


def mean(expression: str | RowFunction, *, window: str, tile: str = "") -> Aggregated:
    """The mean over the last `window`; of a condition: the share of rows for which it holds."""
    return over("mean", expression, window=window, tile=tile)


def count(expression: str | RowFunction = "1", *, window: str, tile: str = "") -> Aggregated:
    """How many rows of the last `window` have a value."""
    return over("count", expression, window=window, tile=tile)


@dataclass(frozen=True, slots=True)
class View:
    spec: ViewSpec
    dataset: Dataset

    @property
    def name(self) -> str:
        return self.spec.name


@dataclass(frozen=True, slots=True)
class Row:
    """Features of the row itself; the columns they need follow from the service's dataset."""

    name: str
    features: list[Feature]


@dataclass(frozen=True, slots=True)
class Service:
    """A feature service as it was declared; `features` are the names in the model's order."""

    spec: ServiceSpec
    dataset: Dataset
    views: tuple[View, ...]

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def features(self) -> list[str]:
        groups: list[ViewSpec | RowFeatures] = [view.spec for view in self.views]
        return [feature.name for group in [*groups, *self.spec.row_features] for feature in group.features]


class ViewOptions(TypedDict, total=False):
    version: int
    ttl: str
    description: str
    descriptions: dict[str, str]
    owner: str
    tags: list[str]
    fresh: str


class ServiceOptions(TypedDict, total=False):
    key: str
    time: str
    description: str
    owner: str


def feature_view(
    name: str,
    *,
    entity: str | list[str] = "",
    dataset: Dataset | None = None,
    features: Features = (),
    **options: Unpack[ViewOptions],
) -> View:
    """Features of an entity, the same in training sets and online.

    With nothing but a name it is a view that another project declares, as it is there: its
    values are computed once, however many models read them.

    `features` are expressions over the dataset's columns: `["wind_speed", "precip > 0 as wet"]`
    for the newest known row, `{"late_7d": od.mean("arr_delay > 15", window="7d")}` for
    aggregates (`od.over` has all of them). Those may also be written as text:
    `"max(arr_delay) over 7d as worst_7d"`. A plain Python function of columns is a feature too:
    `{"speed": speed}`. `ttl`: values older than that are null. `fresh`: people are told when
    the newest row online is older than that. `version=2` of a view lives beside version 1; a
    service names either by its view. `descriptions` say in words what features hold, by their names.
    """
    name = _versioned(name, options.pop("version", 1))
    if dataset is None:
        return _known_view(name, bool(entity or features or options))
    entities = [entity] if isinstance(entity, str) else entity
    for column in entities:
        check_column(dataset.spec, column)
    written = _features(name, features)
    fields = {"name": name, "entity": entities, "dataset": dataset.name, "features": written, **options}
    spec = build(ViewSpec, f"feature view {name!r}", fields)
    if unknown := sorted(set(spec.descriptions) - {feature.name for feature in written}):
        raise wrong(f"feature view {name!r} describes {unknown[0]!r}, which it does not have.")
    declare("views", name, spec)
    return View(spec, dataset)


def _versioned(name: str, version: int) -> str:
    if version < 1 or "@" in name:
        raise wrong(
            f"feature view {name!r} cannot be version {version}.", hint='od.feature_view("spend", version=2, ...)'
        )
    return name if version == 1 else f"{name}@{version}"


def _known_view(name: str, described: bool) -> View:
    if described:
        raise wrong(f"feature view {name!r} does not say from which dataset.", hint="dataset=...")
    spec = known(f"feature view {name!r}", "views.get", {"view": name}).spec
    return View(spec, Dataset(known(f"dataset {spec.dataset!r}", "datasets.get", {"dataset": spec.dataset}).spec))


def row_features(name: str, features: Features) -> Row:
    """Features computed from the row that is predicted, by expressions over its columns or by Python functions."""
    written = _features(name, features)
    if late := [feature.name for feature in written if feature.windowed]:
        raise wrong(f"{late[0]!r} of {name!r} aggregates rows, but sees one only.", hint="Use od.feature_view.")
    return Row(name, written)


def feature_service(
    name: str,
    features: Sequence[View | Row],
    *,
    dataset: Dataset,
    label: str,
    **options: Unpack[ServiceOptions],
) -> Service:
    """The features that a model reads, in order, and the label it learns, an expression over `dataset`.

    The rows of `dataset` are the training rows; its key names a row, its time is the moment of the prediction.
    """
    key = options.get("key") or _single_key(dataset.spec)
    time = options.get("time") or dataset.spec.time
    if not time:
        raise wrong(f"dataset {dataset.name!r} has no time, so nobody knows when a prediction is due.")
    views = tuple(part for part in features if isinstance(part, View))
    rows = [part for part in features if isinstance(part, Row)]
    for column in [key, time, *(entity for view in views for entity in view.spec.entity)]:
        check_column(dataset.spec, column)
    fields: dict[str, Any] = {
        **options,
        "name": name,
        "dataset": dataset.name,
        "key": key,
        "time": time,
        "label": label,
        "views": [view.name for view in views],
        "row_features": [_with_columns(row, dataset.spec) for row in rows],
    }
    spec = build(ServiceSpec, f"feature service {name!r}", fields)
    service = Service(spec, dataset, views)
    if doubled := _doubled(service.features):
        raise wrong(f"feature service {name!r} has two features called {doubled!r}.", hint='Rename one: "x as y".')
    declare("services", name, spec)
    return service


def _doubled(names: Iterable[str]) -> str:
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), "")  # type: ignore[func-returns-value]


def _single_key(spec: DatasetSpec) -> str:
    if len(spec.key) != 1:
        raise wrong(
            f"dataset {spec.name!r} has the key {', '.join(spec.key)}; one column must name a row.", hint='key="..."'
        )
    return spec.key[0]


def _features(owner: str, features: Features) -> list[Feature]:
    if isinstance(features, Mapping):
        return [_feature(owner, name, written) for name, written in features.items()]
    return [_feature(owner, "", written) for written in features]


def _feature(owner: str, name: str, written: Written) -> Feature:
    if isinstance(written, str):
        if not name and (named := _NAMED.fullmatch(written)):
            written, name = named[1], named[2]
        if found := _OVER.fullmatch(written):
            aggregate: Any = found[1]
            written = Aggregated(aggregate, found[2].strip(), found[3], found[4] or "")
    if isinstance(written, Aggregated):
        if not name:
            raise wrong(f"a feature of {owner!r} has no name: {written.expression!r}", hint='{"name": ...}')
        of_row = _of_row(name, written.expression)
        tile = written.tile or _tile_of(written.window)
        return replace(of_row, aggregate=written.aggregate, window=written.window, tile=tile)
    if not isinstance(written, str):
        return _of_row(name or written.__name__, written)
    if not name and not _WORD.fullmatch(written.strip()):
        raise wrong(f"a feature of {owner!r} has no name: {written!r}", hint=f'"{written} as name"')
    return Feature(name=name or written.strip(), expression=written.strip())


def _of_row(name: str, written: str | RowFunction) -> Feature:
    if isinstance(written, str):
        return Feature(name=name, expression=written)
    call, source = source_of(written)
    return Feature(name=name, expression=call, function=source)


def _tile_of(window: str) -> str:
    """Days for windows of days; else the largest tile that makes at least twelve steps."""
    try:
        span = parse_duration(window)
    except Invalid as error:
        raise wrong(error.message, hint=error.hint) from error
    if span.days >= 2 and not span.seconds:
        return "1d"
    fitting = (tile for tile in _TILES[1:] if not span % parse_duration(tile) and parse_duration(tile) * 12 <= span)
    return next(fitting, "1s")


def _with_columns(row: Row, spec: DatasetSpec) -> RowFeatures:
    words = {word for feature in row.features for word in _WORD.findall(_NO_COLUMNS.sub(" ", feature.expression))}
    columns: dict[str, str] = {name: kind for name, kind in spec.columns.items() if name in words}
    return RowFeatures(name=row.name, columns=columns, features=row.features)
