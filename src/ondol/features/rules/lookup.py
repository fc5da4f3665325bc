"""Features for the rows of a request: row expressions in one select, stairs by bisection.

Works on lists: for fifty rows a frame join would cost more than all the look-ups together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from ondol.features.rules.columns import AT, keys_of, microseconds_of
from ondol.features.rules.definitions import Stair, stairs_of
from ondol.features.rules.given import check_given, column, series
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
    expressions: list[pl.Expr]
    row_columns: list[str]
    row_features: list[str]
    groups: list[Group]
    features: list[str]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a request asks: its row features; the instant of each row; for each view the keys."""

    row_features: dict[str, list[float | None]]
    instants: list[int]
    keys: list[list[str | None]]


def compile_plan(spec: ServiceSpec, views: Sequence[ViewSpec], inputs: Mapping[str, str], features: list[str]) -> Plan:
    return Plan(
        service=spec.name,
        time=spec.time,
        inputs=dict(inputs),
        expressions=row_expressions(spec),
        row_columns=list(dict.fromkeys(name for group in spec.row_features for name in group.columns)),
        row_features=[feature.name for group in spec.row_features for feature in group.features],
        groups=[
            Group(entity=view.entity, types=[inputs[name] for name in view.entity], stairs=stairs_of(view))
            for view in views
        ],
        features=features,
    )


def ask(plan: Plan, given: Mapping[str, Sequence[Any]], at: datetime) -> Question:
    """Raises `Invalid` when columns are missing or do not fit."""
    check_given(given, plan.inputs, f"Feature service {plan.service!r}")
    known = {name: column(name, given[name], kind) for name, kind in plan.inputs.items()}
    now, size = microseconds_of(at), len(next(iter(given.values()), ()))
    moments = column(plan.time, given[plan.time], "timestamp") if plan.time in given else [None] * size
    rows: dict[str, list[float | None]] = {}
    if plan.expressions:
        # An expression may read no column: the instants give the frame its height.
        read = [series(name, known[name], plan.inputs[name]) for name in plan.row_columns]
        frame = pl.DataFrame([pl.Series(AT, moments, pl.Int64), *read])
        rows = frame.with_columns(plan.expressions)[plan.row_features].to_dict(as_series=False)
    return Question(
        row_features=rows,
        instants=[now if moment is None else moment for moment in moments],
        keys=[keys_of([known[name] for name in group.entity], group.types) for group in plan.groups],
    )


def answer(
    plan: Plan, question: Question, staircases: Sequence[Sequence[Mapping[str, Staircase]]]
) -> dict[str, list[float | None]]:
    """The features in the service's order; `staircases` by view, by stair, by key."""
    if not question.instants:
        return {name: [] for name in plan.features}
    columns = dict(question.row_features)
    for group, keys, of_view in zip(plan.groups, question.keys, staircases, strict=True):
        asked = list(zip(keys, question.instants, strict=True))
        distinct = set(asked)
        for stair, of_key in zip(group.stairs, of_view, strict=True):
            missing = (None,) * len(stair.features)
            found = {
                (key, at): _in_force(of_key.get(key or "", NOTHING), at, stair.ttl) or missing for key, at in distinct
            }
            values = zip(*map(found.__getitem__, asked), strict=True)
            for feature, of_feature in zip(stair.features, values, strict=True):
                columns[feature.name] = list(of_feature)
    return {name: columns[name] for name in plan.features}


def _in_force(staircase: Staircase, instant: int, ttl: int) -> tuple[float | None, ...] | None:
    instants, values = staircase
    place = bisect_right(instants, instant) - 1
    if place < 0 or (ttl and instant - instants[place] > ttl):
        return None
    return values[place]
