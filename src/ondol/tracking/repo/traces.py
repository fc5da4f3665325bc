"""Traces with their tags, metadata, spans and runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from ondol.ports import driver
from ondol.tracking.repo.assessments import read_assessments
from ondol.tracking.repo.trace_tables import spans, trace_metadata, trace_prompts, trace_runs, trace_tags, traces
from ondol.tracking.rules.traces import SpanRow, TrackedTrace

TOGETHER = 500
"""So many ids in one statement: databases limit how many values it takes."""


class TraceRow(NamedTuple):
    id: str
    experiment: int
    started_ms: int
    duration_ms: int | None
    state: str
    finished: int
    client_request: str | None
    request_preview: str | None
    response_preview: str | None


_COLUMNS = ", ".join(TraceRow._fields)
_MARKS = ", ".join("?" for _ in TraceRow._fields)


def insert_trace(connection: sa.Connection, row: TraceRow) -> bool:
    """Whether there was none yet."""
    text = f"INSERT INTO traces ({_COLUMNS}) VALUES ({_MARKS}) ON CONFLICT (id) DO NOTHING"  # noqa: S608
    return driver.run(connection, text, *row) > 0


def lock_trace(connection: sa.Connection, identity: str) -> TraceRow | None:
    """The row, which nobody else changes until the transaction ends."""
    query = sa.select(*(traces.c[name] for name in TraceRow._fields)).where(traces.c.id == identity)
    found = connection.execute(query.with_for_update()).one_or_none()
    return None if found is None else TraceRow(*found)


def update_trace(connection: sa.Connection, row: TraceRow) -> None:
    connection.execute(traces.update().where(traces.c.id == row.id).values(**row._asdict()))


def has_trace(connection: sa.Connection, identity: str) -> bool:
    return bool(driver.rows(connection, "SELECT 1 FROM traces WHERE id = ?", identity))


def put_tags(connection: sa.Connection, identity: str, values: Mapping[str, str]) -> None:
    driver.run_many(
        connection,
        "INSERT INTO trace_tags (trace, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (trace, key) DO UPDATE SET value = excluded.value",
        [(identity, key, value) for key, value in values.items()],
    )


def add_tags(connection: sa.Connection, identity: str, values: Mapping[str, str]) -> None:
    """Those that the trace does not have yet."""
    driver.run_many(
        connection,
        "INSERT INTO trace_tags (trace, key, value) VALUES (?, ?, ?) ON CONFLICT (trace, key) DO NOTHING",
        [(identity, key, value) for key, value in values.items()],
    )


def delete_tag(connection: sa.Connection, identity: str, key: str) -> bool:
    """Whether there was one."""
    return driver.run(connection, "DELETE FROM trace_tags WHERE trace = ? AND key = ?", identity, key) > 0


def put_metadata(connection: sa.Connection, identity: str, values: Mapping[str, str]) -> None:
    driver.run_many(
        connection,
        "INSERT INTO trace_metadata (trace, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (trace, key) DO UPDATE SET value = excluded.value",
        [(identity, key, value) for key, value in values.items()],
    )


def add_metadata(connection: sa.Connection, identity: str, values: Mapping[str, str]) -> None:
    """What the trace does not say yet."""
    driver.run_many(
        connection,
        "INSERT INTO trace_metadata (trace, key, value) VALUES (?, ?, ?) ON CONFLICT (trace, key) DO NOTHING",
        [(identity, key, value) for key, value in values.items()],
    )


def put_spans(connection: sa.Connection, rows: Sequence[SpanRow]) -> None:
    columns = ", ".join(SpanRow._fields)
    marks = ", ".join("?" for _ in SpanRow._fields)
    changed = ", ".join(f"{name} = excluded.{name}" for name in SpanRow._fields[2:])
    text = f"INSERT INTO spans ({columns}) VALUES ({marks}) ON CONFLICT (trace, id) DO UPDATE SET {changed}"  # noqa: S608
    driver.run_many(connection, text, rows)


def read_usage(connection: sa.Connection, identity: str) -> list[tuple[str, str, str]]:
    """Id, parent and usage of the spans of a trace."""
    return driver.rows(connection, "SELECT id, parent, usage FROM spans WHERE trace = ?", identity)


def read_spans(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    """The spans of each trace: the one that began it first, then by their start."""
    found: dict[str, list[str]] = {}
    order = (spans.c.trace, sa.case((spans.c.parent == "", 0), else_=1), spans.c.started_ns, spans.c.id)
    for some in _parts(ids):
        query = sa.select(spans.c.trace, spans.c.content).where(spans.c.trace.in_(some)).order_by(*order)
        for trace, content in connection.execute(query):
            found.setdefault(trace, []).append(content)
    return found


def link_run(connection: sa.Connection, ids: Sequence[str], run: str) -> None:
    driver.run_many(
        connection,
        "INSERT INTO trace_runs (trace, run) VALUES (?, ?) ON CONFLICT (trace, run) DO NOTHING",
        [(identity, run) for identity in ids],
    )


def link_prompts(connection: sa.Connection, identity: str, prompts: Sequence[str]) -> None:
    driver.run_many(
        connection,
        "INSERT INTO trace_prompts (trace, prompt) VALUES (?, ?) ON CONFLICT (trace, prompt) DO NOTHING",
        [(identity, prompt) for prompt in prompts],
    )


def known(connection: sa.Connection, ids: Sequence[str]) -> list[str]:
    """Those of the ids that traces have."""
    found: set[str] = set()
    for some in _parts(ids):
        found |= set(connection.execute(sa.select(traces.c.id).where(traces.c.id.in_(some))).scalars())
    return [identity for identity in dict.fromkeys(ids) if identity in found]


def read_traces(
    connection: sa.Connection, ids: Sequence[str], experiments: Sequence[int] | None = None
) -> list[TrackedTrace]:
    """In the order of `ids`; those that are not there, or not in these experiments, are left out."""
    rows: dict[str, Any] = {}
    for some in _parts(ids):
        query = sa.select(traces).where(traces.c.id.in_(some))
        rows |= {row.id: row for row in connection.execute(query)}
    tags, said = _texts(connection, trace_tags, ids), _texts(connection, trace_metadata, ids)
    assessed = read_assessments(connection, ids)
    return [
        TrackedTrace(
            id=identity,
            experiment=row.experiment,
            started_ms=row.started_ms,
            duration_ms=row.duration_ms,
            state=row.state,
            client_request=row.client_request,
            request_preview=row.request_preview,
            response_preview=row.response_preview,
            tags=tags.get(identity, {}),
            metadata=said.get(identity, {}),
            assessments=assessed.get(identity, []),
        )
        for identity in ids
        if (row := rows.get(identity)) is not None and (experiments is None or row.experiment in experiments)
    ]


def _texts(connection: sa.Connection, table: sa.Table, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for some in _parts(ids):
        query = sa.select(table).where(table.c.trace.in_(some)).order_by(table.c.trace, table.c.key)
        for trace, key, value in connection.execute(query):
            found.setdefault(trace, {})[key] = value
    return found


def delete_traces(
    connection: sa.Connection, experiment: int, ids: Sequence[str] | None, before_ms: int | None, most: int | None
) -> list[str]:
    """Delete the oldest `most` traces of an experiment that began until `before_ms` or have one of the ids.

    The ids of those that were there.
    """
    query = sa.select(traces.c.id).where(traces.c.experiment == experiment)
    if before_ms is not None:
        query = query.where(traces.c.started_ms <= before_ms)
    query = query.order_by(traces.c.started_ms, traces.c.id).limit(most)
    if ids is None:
        found = list(connection.execute(query).scalars())
    else:
        found = [
            one for some in _parts(ids) for one in connection.execute(query.where(traces.c.id.in_(some))).scalars()
        ]
        found = found[:most]
    for some in _parts(found):
        connection.execute(traces.delete().where(traces.c.id.in_(some)))
    return found


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    unique = list(dict.fromkeys(ids))
    for place in range(0, len(unique), TOGETHER):
        yield unique[place : place + TOGETHER]


def read_runs(connection: sa.Connection, identity: str) -> list[str]:
    query = sa.select(trace_runs.c.run).where(trace_runs.c.trace == identity)
    return list(connection.execute(query.order_by(trace_runs.c.run)).scalars())


def read_prompts(connection: sa.Connection, identity: str) -> list[str]:
    """`NAME/VERSION` of the prompts that were used."""
    query = sa.select(trace_prompts.c.prompt).where(trace_prompts.c.trace == identity)
    return list(connection.execute(query.order_by(trace_prompts.c.prompt)).scalars())
