"""What a definition means: its stairs, its hash, and what is wrong with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ondol.features.types import Feature, RowFeatures, Service, ServiceSpec, ViewSpec
from ondol.kernel.errors import Conflict, Invalid
from ondol.kernel.spans import parse_duration
from ondol.lake.types import DatasetSpec

MICROSECONDS = 1_000_000
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
_VERSIONED = re.compile(r"(.+?)@([1-9][0-9]{0,5})")
_FEATURE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_ENTITY_TYPES = {"string", "integer", "boolean", "date"}
_NOT_MEANING = ("description", "descriptions", "owner", "tags", "fresh")


class Stair(msgspec.Struct, frozen=True, kw_only=True):
    """The features of a view that step together: those on the last row, or those of one window.

    `store` names their steps in the online store; it carries the definition's hash, so
    that steps of an older definition are never read as this one's. `window`, `tile`
    and `ttl` are microseconds, 0 for none.
    """

    store: str
    features: list[Feature]
    window: int = 0
    tile: int = 0
    ttl: int = 0


def version_of(view: str) -> tuple[str, int]:
    """`spend@2` is version 2 of `spend`, which is itself version 1."""
    found = _VERSIONED.fullmatch(view)
    return (found[1], int(found[2])) if found else (view, 1)


def canonical(view: str) -> str:
    """`spend@1` is written `spend`."""
    name, version = version_of(view)
    return name if version == 1 else view


def facts_of(dataset: DatasetSpec) -> list[str]:
    """The columns that two rows share of which the later known one corrects the other; none where nothing is corrected.

    Without `known_at` a correction takes the place of the row before, in the table itself.
    """
    keeps = dataset.mode == "upsert" and dataset.time and dataset.known_at not in ("", dataset.time)
    return dataset.key if keeps else []


def hash_of(value: Any) -> str:
    """SHA-256 of the value's canonical JSON (sorted names)."""
    return hashlib.sha256(msgspec.json.encode(msgspec.to_builtins(value), order="deterministic")).hexdigest()


def _meaning(spec: ViewSpec | ServiceSpec) -> dict[str, Any]:
    """The definition without the words that change no value."""
    return {name: value for name, value in msgspec.to_builtins(spec).items() if name not in _NOT_MEANING}


def view_hash(spec: ViewSpec) -> str:
    return hash_of(_meaning(spec))


def service_hash(spec: ServiceSpec, views: Iterable[ViewSpec]) -> str:
    """Covers the definitions of all its features and of its label."""
    return hash_of([_meaning(spec), [view_hash(view) for view in views]])


def label_hash(spec: ServiceSpec) -> str:
    return hash_of([spec.dataset, spec.label])


def microseconds(span: str) -> int:
    """A duration as a person writes it; 0 for an empty one."""
    return round(parse_duration(span).total_seconds() * MICROSECONDS) if span else 0


def stairs_of(spec: ViewSpec) -> list[Stair]:
    """One stair for the features on the last row, and one for each window and tile."""
    groups: dict[tuple[int, int], list[Feature]] = {}
    for feature in spec.features:
        span = (microseconds(feature.window), microseconds(feature.tile)) if feature.windowed else (0, 0)
        groups.setdefault(span, []).append(feature)
    base = f"{spec.name}@{view_hash(spec)[:8]}"
    return [
        Stair(
            store=f"{base}/{window // MICROSECONDS}s/{tile // MICROSECONDS}s",
            features=features,
            window=window,
            tile=tile,
        )
        if window
        else Stair(store=base, features=features, ttl=microseconds(spec.ttl))
        for (window, tile), features in groups.items()
    ]


def feature_names(spec: ServiceSpec, views: Sequence[ViewSpec]) -> list[str]:
    """In the order of the service's views, then of its row features."""
    groups: list[ViewSpec | RowFeatures] = [*views, *spec.row_features]
    return [feature.name for group in groups for feature in group.features]


def entity_columns(views: Iterable[ViewSpec]) -> list[str]:
    return list(dict.fromkeys(column for view in views for column in view.entity))


def inputs_of(spec: ServiceSpec, dataset: DatasetSpec, views: Iterable[ViewSpec]) -> dict[str, str]:
    """The columns a request must bring, with their types: entities, then what row features read."""
    entities: dict[str, str] = {column: dataset.columns[column] for column in entity_columns(views)}
    return entities | {column: kind for group in spec.row_features for column, kind in group.columns.items()}


