"""Steps straight from a few rows, without the lake: what `staircase` makes of the same rows, on lists."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ondol.features.rules import entity_key
from ondol.features.rules.columns import BEGINNING, TYPES, entity_keys, microseconds_of
from ondol.features.rules.definitions import Stair, stairs_of
from ondol.features.rules.values import feature_columns, feature_expression, is_column
from ondol.features.types import ViewSpec
from ondol.kernel.clock import parse_moment
from ondol.kernel.errors import Conflict, Invalid
from ondol.lake.types import DatasetSpec
from ondol.ports.online import Step


@dataclass(frozen=True, kw_only=True)
class PushPlan:
    """A view, compiled for pushed rows. `columns` are those that it reads, with their types."""

    view: str
    definition: str
    dataset: str
    entity: list[str]
    columns: dict[str, str]
    needed: list[str]
    moments: list[str]
    expressions: list[pl.Expr]
    plain: list[str] | None
    """The columns that the features are, when each is one numeric column as it stands."""
    stair: Stair


def compile_push(view: ViewSpec, definition: str, dataset: DatasetSpec) -> PushPlan:
    """`Conflict` for a view with windows: one row does not make their value."""
    if any(feature.windowed for feature in view.features):
        raise Conflict(
            f"Feature view {view.name!r} aggregates over windows; rows can be pushed to views of newest rows only.",
            hint=f"Append the rows to dataset {view.dataset!r}: what is online follows.",
        )
    purpose = f"Feature view {view.name!r}"
    needed = [*view.entity, *(name for name in (dataset.time, dataset.known_at) if name)]
    read = [name for feature in view.features for name in feature_columns(feature, dataset.columns, purpose)]
    moments = [name for name in (dataset.time, dataset.known_at) if name and dataset.time]
    values = [feature_expression(feature, dataset.columns, purpose) for feature in view.features]
    return PushPlan(
        view=view.name,
        definition=definition,
        dataset=view.dataset,
        entity=view.entity,
        columns={name: dataset.columns[name] for name in dict.fromkeys([*needed, *read])},
        needed=needed,
        moments=moments,
        expressions=[value.alias(feature.name) for value, feature in zip(values, view.features, strict=True)],
        plain=_plain_columns(view, dataset),
        stair=stairs_of(view)[0],
    )


def _plain_columns(view: ViewSpec, dataset: DatasetSpec) -> list[str] | None:
    names = [feature.expression.strip() for feature in view.features]
    plain = all(is_column(feature, dataset.columns, ("double", "integer")) for feature in view.features)
    return names if plain else None


def plain_steps(plan: PushPlan, rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Step]]] | None:
    """Key and steps without a frame, which would cost more than all the rest; None when that is not enough:
    an expression to compute, or a value to convert. `Invalid` as `steps_of_rows`."""
    if plan.plain is None or any(plan.columns[name] != "string" for name in plan.entity):
        return None
    taken = [(name, _TAKEN[plan.columns[name]]) for name in (*plan.entity, *plan.plain)]
    found: list[_Row] = []
    for row in rows:
        if any(type(row.get(name)) not in types for name, types in taken):
            return None
        try:
            moments = [_microseconds(row.get(name)) for name in plan.moments] or [BEGINNING]
        except (TypeError, Invalid):
            return None
        values = tuple(_finite(row.get(name)) for name in plan.plain)
        found.append((entity_key([row.get(name) for name in plan.entity]), moments[0], moments[-1], values))
    return _sorted_steps(plan, found)


_NOTHING = type(None)
_TAKEN: dict[str, tuple[type, ...]] = {
    "string": (str, _NOTHING), "integer": (int, _NOTHING), "double": (float, int, _NOTHING)
}  # fmt: skip


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def frame_of(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> pl.DataFrame | None:
    """The rows in their types when every value has its type already (moments as ISO text); None otherwise."""
    try:
        return pl.DataFrame([_series(name, [row.get(name) for row in rows], kind) for name, kind in columns.items()])
    except (TypeError, ValueError, Invalid, pl.exceptions.PolarsError):
        return None


def _series(name: str, values: list[Any], kind: str) -> pl.Series:
    if kind != "timestamp":
        return pl.Series(name, values, TYPES[kind], strict=True)
    return pl.Series(name, [_microseconds(value) for value in values], pl.Int64).cast(TYPES[kind])


def _microseconds(value: Any) -> int | None:
    if isinstance(value, str):
        value = parse_moment(value)
    return None if value is None else microseconds_of(value)


def steps_of_rows(plan: PushPlan, frame: pl.DataFrame) -> list[tuple[str, list[Step]]]:
    """Key and steps; `Invalid` when a row lacks its entity or a moment."""
    found = frame.with_columns(plan.expressions)
    keys = entity_keys([frame[name] for name in plan.entity], [plan.columns[name] for name in plan.entity])
    moments = [frame[name].cast(pl.Datetime("us")).to_physical().to_list() for name in plan.moments]
    times = moments[0] if moments else [BEGINNING] * frame.height
    knowns = moments[-1] if moments else times
    values = zip(*(found[feature.name].to_list() for feature in plan.stair.features), strict=True)
    return _sorted_steps(plan, list(zip(keys, times, knowns, values, strict=True)))


_Row = tuple[str | None, int | None, int | None, tuple[float | None, ...]]
"""Key, when it happened, when it was known, values."""


def _sorted_steps(plan: PushPlan, rows: Sequence[_Row]) -> list[tuple[str, list[Step]]]:
    whole = [
        (key, max(time, known), time, known, values)
        for key, time, known, values in rows
        if key is not None and time is not None and known is not None
    ]
    if lacking := len(rows) - len(whole):
        raise Invalid(
            f"{lacking} of {len(rows)} rows cannot be pushed to {plan.view!r}.",
            hint=f"Each row needs {', '.join(dict.fromkeys(plan.needed))}.",
        )
    return list(_staircases(sorted(whole, key=lambda row: row[:4])))


def _staircases(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[str, list[Step]]]:
    """A row of an earlier time than one that was known before makes no step; of one instant the last row does."""
    before: str | None = None
    newest = BEGINNING
    steps: list[Step] = []
    for key, at, time, _, values in rows:
        if key != before:
            before, newest, steps = key, time, []
            yield key, steps
        if time < newest:
            continue
        newest = time
        if steps and steps[-1][0] == at:
            steps.pop()
        steps.append((at, values))
