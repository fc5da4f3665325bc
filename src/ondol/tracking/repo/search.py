"""Searches, compiled: `rules.search` says what is asked, this how the database answers it.

Each clause on a metric, parameter or tag is a join on `(run, key)`, which is unique, so no run comes twice and the
planner may start with whichever is rarest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ondol.tracking.repo.tables import (
    experiment_tags,
    experiments,
    params,
    run_datasets,
    run_inputs,
    run_metrics,
    runs,
    tags,
)
from ondol.tracking.rules.search import Clause, Order, glob_of

RUN_NAME = "mlflow.runName"

_ARTIFACTS = sa.case(
    (experiments.c.location != "", experiments.c.location),
    else_=sa.literal("mlflow-artifacts:/") + sa.cast(runs.c.experiment, sa.String),
) + (sa.literal("/") + runs.c.id + sa.literal("/artifacts"))
_RUN_ATTRIBUTES: dict[str, sa.ColumnElement[Any]] = {
    "run_id": runs.c.id,
    "run_name": runs.c.name,
    "status": sa.func.upper(runs.c.status),
    "artifact_uri": _ARTIFACTS,
    "user_id": runs.c.person,
    "start_time": runs.c.started_ms,
    "end_time": runs.c.ended_ms,
}
_EXPERIMENT_ATTRIBUTES: dict[str, sa.ColumnElement[Any]] = {
    "name": experiments.c.name,
    "experiment_id": sa.cast(experiments.c.id, sa.String),
    "creation_time": experiments.c.created_ms,
    "last_update_time": experiments.c.updated_ms,
}
_TABLES = {"metric": run_metrics, "param": params, "tag": tags}


class Page:
    """Which part of the answer: one row more than `limit` says that there is more."""

    def __init__(self, limit: int, offset: int, view: str) -> None:
        self.limit = limit
        self.offset = offset
        self.view = view

    def cut(self, query: sa.Select[Any], deleted: sa.Column[Any]) -> sa.Select[Any]:
        if self.view != "all":
            query = query.where(deleted.is_(None) if self.view == "active" else deleted.is_not(None))
        return query.limit(self.limit + 1).offset(self.offset)


def search_runs(
    connection: sa.Connection,
    ids: Sequence[int] | None,
    clauses: Sequence[Clause],
    orders: Sequence[Order],
    page: Page,
) -> list[int]:
    """Numbers of the runs that fulfil every clause; `ids` are experiments, None means all."""
    first = orders[0] if orders else None
    filtered = {(clause.entity, clause.key) for clause in clauses if clause.operator != "!="}
    if first and first.entity == "metric" and ("metric", first.key) not in filtered:
        # Runs that have a number come before all others, and an index holds them in order: a page among them costs
        # as much as the page, not as much as the experiment.
        above = Clause(entity="metric", key=first.key, operator=">=", value=-math.inf)
        found = _search(connection, ids, [*clauses, above], orders, page)
        if len(found) > page.limit:
            return found
    return _search(connection, ids, clauses, orders, page)


def _search(
    connection: sa.Connection,
    ids: Sequence[int] | None,
    clauses: Sequence[Clause],
    orders: Sequence[Order],
    page: Page,
) -> list[int]:
    asks_place = "artifact_uri" in {*(clause.key for clause in clauses), *(order.key for order in orders)}
    source: Any = runs.join(experiments) if asks_place else runs
    joined: dict[tuple[str, str], Any] = {}
    conditions: list[sa.ColumnElement[bool]] = []
    for clause in clauses:
        if clause.entity in _TABLES and not _is_name(clause) and clause.operator not in ("IS NULL", "IS NOT NULL"):
            table = _TABLES[clause.entity].alias()
            on = sa.and_(table.c.run == runs.c.number, table.c.key == clause.key, _holds(table, clause, connection))
            source = source.join(table, on)
            if clause.operator != "!=":
                joined[clause.entity, clause.key] = table
        else:
            conditions.append(_run_condition(clause, connection))
    source, sorting = _sorting(source, joined, orders, connection)
    query = sa.select(runs.c.number).select_from(source).where(*conditions).order_by(*sorting, runs.c.id)
    if ids is not None:
        query = query.where(runs.c.experiment.in_(ids) if len(ids) != 1 else runs.c.experiment == ids[0])
    return list(connection.execute(page.cut(query, runs.c.deleted_ms)).scalars())


def _sorting(
    source: Any, joined: dict[tuple[str, str], Any], orders: Sequence[Order], connection: sa.Connection
) -> tuple[Any, list[Any]]:
    """The source with what is sorted by, and the columns to sort by, the first one first."""
    sorting: list[Any] = []
    for order in orders:
        if order.entity == "attribute" or _is_name(order):
            sorting += _sorted(_attribute(order), order.ascending, connection)
            continue
        table = joined.get((order.entity, order.key))
        if table is None:
            table = _TABLES[order.entity].alias()
            same = sa.and_(table.c.run == runs.c.number, table.c.key == order.key)
            source = source.join(table, same, isouter=True)
            if order.entity == "metric":
                # What is missing comes after NaN, which comes after all numbers.
                sorting.append(table.c.key.is_(None))
        if (order.entity, order.key) in joined and order.entity == "metric":
            sorting.append(table.c.value if order.ascending else table.c.value.desc())
        else:
            sorting += _sorted(table.c.value, order.ascending, connection)
    if ("attribute", "start_time") not in {(order.entity, order.key) for order in orders}:
        sorting.append(runs.c.started_ms.desc())
    return source, sorting


def _is_name(asked: Clause | Order) -> bool:
    """The tag that mirrors the name is not stored: it is the name."""
    return asked.entity == "tag" and asked.key == RUN_NAME


def _attribute(asked: Clause | Order) -> sa.ColumnElement[Any]:
    return _RUN_ATTRIBUTES["run_name" if _is_name(asked) else asked.key]


def _sorted(column: Any, ascending: bool, connection: sa.Connection) -> list[Any]:
    return [column.is_(None), ordered(column, connection) if ascending else ordered(column, connection).desc()]


def ordered(column: Any, connection: sa.Connection) -> Any:
    """Texts by their code points in every database."""
    is_text = isinstance(column.type, sa.String) and connection.dialect.name == "postgresql"
    return sa.collate(column, "C") if is_text else column


def _run_condition(clause: Clause, connection: sa.Connection) -> sa.ColumnElement[bool]:
    if _is_name(clause) and clause.operator in ("IS NULL", "IS NOT NULL"):
        return sa.true() if clause.operator == "IS NOT NULL" else sa.false()
    if clause.entity == "attribute" or _is_name(clause):
        return compare(_attribute(clause), clause, connection)
    if clause.entity == "dataset":
        column = run_inputs.c.context if clause.key == "context" else run_datasets.c[clause.key]
        inside = sa.select(run_inputs.c.run).join_from(run_inputs, run_datasets)
        return runs.c.number.in_(inside.where(compare(column, clause, connection)))
    table = _TABLES[clause.entity]
    there = sa.exists().where(table.c.run == runs.c.number, table.c.key == clause.key)
    return there if clause.operator == "IS NOT NULL" else ~there


def _holds(table: Any, clause: Clause, connection: sa.Connection) -> sa.ColumnElement[bool]:
    held = compare(table.c.value, clause, connection)
    # A missing value is NaN, which differs from every number and is in no other relation to any.
    return sa.or_(held, table.c.value.is_(None)) if (clause.entity, clause.operator) == ("metric", "!=") else held


def compare(column: Any, clause: Clause, connection: sa.Connection) -> sa.ColumnElement[bool]:
    """`column operator value`, the same on every database: LIKE minds case, ILIKE does not (in ASCII)."""
    # A fraction compared with a column of whole numbers must not become one on the way.
    value: Any = sa.literal(clause.value, sa.Double) if isinstance(clause.value, float) else clause.value
    sqlite = connection.dialect.name == "sqlite"
    match clause.operator:
        case "LIKE":
            found = column.op("GLOB", is_comparison=True)(glob_of(value)) if sqlite else column.like(value, escape="")
        case "ILIKE":
            low = sa.func.lower(column)
            found = low.like(sa.func.lower(value)) if sqlite else low.like(sa.func.lower(value), escape="")
        case "IN":
            found = column.in_(value)
        case "NOT IN":
            found = column.not_in(value)
        case "=":
            found = column == value
        case "!=":
            found = column != value
        case operator:
            found = column.op(operator, is_comparison=True)(value)
    condition: sa.ColumnElement[bool] = found
    return condition


def search_experiments(
    connection: sa.Connection, clauses: Sequence[Clause], orders: Sequence[Order], page: Page
) -> list[int]:
    conditions: list[sa.ColumnElement[bool]] = []
    for clause in clauses:
        if clause.entity == "attribute":
            conditions.append(compare(_EXPERIMENT_ATTRIBUTES[clause.key], clause, connection))
            continue
        there = sa.select(experiment_tags.c.experiment).where(experiment_tags.c.key == clause.key)
        if clause.operator not in ("IS NULL", "IS NOT NULL"):
            there = there.where(compare(experiment_tags.c.value, clause, connection))
        inside = experiments.c.id.in_(there)
        conditions.append(~inside if clause.operator == "IS NULL" else inside)
    sorting: list[Any] = []
    for order in orders:
        # Ids are numbers, though they are compared as texts.
        column = experiments.c.id if order.key == "experiment_id" else _EXPERIMENT_ATTRIBUTES[order.key]
        sorting.append(ordered(column, connection) if order.ascending else ordered(column, connection).desc())
    query = sa.select(experiments.c.id).where(*conditions).order_by(*sorting, experiments.c.id.desc())
    return list(connection.execute(page.cut(query, experiments.c.deleted_ms)).scalars())