def check_view(spec: ViewSpec, dataset: DatasetSpec) -> None:
    """Everything that can be said before an expression is read; `Invalid` names what to change."""
    what = f"Feature view {spec.name!r}"
    _check_name(version_of(spec.name)[0], "A feature view")
    if spec.name != canonical(spec.name):
        raise Invalid(f"{what} is version 1, which is written without a number.", hint=canonical(spec.name))
    _check_features(spec.features, what)
    if not spec.entity:
        raise Invalid(f"{what} has no entity.", hint='Name the columns that identify it: entity="carrier".')
    for column in spec.entity:
        kind = dataset.columns.get(column)
        if kind not in _ENTITY_TYPES:
            raise Invalid(
                f"{what}: the entity column {column!r} is {kind or 'no column'} of dataset {dataset.name!r}.",
                hint=f"Entities are columns of type {', '.join(sorted(_ENTITY_TYPES))}.",
            )
    if clash := sorted(set(spec.entity) & {feature.name for feature in spec.features}):
        raise Invalid(
            f"{what}: {', '.join(clash)} names both an entity column and a feature.", hint="Rename the feature."
        )
    windowed = [feature for feature in spec.features if feature.windowed]
    if not dataset.time and (windowed or spec.ttl):
        raise Invalid(f"{what} has windows or a ttl, but dataset {dataset.name!r} has no time column.")
    if spec.ttl and len(windowed) == len(spec.features):
        raise Invalid(f"{what}: a ttl is for features on the last row; windows forget by themselves.")
    if spec.fresh and not dataset.time:
        raise Invalid(f"{what} shall be fresh, but dataset {dataset.name!r} has no time column.")
    microseconds(spec.ttl)
    microseconds(spec.fresh)
    for feature in windowed:
        _check_window(feature, what)


def _check_window(feature: Feature, what: str) -> None:
    if not feature.window:
        raise Invalid(f"{what}: {feature.name} is a {feature.aggregate} without a window.", hint='Add window="7d".')
    window, tile = microseconds(feature.window), microseconds(feature.tile)
    if tile < MICROSECONDS or tile % MICROSECONDS or window % tile or window // tile > 10_000:
        raise Invalid(
            f"{what}: the window of {feature.name} ({feature.window}) slides in tiles of {feature.tile}.",
            hint="A window is a whole number of tiles (at most 10,000), and a tile a whole number of seconds.",
        )


def check_service(spec: ServiceSpec, dataset: DatasetSpec, views: Sequence[ViewSpec]) -> None:
    what = f"Feature service {spec.name!r}"
    _check_name(spec.name, "A feature service")
    for role, column, kinds in (("key", spec.key, _ENTITY_TYPES), ("time", spec.time, {"timestamp", "date"})):
        if dataset.columns.get(column) not in kinds:
            raise Invalid(
                f"{what}: its {role} {column!r} is {dataset.columns.get(column) or 'no column'} of {dataset.name!r}.",
                hint=f"Take a column of type {' or '.join(sorted(kinds))}.",
            )
    for column in entity_columns(views):
        if column not in dataset.columns:
            raise Invalid(f"{what}: dataset {dataset.name!r} has no column {column!r}, which a view's entity needs.")
    names = feature_names(spec, views)
    if not names:
        raise Invalid(f"{what} has no features.", hint="Give it views or row features.")
    for group in spec.row_features:
        _check_features(group.features, f"{what}, {group.name!r}")
        _check_row_columns(group.columns, dataset, what)
        if any(feature.windowed for feature in group.features):
            raise Invalid(f"{what}: features of {group.name!r} are computed from one row; they have no window.")
    taken = {*entity_columns(views), spec.key, spec.time, "label"}
    if clash := sorted({name for name in names if name in taken or names.count(name) > 1}):
        raise Invalid(
            f"{what}: {', '.join(clash)} would name two columns.", hint="Rename a feature: `... as other_name`."
        )


def check_current(service: Service, views: Sequence[ViewSpec]) -> None:
    """`Conflict` when a view was declared anew in a way that the service does not fit."""
    if service.features != feature_names(service.spec, views):
        raise Conflict(
            f"A view of feature service {service.name!r} has other features now.",
            hint="Declare the service again: `ondol apply`.",
        )


def _check_row_columns(columns: Mapping[str, str], dataset: DatasetSpec, what: str) -> None:
    for column, kind in columns.items():
        if dataset.columns.get(column) != kind:
            raise Invalid(
                f"{what}: column {column!r} is {kind} in a request and {dataset.columns.get(column) or 'absent'} "
                f"in dataset {dataset.name!r}; training and serving would differ."
            )


def _check_features(features: Sequence[Feature], what: str) -> None:
    if not features:
        raise Invalid(f"{what} has no features.")
    names = [feature.name for feature in features]
    for name in names:
        if not _FEATURE.fullmatch(name):
            raise Invalid(f"{what}: {name!r} cannot name a feature.", hint="Letters, digits and _, a letter first.")
        if names.count(name) > 1:
            raise Invalid(f"{what} has two features {name!r}.", hint="Rename one: `... as other_name`.")


def _check_name(name: str, what: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid(f"{what} cannot be called {name!r}.", hint="Letters, digits, _ - and ., a letter first.")
