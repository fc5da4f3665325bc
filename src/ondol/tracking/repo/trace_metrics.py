"""The rows that numbers over many traces are made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from ondol.ports import driver
from ondol.tracking.repo.trace_tables import assessments, entry_of, spans, trace_metadata, trace_tags, traces
from ondol.tracking.rules.trace_metrics import TOKENS, Condition, Question
from ondol.tracking.rules.traces import TOKEN_USAGE, TRACE_NAME

SESSION = "mlflow.trace.session"
Row = tuple[int, dict[str, Any], Any]


def read_rows(
    connection: sa.Connection, experiments: Sequence[int], asked: Question, conditions: Sequence[Condition], most: int
) -> list[Row]:
    """Moment, dimensions and value of at most `most` traces, spans or assessments."""
    query, moment = {"TRACES": _traces, "SPANS": _spans, "ASSESSMENTS": _assessments}[asked.view](asked)
    query = query.where(traces.c.experiment.in_(driver.listed("ids")), *map(_condition, conditions))
    if asked.since is not None:
        query = query.where(moment >= asked.since)
    if asked.until is not None:
        query = query.where(moment <= asked.until)
    found = connection.execute(query.limit(most), {"ids": list(experiments)})
    return list(_read(asked, found.mappings()))


def _read(asked: Question, rows: Any) -> Iterator[Row]:
    for row in rows:
        value = row["value"]
        if asked.metric in TOKENS:
            value = (json.loads(value) if value else {}).get(asked.metric)
        yield row["moment"], dict(row), value


def _traces(asked: Question) -> tuple[sa.Select[Any], Any]:
    values: dict[str, Any] = {"trace_count": sa.literal(1), "latency": traces.c.duration_ms}
    values["session_count"] = entry_of(trace_metadata, SESSION)
    value = entry_of(trace_metadata, TOKEN_USAGE) if asked.metric in TOKENS else values[asked.metric]
    query = sa.select(
        traces.c.started_ms.label("moment"),
        traces.c.state.label("trace_status"),
        entry_of(trace_tags, TRACE_NAME).label("trace_name"),
        value.label("value"),
    )
    return query, traces.c.started_ms


def _spans(asked: Question) -> tuple[sa.Select[Any], Any]:
    took = sa.case((spans.c.ended_ns > 0, sa.cast(spans.c.ended_ns - spans.c.started_ns, sa.Double) / 1e6))
    query = sa.select(
        (spans.c.started_ns // 1_000_000).label("moment"),
        spans.c.name.label("span_name"),
        spans.c.kind.label("span_type"),
        spans.c.status.label("span_status"),
        (sa.literal(1) if asked.metric == "span_count" else took).label("value"),
    )
    return query.join(traces, traces.c.id == spans.c.trace), traces.c.started_ms


def _assessments(asked: Question) -> tuple[sa.Select[Any], Any]:
    query = sa.select(
        traces.c.started_ms.label("moment"),
        assessments.c.name.label("assessment_name"),
        assessments.c.value.label("assessment_value"),
        (sa.literal(1) if asked.metric == "assessment_count" else assessments.c.number).label("value"),
    )
    return query.join(traces, traces.c.id == assessments.c.trace), traces.c.started_ms


_COLUMNS = {
    ("trace", "status"): traces.c.state,
    ("span", "name"): spans.c.name,
    ("span", "status"): spans.c.status,
    ("span", "type"): spans.c.kind,
    ("assessment", "name"): assessments.c.name,
    ("assessment", "type"): assessments.c.kind,
}


def _condition(said: Condition) -> sa.ColumnElement[bool]:
    if said.key:
        table = trace_tags if said.entity == "tag" else trace_metadata
        there = sa.exists().where(table.c.trace == traces.c.id, table.c.key == said.key, table.c.value == said.value)
        return there.correlate(traces)
    return _COLUMNS[said.view, said.entity] == said.value
