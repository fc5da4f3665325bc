"""Searches, compiled: `rules.search` says what is asked, this how the database answers it.

Each clause on a metric, parameter or tag is a join on `(run, key)`, which is unique, so no run comes twice and the
planner may start with whichever is rarest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from ondol.ports import driver
from ondol.tracking.repo.tables import (
    START,
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


class _Filter(NamedTuple):
    """A clause on a metric, parameter or tag: the rows of `table` that `holds` chooses, and how many there are.

    `size` is None when there are very many, or nobody counted.
    """

    clause: Clause
    table: Any
    holds: sa.ColumnElement[bool]
    size: int | None


# So far we count (10,000 rows of an index in a millisecond), and what has more is not where a search begins.
COUNTED = {"metric": 2_000, "param": 20_000, "tag": 20_000, "run": 2_000}
UNCOUNTED_SHARE = 0.5
"""What part of the runs we take a filter to choose that was not counted to its end."""


def search_runs(
    connection: sa.Connection,
    ids: Sequence[int] | None,
    clauses: Sequence[Clause],
    orders: Sequence[Order],
    page: Page,
) -> list[int]:
    """Numbers of the runs that fulfil every clause; `ids` are experiments, None means all.

    The order of the joins is ours. No planner knows how many runs have `params.p = '3'`, and so how far it must walk
    along the index of what is sorted by until a page is full: we count first, in a part of a millisecond.
    """
    first = orders[0] if orders else None
    filters = [
        _filter(connection, clause, counted=not _sorts(clause, first)) for clause in clauses if _is_joined(clause)
    ]
    filters.sort(key=lambda one: math.inf if one.size is None else one.size)
    if filters and filters[0].size == 0:
        return []
    query = _Query(
        connection=connection,
        ids=ids,
        filters=filters,
        conditions=[_run_condition(clause, connection) for clause in clauses if not _is_joined(clause)],
        orders=orders,
        page=page,
        asks_place="artifact_uri" in {*(clause.key for clause in clauses), *(order.key for order in orders)},
    )
    leading, walked = query.start()
    if leading is not None or not walked or first is None or first.entity != "metric":
        return query.run(leading)
    # Runs that have a number come before all others, and an index holds them in order: a page among them costs
    # as much as the page, not as much as the experiment.
    above = Clause(entity="metric", key=first.key, operator=">=", value=-math.inf)
    found = query.run(_filter(connection, above, counted=False))
    return found if len(found) > page.limit else query.run(None)


class _Query(msgspec.Struct, frozen=True, kw_only=True):
    """A search for runs, without the order in which its tables are joined."""

    connection: sa.Connection
    ids: Sequence[int] | None
    filters: Sequence[_Filter]
    conditions: Sequence[sa.ColumnElement[bool]]
    orders: Sequence[Order]
    page: Page
    asks_place: bool

    def start(self) -> tuple[_Filter | None, bool]:
        """The filter to begin with (None: the runs), and whether what is sorted by is walked along.

        Walking ends when the page is full; beginning with few runs means sorting all that they leave.
        """
        first = self.orders[0] if self.orders else None
        fewest = self.filters[0] if self.filters else None
        by_time = first is None or (first.entity, first.key) == ("attribute", "start_time")
        if by_time and fewest is None:
            return None, True
        if first is not None and not by_time and first.entity != "metric":
            return fewest if fewest and fewest.size is not None else None, False
        total: int = driver.rows(self.connection, "SELECT coalesce(max(number), 1) FROM runs")[0][0]
        # Runs by time are found inside their experiment.
        inside = None if by_time else _count(self.connection, self._inside(sa.select(runs.c.number)), "run")
        sizes = [inside, *(one.size for one in self.filters)]
        shares = [UNCOUNTED_SHARE if size is None else max(1, size) / total for size in sizes[by_time:]]
        steps = min(total, (self.page.offset + self.page.limit + 1) / math.prod(shares))
        least = min((size for size in sizes if size is not None), default=total)
        # A walk comes to its runs in no order of theirs, so each of its steps costs twice as much.
        if 2 * steps > least:
            return (None if least == inside else fewest), False
        return next((one for one in self.filters if _sorts(one.clause, first)), None), True

    def run(self, leading: _Filter | None) -> list[int]:
        """With the table of `leading` first, or the runs."""
        others = [one for one in self.filters if one is not leading]
        joined: dict[tuple[str, str], Any] = {}
        joined |= {(one.clause.entity, one.clause.key): one.table for one in others if one.clause.operator != "!="}
        conditions = list(self.conditions)
        if leading is None:
            source: Any = runs
            for one in others:
                source = _InOrder(source, one.table, sa.and_(one.table.c.run == runs.c.number, one.holds))
        else:
            source, joined[leading.clause.entity, leading.clause.key] = leading.table, leading.table
            conditions.append(leading.holds)
            for one in others:
                source = _InOrder(source, one.table, sa.and_(one.table.c.run == leading.table.c.run, one.holds))
            source = _InOrder(source, runs, runs.c.number == leading.table.c.run)
        if self.asks_place:
            source = source.join(experiments, experiments.c.id == runs.c.experiment)
        source, sorting = _sorting(source, joined, self.orders, self.connection)
        query = sa.select(runs.c.number).select_from(source).where(*conditions).order_by(*sorting, runs.c.id)
        return list(self.connection.execute(self.page.cut(self._inside(query), runs.c.deleted_ms)).scalars())

    def _inside(self, query: sa.Select[Any]) -> sa.Select[Any]:
        if self.ids is None:
            return query
        return query.where(runs.c.experiment.in_(self.ids) if len(self.ids) != 1 else runs.c.experiment == self.ids[0])


class _InOrder(sa.Join):
    """A join whose left side SQLite reads first."""

    inherit_cache = True


@compiles(_InOrder, "sqlite")
def _compile_in_order(join: _InOrder, compiler: Any, **options: Any) -> str:
    options.pop("asfrom", None)
    left, right = (compiler.process(side, asfrom=True, **options) for side in (join.left, join.right))
    return f"{left} CROSS JOIN {right} ON {compiler.process(join.onclause, **options)}"


def _is_joined(clause: Clause) -> bool:
    return clause.entity in _TABLES and not _is_name(clause) and clause.operator not in ("IS NULL", "IS NOT NULL")


def _sorts(clause: Clause, order: Order | None) -> bool:
    """Whether the clause leaves numbers only, of the metric that is sorted by."""
    asked = ("metric", clause.key) if order and order.entity == "metric" and order.key == clause.key else None
    return (clause.entity, clause.key) == asked and clause.operator != "!="


def _filter(connection: sa.Connection, clause: Clause, *, counted: bool = True) -> _Filter:
    table = _TABLES[clause.entity].alias()
    holds = sa.and_(table.c.key == clause.key, _holds(table, clause, connection))
    has_index = clause.operator == "=" if clause.entity != "metric" else clause.operator != "!="
    size = _count(connection, sa.select(table.c.run).where(holds), clause.entity) if counted and has_index else None
    return _Filter(clause, table, holds, size)


def _count(connection: sa.Connection, query: sa.Select[Any], entity: str) -> int | None:
    """How many rows it has; None for more than we count."""
    most = COUNTED[entity]
    some = query.limit(most + 1).subquery()
    found = int(connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())
    return found if found <= most else None


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
    if clause.entity == "attribute" and clause.key == "status" and clause.operator in ("=", "!="):
        # As it is stored, so that an index may find it.
        return compare(runs.c.status, msgspec.structs.replace(clause, value=str(clause.value).lower()), connection)
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
    if clause.entity != "metric" and clause.operator == "=" and isinstance(clause.value, str):
        begins: sa.ColumnElement[bool] = table.c.start == clause.value[:START]
        return begins if len(clause.value) < START else sa.and_(begins, table.c.value == clause.value)
    held = compare(table.c.value, clause, connection)
    # A missing value is NaN, which differs from every number and is in no other relation to any.
    return sa.or_(held, table.c.value.is_(None)) if (clause.entity, clause.operator) == ("metric", "!=") else held


PATTERN_REACH = 500
"""Regular expressions look at so many characters: what they cost grows faster than the text."""


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
        case "RLIKE":
            found = sa.func.substr(column, 1, PATTERN_REACH).regexp_match(value)
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
