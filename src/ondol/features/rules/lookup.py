"""Features for the rows of a request: row expressions in one select, stairs by bisection.

Works on lists: for fifty rows a frame join would cost more than all the look-ups together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from ondol.features.rules.columns import AT, keys_of, microseconds_of
from ondol.features.rules.definitions import Stair, stairs_of
from ondol.features.rules.given import PLAIN, check_given, column, series
from ondol.features.rules.training import row_expressions
from ondol.features.types import ServiceSpec, ViewSpec

Staircase = tuple[Sequence[int], Sequence[tuple[float | None, ...]]]
"""The instants of the steps, sorted, and the values of each."""

NOTHING: Staircase = ((), ())

Staircases = Callable[[str, Sequence[str | None]], Mapping[str | None, Staircase]]
"""At least the staircases of these keys (`NOTHING` for those that have none) in the store of a stair."""

Row = tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadStair:
    """A stair, as requests read it: its store, its features' names, a row of nulls."""

    store: str
    ttl: int
    names: list[str]
    missing: Row


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One view: the columns of its entity with their types, and its stairs. `text`: the one column that is its key."""

    entity: list[str]
    types: list[str]
    text: str
    stairs: list[ReadStair]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A feature service, compiled. `inputs` are the columns a request must bring."""

    service: str
    time: str
    inputs: dict[str, str]
    needed: frozenset[str]
    expressions: list[pl.Expr]
    row_columns: list[str]
    row_features: list[str]
    groups: list[Group]
    features: list[str]


def compile_plan(spec: ServiceSpec, views: Sequence[ViewSpec], inputs: Mapping[str, str], features: list[str]) -> Plan:
    return Plan(
        service=spec.name,
        time=spec.time,
        inputs=dict(inputs),
        needed=frozenset(inputs),
        expressions=row_expressions(spec),
        row_columns=list(dict.fromkeys(name for group in spec.row_features for name in group.columns)),
        row_features=[feature.name for group in spec.row_features for feature in group.features],
        groups=[_group(view, inputs) for view in views],
        features=features,
    )


def _group(view: ViewSpec, inputs: Mapping[str, str]) -> Group:
    types = [inputs[name] for name in view.entity]
    return Group(
        entity=view.entity,
        types=types,
        text=view.entity[0] if types == ["string"] else "",
        stairs=[_read_stair(stair) for stair in stairs_of(view)],
    )


def _read_stair(stair: Stair) -> ReadStair:
    names = [feature.name for feature in stair.features]
    return ReadStair(store=stair.store, ttl=stair.ttl, names=names, missing=(None,) * len(names))


def read(
    plan: Plan, given: Mapping[str, Sequence[Any]], at: datetime, staircases: Staircases
) -> dict[str, list[float | None]]:
    """The features in the service's order, for rows given as columns.

    `at` is the moment of rows without one in the service's time column. Raises `Invalid`
    when columns are missing or do not fit.
    """
    if not plan.needed <= given.keys():
        check_given(given, plan.inputs, f"Feature service {plan.service!r}")
    known = {}
    for name, kind in plan.inputs.items():
        values = given[name]
        known[name] = values if PLAIN[kind].issuperset(map(type, values)) else column(name, values, kind)
    size = len(next(iter(given.values()), ()))
    found: dict[str, list[float | None]] = {name: [] for name in plan.features}
    if not size:
        return found
    now, own = microseconds_of(at), plan.time in given
    moments = column(plan.time, given[plan.time], "timestamp") if own else ()
    if plan.expressions:
        found |= _row_values(plan, known, moments or [None] * size)
    instants = [now if moment is None else moment for moment in moments] if own else None
    for group in plan.groups:
        keys = known[group.text] if group.text else keys_of([known[name] for name in group.entity], group.types)
        for stair in group.stairs:
            of_key = staircases(stair.store, keys)
            if size == 1:
                moment = now if instants is None else instants[0]
                row = _in_force(of_key[keys[0]], moment, stair.ttl) or stair.missing
                for name, value in zip(stair.names, row, strict=True):
                    found[name] = [value]
                continue
            rows = _rows(stair, of_key, keys, now) if instants is None else _rows_at(stair, of_key, keys, instants)
            for name, values in zip(stair.names, zip(*rows, strict=True), strict=True):
                found[name] = list(values)
    return found


def _row_values(
    plan: Plan, known: Mapping[str, Sequence[Any]], moments: Sequence[int | None]
) -> dict[str, list[float | None]]:
    # An expression may read no column: the instants give the frame its height.
    read = [series(name, known[name], plan.inputs[name]) for name in plan.row_columns]
    frame = pl.DataFrame([pl.Series(AT, moments, pl.Int64), *read])
    found: dict[str, list[float | None]] = frame.with_columns(plan.expressions)[plan.row_features].to_dict(
        as_series=False
    )
    return found


def _rows(stair: ReadStair, of_key: Mapping[str | None, Staircase], keys: Sequence[str | None], at: int) -> list[Row]:
    """The values of each key at one moment."""
    ttl, missing = stair.ttl, stair.missing
    memory: dict[str | None, Row] = {}
    for key in keys:
        if key not in memory:
            memory[key] = _in_force(of_key[key], at, ttl) or missing
    return [memory[key] for key in keys]


def _rows_at(
    stair: ReadStair, of_key: Mapping[str | None, Staircase], keys: Sequence[str | None], instants: Sequence[int]
) -> list[Row]:
    """The values of each key at its own moment."""
    ttl, missing = stair.ttl, stair.missing
    asked = list(zip(keys, instants, strict=True))
    memory = {(key, at): _in_force(of_key[key], at, ttl) or missing for key, at in set(asked)}
    return [memory[one] for one in asked]


def _in_force(staircase: Staircase, instant: int, ttl: int) -> Row | None:
    instants, values = staircase
    # Nearly always the question is about now, and the last step is in force.
    place = len(instants) if instants and instants[-1] <= instant else bisect_right(instants, instant)
    if not place or (ttl and instant - instants[place - 1] > ttl):
        return None
    return values[place - 1]
