"""The tables of traces: what a request did, span by span, and what people and judges say of it.

Moments of traces are milliseconds since 1970 UTC, those of spans nanoseconds, as OpenTelemetry counts.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ondol.ports.schema import metadata
from ondol.tracking.repo.tables import NUMBER, experiments

IDENTITY = sa.String(250)


def _trace() -> sa.Column[str]:
    return sa.Column("trace", IDENTITY, sa.ForeignKey("traces.id", ondelete="CASCADE"), primary_key=True)


# `finished` traces were sent by their client as a whole: what later spans say no longer changes them.
traces = sa.Table(
    "traces",
    metadata,
    sa.Column("id", IDENTITY, primary_key=True),
    sa.Column("experiment", NUMBER, sa.ForeignKey(experiments.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("duration_ms", sa.BigInteger),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("finished", sa.SmallInteger, nullable=False),
    sa.Column("client_request", sa.Text),
    sa.Column("request_preview", sa.Text),
    sa.Column("response_preview", sa.Text),
    sa.Index("ix_traces_started_ms_id", "started_ms", "id"),
    sa.Index("ix_traces_experiment_started_ms_id", "experiment", "started_ms", "id"),
)
trace_tags = sa.Table(
    "trace_tags",
    metadata,
    _trace(),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
trace_metadata = sa.Table(
    "trace_metadata",
    metadata,
    _trace(),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)
# `content` is the span as OTLP writes it as JSON; the other columns are what searches compare.
spans = sa.Table(
    "spans",
    metadata,
    _trace(),
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("parent", sa.String(16), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.String(250), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("started_ns", sa.BigInteger, nullable=False),
    sa.Column("ended_ns", sa.BigInteger, nullable=False),
    sa.Column("usage", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
)
# A run can have many traces without having made them: evaluations look at traces of others.
trace_runs = sa.Table(
    "trace_runs",
    metadata,
    _trace(),
    sa.Column("run", sa.String(64), primary_key=True),
    sa.Index("ix_trace_runs_run_trace", "run", "trace"),
    sqlite_with_rowid=False,
)
trace_prompts = sa.Table(
    "trace_prompts",
    metadata,
    _trace(),
    sa.Column("prompt", sa.String(500), primary_key=True),
    sqlite_with_rowid=False,
)
# `value` is what searches compare as text, `number` what they compare as a number; `content` is all of it as JSON.
assessments = sa.Table(
    "assessments",
    metadata,
    _trace(),
    sa.Column("id", IDENTITY, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("value", sa.Text),
    sa.Column("number", sa.Double),
    sa.Column("valid", sa.SmallInteger, nullable=False),
    sa.Column("overrides", sa.Text),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
)


def entry_of(table: sa.Table, key: str) -> sa.ScalarSelect[Any]:
    """A tag or an entry of the metadata; null where a trace has none."""
    query = sa.select(table.c.value).where(table.c.trace == traces.c.id, table.c.key == key)
    return query.correlate(traces).scalar_subquery()
