"""Experiments and their tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from ondol.ports import driver
from ondol.tracking.repo.tables import experiment_tags, experiments
from ondol.tracking.types import KeyValue


class ExperimentRow(NamedTuple):
    id: int
    name: str
    location: str
    created_ms: int
    updated_ms: int
    deleted_ms: int | None


_ROW = "SELECT id, name, location, created_ms, updated_ms, deleted_ms FROM experiments WHERE "


def find_experiment(connection: sa.Connection, identity: int) -> ExperimentRow | None:
    found = driver.rows(connection, _ROW + "id = ?", identity)
    return ExperimentRow(*found[0]) if found else None


def find_named(connection: sa.Connection, name: str) -> ExperimentRow | None:
    found = driver.rows(connection, _ROW + "name = ?", name)
    return ExperimentRow(*found[0]) if found else None


def insert_experiment(connection: sa.Connection, name: str, location: str, now_ms: int) -> int:
    """The id of the new experiment; never one that was used before."""
    used = "SELECT id FROM experiments UNION ALL SELECT id FROM cleared_experiments"
    identity: int = driver.rows(connection, f"SELECT coalesce(max(id), 0) + 1 FROM ({used}) AS used")[0][0]  # noqa: S608
    row = dict(id=identity, name=name, location=location, created_ms=now_ms, updated_ms=now_ms)
    connection.execute(experiments.insert().values(**row))
    return identity


def update_experiment(connection: sa.Connection, identity: int, **changes: Any) -> None:
    connection.execute(experiments.update().where(experiments.c.id == identity).values(**changes))


def put_experiment_tags(connection: sa.Connection, identity: int, values: dict[str, str]) -> None:
    driver.run_many(
        connection,
        "INSERT INTO experiment_tags (experiment, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (experiment, key) DO UPDATE SET value = excluded.value",
        [(identity, key, value) for key, value in values.items()],
    )


def delete_experiment_tag(connection: sa.Connection, identity: int, key: str) -> bool:
    """Whether there was one."""
    return driver.run(connection, "DELETE FROM experiment_tags WHERE experiment = ? AND key = ?", identity, key) > 0


def read_experiment_tags(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[KeyValue]]:
    table = experiment_tags
    query = sa.select(table).where(table.c.experiment.in_(driver.listed("ids"))).order_by(table.c.key)
    found: dict[int, list[KeyValue]] = {}
    for identity, key, value in connection.execute(query, {"ids": list(ids)}) if ids else ():
        found.setdefault(identity, []).append(KeyValue(key=key, value=value))
    return found


def read_names(connection: sa.Connection, ids: Sequence[int]) -> dict[int, str]:
    query = sa.select(experiments.c.id, experiments.c.name).where(experiments.c.id.in_(driver.listed("ids")))
    return {row.id: row.name for row in connection.execute(query, {"ids": list(ids)})} if ids else {}


def read_experiments(connection: sa.Connection, ids: Sequence[int]) -> list[ExperimentRow]:
    """In the order of `ids`."""
    query = sa.select(experiments).where(experiments.c.id.in_(driver.listed("ids")))
    known = {row.id: ExperimentRow(*row) for row in connection.execute(query, {"ids": list(ids)})} if ids else {}
    return [known[identity] for identity in ids]
