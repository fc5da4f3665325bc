"""Runs, their parameters and tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from ondol.ports import driver
from ondol.tracking.repo.inputs import read_datasets, read_models
from ondol.tracking.repo.tables import START, runs
from ondol.tracking.rules import json_number
from ondol.tracking.types import KeyValue, NewestPoint, TrackedRun


class Place(NamedTuple):
    """Where a run is: what every call that logs to it must know first."""

    number: int
    experiment: int
    deleted_ms: int | None


class NewRun(NamedTuple):
    id: str
    experiment: int
    name: str
    status: str
    person: str
    started_ms: int


def find_run(connection: sa.Connection, identity: str) -> Place | None:
    found = driver.rows(connection, "SELECT number, experiment, deleted_ms FROM runs WHERE id = ?", identity)
    return Place(*found[0]) if found else None


def insert_run(connection: sa.Connection, run: NewRun) -> int:
    """The number of the new run."""
    number: int = driver.rows(connection, "SELECT coalesce(max(number), 0) + 1 FROM runs")[0][0]
    driver.run(
        connection,
        "INSERT INTO runs (number, id, experiment, name, status, person, started_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
        number,
        *run,
    )
    return number


def update_run(connection: sa.Connection, number: int, **changes: Any) -> None:
    connection.execute(runs.update().where(runs.c.number == number).values(**changes))


def is_clearing(connection: sa.Connection, number: int) -> bool:
    """Whether a run is being cleared away."""
    return bool(connection.execute(sa.select(runs.c.clearing).where(runs.c.number == number)).scalar_one())


def set_deleted(connection: sa.Connection, experiment: int, deleted_ms: int | None) -> None:
    """Delete or restore every run of an experiment that is not deleted or restored yet, or being cleared away."""
    other = runs.c.deleted_ms.is_(None) if deleted_ms else sa.and_(runs.c.deleted_ms.is_not(None), runs.c.clearing == 0)
    connection.execute(runs.update().where(runs.c.experiment == experiment, other).values(deleted_ms=deleted_ms))


def read_params(connection: sa.Connection, number: int) -> dict[str, tuple[str, str]]:
    """Text and kind of each parameter."""
    found = driver.rows(connection, "SELECT key, value, kind FROM run_params WHERE run = ?", number)
    return {key: (value, kind) for key, value, kind in found}


def insert_params(connection: sa.Connection, number: int, values: dict[str, tuple[str, str]]) -> None:
    driver.run_many(
        connection,
        "INSERT INTO run_params (run, key, value, kind, start) VALUES (?, ?, ?, ?, ?)",
        [(number, key, value, kind, value[:START]) for key, (value, kind) in values.items()],
    )


def put_tags(connection: sa.Connection, number: int, values: dict[str, str]) -> None:
    driver.run_many(
        connection,
        "INSERT INTO run_tags (run, key, value, start) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (run, key) DO UPDATE SET value = excluded.value, start = excluded.start",
        [(number, key, value, value[:START]) for key, value in values.items()],
    )


def read_tag(connection: sa.Connection, number: int, key: str) -> str | None:
    found = driver.rows(connection, "SELECT value FROM run_tags WHERE run = ? AND key = ?", number, key)
    return found[0][0] if found else None


def delete_tag(connection: sa.Connection, number: int, key: str) -> bool:
    """Whether there was one."""
    return driver.run(connection, "DELETE FROM run_tags WHERE run = ? AND key = ?", number, key) > 0


def read_kinds(connection: sa.Connection, numbers: Sequence[int]) -> dict[int, dict[str, str]]:
    """The kind of each parameter of these runs that is not text, by run number."""
    found: dict[int, dict[str, str]] = {}
    text = "SELECT run, key, kind FROM run_params WHERE kind <> 'text' AND run IN "
    for number, key, kind in driver.stream_in(connection, text, numbers):
        found.setdefault(number, {})[key] = kind
    return found


def list_numbers(
    connection: sa.Connection, *, experiment: int | None, status: str, limit: int, before: tuple[int, str] | None
) -> list[int]:
    """Numbers of runs that are not deleted, newest first, after the one that `before` names by moment and id."""
    query = (
        sa.select(runs.c.number)
        .where(runs.c.deleted_ms.is_(None))
        .order_by(runs.c.started_ms.desc(), runs.c.id.desc())
        .limit(limit)
    )
    if experiment is not None:
        query = query.where(runs.c.experiment == experiment)
    if status:
        query = query.where(runs.c.status == status)
    if before:
        place = sa.literal(before[0], sa.BigInteger), sa.literal(before[1], sa.String)
        query = query.where(sa.tuple_(runs.c.started_ms, runs.c.id) < sa.tuple_(*place))
    return list(connection.execute(query).scalars())


_PARAMS = "SELECT run, key, value FROM run_params WHERE run IN "
_TAGS = "SELECT run, key, value FROM run_tags WHERE run IN "
_METRICS = "SELECT run, key, value, at, step FROM run_metrics WHERE run IN "
_RUNS = (
    "SELECT number, runs.id, runs.name, experiment, status, person, started_ms, ended_ms, runs.deleted_ms, location"
    " FROM runs JOIN experiments ON experiments.id = experiment WHERE number IN "
)


def read_runs(connection: sa.Connection, numbers: Sequence[int]) -> list[TrackedRun]:
    """Runs with all that belongs to them, in the order of `numbers`: a few queries, however many runs."""
    if not numbers:
        return []
    found_params: dict[int, list[KeyValue]] = {number: [] for number in numbers}
    found_tags: dict[int, list[KeyValue]] = {number: [] for number in numbers}
    found_metrics: dict[int, list[NewestPoint]] = {number: [] for number in numbers}
    for number, key, value in driver.stream_in(connection, _PARAMS, numbers, "run, key"):
        found_params[number].append(KeyValue(key=key, value=value))
    for number, key, value in driver.stream_in(connection, _TAGS, numbers, "run, key"):
        found_tags[number].append(KeyValue(key=key, value=value))
    for number, key, value, at, step in driver.stream_in(connection, _METRICS, numbers, "run, key"):
        found_metrics[number].append(NewestPoint(key=key, value=number_of(value), timestamp=at, step=step))
    datasets = read_datasets(connection, numbers)
    inputs, outputs = read_models(connection, numbers)
    known = {row[0]: row for row in driver.stream_in(connection, _RUNS, numbers)}
    found = []
    for number in numbers:
        _, identity, name, experiment, status, person, started, ended, deleted, location = known[number]
        found.append(
            TrackedRun(
                id=identity,
                name=name,
                experiment=experiment,
                status=status,
                person=person,
                started_ms=started,
                ended_ms=ended,
                deleted_ms=deleted,
                location=location,
                params=found_params[number],
                metrics=found_metrics[number],
                tags=found_tags[number],
                datasets=datasets.get(number, []),
                model_inputs=inputs.get(number, []),
                model_outputs=outputs.get(number, []),
            )
        )
    return found


def number_of(kept: float | None) -> Any:
    return kept if kept is not None and -1e308 < kept < 1e308 else json_number(float("nan") if kept is None else kept)
