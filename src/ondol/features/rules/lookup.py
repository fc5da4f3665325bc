"""Features for the rows of a request: row expressions in one select, stairs by bisection.

Works on lists: for fifty rows a frame join would cost more than all the look-ups together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from ondol.features.rules.columns import conform, entity_keys, microseconds_of
from ondol.features.rules.definitions import Stair, stairs_of
from ondol.features.rules.training import row_expressions
from ondol.features.types import ServiceSpec, ViewSpec

Staircase = tuple[Sequence[int], Sequence[tuple[float | None, ...]]]
"""The instants of the steps, sorted, and the values of each."""

NOTHING: Staircase = ((), ())


@dataclass(frozen=True, kw_only=True)
class Group:
    """One view: the columns of its entity with their types, and its stairs."""

    entity: list[str]
    types: list[str]
    stairs: list[Stair]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A feature service, compiled. `inputs` are the columns a request must bring."""

    service: str
    time: str
    inputs: dict[str, str]
    timed_inputs: dict[str, str]
    expressions: list[pl.Expr]
    row_features: list[str]
    groups: list[Group]
    schema: pl.Schema


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a request asks: its row features; the instant of each row; for each view the keys."""

    frame: pl.DataFrame
    instants: list[int]
    keys: list[list[str | None]]


def compile_plan(spec: ServiceSpec, views: Sequence[ViewSpec], inputs: Mapping[str, str], features: list[str]) -> Plan:
    return Plan(
        service=spec.name,
        time=spec.time,
        inputs=dict(inputs),
        timed_inputs=dict(inputs) | {spec.time: "timestamp"},
        expressions=row_expressions(spec),
        row_features=[feature.name for group in spec.row_features for feature in group.features],
        groups=[
            Group(entity=view.entity, types=[inputs[name] for name in view.entity], stairs=stairs_of(view))
            for view in views
        ],
        schema=pl.Schema(dict.fromkeys(features, pl.Float64)),
    )


def ask(plan: Plan, rows: pl.DataFrame, at: datetime) -> Question:
    """Raises `Invalid` when columns are missing or do not fit."""
    timed = plan.time in rows.columns
    types = plan.timed_inputs if timed else plan.inputs
    frame = conform(rows, types, f"Feature service {plan.service!r}")
    now = microseconds_of(at)
    moments = frame[plan.time].to_physical().to_list() if timed else [None] * frame.height
    return Question(
        frame=frame.with_columns(plan.expressions) if plan.expressions else frame,
        instants=[now if moment is None else moment for moment in moments],
        keys=[entity_keys([frame[name] for name in group.entity], group.types) for group in plan.groups],
    )


def answer(plan: Plan, question: Question, staircases: Sequence[Sequence[Mapping[str, Staircase]]]) -> pl.DataFrame:
    """The features in the service's order; `staircases` by view, by stair, by key."""
    if not question.instants:
        return pl.DataFrame(schema=plan.schema)
    columns: dict[str, pl.Series] = {name: question.frame[name] for name in plan.row_features}
    for group, keys, of_view in zip(plan.groups, question.keys, staircases, strict=True):
        asked = list(zip(keys, question.instants, strict=True))
        distinct = set(asked)
        for stair, of_key in zip(group.stairs, of_view, strict=True):
            missing = (None,) * len(stair.features)
            found = {
                (key, at): _in_force(of_key.get(key or "", NOTHING), at, stair.ttl) or missing for key, at in distinct
            }
            values = zip(*[found[one] for one in asked], strict=True)
            for feature, column in zip(stair.features, values, strict=True):
                columns[feature.name] = pl.Series(feature.name, column, pl.Float64)
    return pl.DataFrame([columns[name] for name in plan.schema])


def _in_force(staircase: Staircase, instant: int, ttl: int) -> tuple[float | None, ...] | None:
    instants, values = staircase
    place = bisect_right(instants, instant) - 1
    if place < 0 or (ttl and instant - instants[place] > ttl):
        return None
    return values[place]
