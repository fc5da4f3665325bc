"""Searches for traces, compiled as those for runs are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ondol.ports import driver
from ondol.tracking.repo.search import compare
from ondol.tracking.repo.search import ordered as in_code_points
from ondol.tracking.repo.trace_tables import (
    assessments,
    entry_of,
    spans,
    trace_metadata,
    trace_prompts,
    trace_runs,
    trace_tags,
    traces,
)
from ondol.tracking.rules.search import SPAN_ATTRIBUTES, Clause, Order
from ondol.tracking.rules.traces import SOURCE_RUN, TRACE_NAME

_ATTRIBUTES: dict[str, Any] = {
    "request_id": traces.c.id,
    "client_request_id": traces.c.client_request,
    "experiment_id": sa.cast(traces.c.experiment, sa.String),
    "status": traces.c.state,
    "timestamp_ms": traces.c.started_ms,
    "execution_time_ms": traces.c.duration_ms,
    "end_time_ms": traces.c.started_ms + sa.func.coalesce(traces.c.duration_ms, 0),
    "name": entry_of(trace_tags, TRACE_NAME),
    "run_id": entry_of(trace_metadata, SOURCE_RUN),
}
_LISTED: dict[tuple[str, str], tuple[sa.Table, Any]] = {
    ("attribute", "run_id"): (trace_runs, trace_runs.c.run),
    ("attribute", "prompt"): (trace_prompts, trace_prompts.c.prompt),
    ("attribute", "text"): (spans, spans.c.content),
    ("span", "name"): (spans, spans.c.name),
    ("span", "type"): (spans, spans.c.kind),
    ("span", "status"): (spans, spans.c.status),
    ("span", "content"): (spans, spans.c.content),
}
"""Of what a trace has many, one must fulfil the clause."""


def search_traces(
    connection: sa.Connection,
    ids: Sequence[int] | None,
    clauses: Sequence[Clause],
    orders: Sequence[Order],
    part: tuple[int, int],
) -> list[str]:
    """Ids of the traces of these experiments that fulfil every clause, the newest first unless `orders` say else.

    `ids` None means all experiments. `part` is how many at most and how many are left out before; one more than that
    says that there are more.
    """
    limit, offset = part
    sorting: list[Any] = []
    for order in orders:
        column = _sorted_by(order)
        sorting += [column.is_(None), in_code_points(column, connection)] if order.ascending else [
            column.is_(None), in_code_points(column, connection).desc()
        ]  # fmt: skip
    asked = {order.key for order in orders if order.entity == "attribute"}
    if "timestamp_ms" not in asked:
        sorting.append(traces.c.started_ms.desc())
    query = (
        sa.select(traces.c.id)
        .where(
            sa.true() if ids is None else traces.c.experiment.in_(driver.listed("ids")),
            *(_condition(clause, connection) for clause in clauses),
        )
        .order_by(*sorting, traces.c.id)
        .limit(limit + 1)
        .offset(offset)
    )
    return list(connection.execute(query, {} if ids is None else {"ids": list(ids)}).scalars())


def _sorted_by(order: Order) -> Any:
    if order.entity == "attribute":
        return traces.c.experiment if order.key == "experiment_id" else _ATTRIBUTES[order.key]
    return entry_of(trace_tags if order.entity == "tag" else trace_metadata, order.key)


def _condition(clause: Clause, connection: sa.Connection) -> sa.ColumnElement[bool]:
    if listed := _LISTED.get((clause.entity, clause.key)):
        table, column = listed
        return _some(table, compare(column, clause, connection))
    if clause.entity == "span":
        return _attribute_of_a_span(clause, connection)
    if clause.entity == "attribute":
        return compare(_ATTRIBUTES[clause.key], clause, connection)
    if clause.entity in ("feedback", "expectation"):
        return _assessed(clause, connection)
    table = trace_tags if clause.entity == "tag" else trace_metadata
    named = table.c.key == clause.key
    if clause.operator in ("IS NULL", "IS NOT NULL"):
        there = _some(table, named)
        return there if clause.operator == "IS NOT NULL" else ~there
    return _some(table, named, compare(table.c.value, clause, connection))


# The text of an attribute: MLflow's clients write texts as JSON, with quotes, and OpenTelemetry's do not.
_TEXTS = {
    "sqlite": (
        "json_each(spans.content, '$.attributes') AS attribute",
        "json_extract(attribute.value, '$.key')",
        "coalesce(json_extract(attribute.value, '$.value.string_value'),"
        " CASE json_type(attribute.value, '$.value.bool_value') WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' END,"
        " json_extract(attribute.value, '$.value.int_value'), json_extract(attribute.value, '$.value.double_value'))",
    ),
    "postgresql": (
        "json_array_elements(spans.content::json -> 'attributes') AS attribute",
        "attribute ->> 'key'",
        "coalesce(attribute -> 'value' ->> 'string_value', attribute -> 'value' ->> 'bool_value',"
        " attribute -> 'value' ->> 'int_value', attribute -> 'value' ->> 'double_value')",
    ),
}


def _attribute_of_a_span(clause: Clause, connection: sa.Connection) -> sa.ColumnElement[bool]:
    inside, key, value = _TEXTS[connection.dialect.name]
    name = clause.key.removeprefix(SPAN_ATTRIBUTES)
    raw: sa.ColumnElement[Any] = sa.cast(sa.literal_column(value), sa.Text)
    quoted = sa.and_(sa.func.length(raw) >= 2, sa.func.substr(raw, 1, 1) == '"', raw.like('%"'))
    bare = sa.func.replace(sa.func.substr(raw, 2, sa.func.length(raw) - 2), '\\"', '"')
    text = sa.case((quoted, bare), else_=raw)
    named = sa.literal_column(key, sa.Text) == name
    # Most spans do not have it: that is seen without reading them as JSON.
    place = sa.func.instr if connection.dialect.name == "sqlite" else sa.func.strpos
    may = place(spans.c.content, json.dumps(name, ensure_ascii=False)) > 0
    found = sa.select(sa.literal(1)).select_from(spans, sa.text(inside))
    return (
        found.where(spans.c.trace == traces.c.id, may, named, compare(text, clause, connection))
        .correlate(traces)
        .exists()
    )


def _assessed(clause: Clause, connection: sa.Connection) -> sa.ColumnElement[bool]:
    said = (assessments.c.kind == clause.entity, assessments.c.name == clause.key, assessments.c.valid == 1)
    if clause.operator in ("IS NULL", "IS NOT NULL"):
        there = _some(assessments, *said)
        return there if clause.operator == "IS NOT NULL" else ~there
    column = assessments.c.value if isinstance(clause.value, str) else assessments.c.number
    return _some(assessments, *said, compare(column, clause, connection))


def _some(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(table.c.trace == traces.c.id, *conditions).correlate(traces)
