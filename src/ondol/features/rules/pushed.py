"""Steps straight from a few rows, without the lake: what `staircase` makes of the same rows, on lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ondol.features.rules.columns import BEGINNING, TYPES, entity_keys, microseconds_of
from ondol.features.rules.definitions import Stair, stairs_of
from ondol.features.rules.expressions import columns_of, value_expression
from ondol.features.types import ViewSpec
from ondol.kernel.clock import parse_moment
from ondol.kernel.errors import Conflict, Invalid
from ondol.lake.types import DatasetSpec
from ondol.ports.online import Step


@dataclass(frozen=True, kw_only=True)
class PushPlan:
    """A view, compiled for pushed rows. `columns` are those that it reads, with their types."""

    view: str
    dataset: str
    entity: list[str]
    columns: dict[str, str]
    needed: list[str]
    moments: list[str]
    expressions: list[pl.Expr]
    stair: Stair


def compile_push(view: ViewSpec, dataset: DatasetSpec) -> PushPlan:
    """`Conflict` for a view with windows: one row does not make their value."""
    if any(feature.aggregate != "last" for feature in view.features):
        raise Conflict(
            f"Feature view {view.name!r} aggregates over windows; rows can be pushed to views of newest rows only.",
            hint=f"Append the rows to dataset {view.dataset!r}: what is online follows.",
        )
    purpose = f"Feature view {view.name!r}"
    needed = [*view.entity, *(name for name in (dataset.time, dataset.known_at) if name)]
    read = [name for feature in view.features for name in columns_of(feature.expression, dataset.columns, purpose)]
    moments = [name for name in (dataset.time, dataset.known_at) if name and dataset.time]
    values = [value_expression(feature.expression, dataset.columns, purpose) for feature in view.features]
    return PushPlan(
        view=view.name,
        dataset=view.dataset,
        entity=view.entity,
        columns={name: dataset.columns[name] for name in dict.fromkeys([*needed, *read])},
        needed=needed,
        moments=moments,
        expressions=[value.alias(feature.name) for value, feature in zip(values, view.features, strict=True)],
        stair=stairs_of(view)[0],
    )


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
    if lacking := sum(None in of_row for of_row in zip(keys, times, knowns, strict=True)):
        raise Invalid(
            f"{lacking} of {len(keys)} rows cannot be pushed to {plan.view!r}.",
            hint=f"Each row needs {', '.join(dict.fromkeys(plan.needed))}.",
        )
    values = zip(*(found[feature.name].to_list() for feature in plan.stair.features), strict=True)
    rows = sorted(zip(keys, map(max, times, knowns), times, values, strict=True), key=lambda row: row[:3])
    return list(_staircases(rows))


def _staircases(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[str, list[Step]]]:
    """A row of an earlier time than one that was known before makes no step; of one instant the last row does."""
    before: str | None = None
    newest = BEGINNING
    steps: list[Step] = []
    for key, at, time, values in rows:
        if key != before:
            before, newest, steps = key, time, []
            yield key, steps
        if time < newest:
            continue
        newest = time
        if steps and steps[-1][0] == at:
            steps.pop()
        steps.append((at, values))
