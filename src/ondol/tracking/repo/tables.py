"""The tables of the tracking room.

Runs and series have numbers besides their names, so that the tables with millions of rows hold integers.
Numbers are given out by us (the largest and one): writers take turns. Moments are milliseconds since 1970 UTC,
the unit of the protocol and of its searches: `datetime(started_ms / 1000, 'unixepoch')`.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ondol.ports.schema import Json, metadata

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
DEFAULT_EXPERIMENT = 0

experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(500), nullable=False, unique=True),
    sa.Column("location", sa.Text, nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.Column("deleted_ms", sa.BigInteger),
)


# Experiments that were cleared away: their ids are not given again.
cleared_experiments = sa.Table(
    "cleared_experiments",
    metadata,
    sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(500), nullable=False),
    sa.Column("cleared_ms", sa.BigInteger, nullable=False),
)


@sa.event.listens_for(sa.Table, "after_create")
def _make_default(table: sa.Table, connection: sa.Connection, **_: Any) -> None:
    # At the class and by name: a migration creates a table object of its own.
    if table.name == experiments.name:
        row = dict(id=DEFAULT_EXPERIMENT, name="Default", location="", created_ms=0, updated_ms=0)
        connection.execute(experiments.insert().values(**row))


def _owner(name: str, target: sa.Column[Any], kind: Any = NUMBER) -> sa.Column[Any]:
    key = sa.ForeignKey(target, ondelete="CASCADE")
    return sa.Column(name, kind, key, primary_key=True, autoincrement=False)


experiment_tags = sa.Table(
    "experiment_tags",
    metadata,
    _owner("experiment", experiments.c.id),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("id", sa.String(64), nullable=False, unique=True),
    sa.Column("experiment", NUMBER, sa.ForeignKey(experiments.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("started_ms", sa.BigInteger, nullable=False),
    sa.Column("ended_ms", sa.BigInteger),
    sa.Column("deleted_ms", sa.BigInteger),
    # 1 once its files have begun to go: it cannot be restored any more.
    sa.Column("clearing", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Index("ix_runs_started_ms_id", "started_ms", "id"),
    sa.Index("ix_runs_experiment_started_ms_id", "experiment", "started_ms", "id"),
    sa.Index("ix_runs_experiment_status_started_ms", "experiment", "status", "started_ms"),
)
START = 60
"""So many characters of a value are in the index by which it is found; Postgres takes no long ones there."""

# `value` is the text that searches compare; `kind` says what it was: text, int, float, bool or null.
params = sa.Table(
    "run_params",
    metadata,
    _owner("run", runs.c.number),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("kind", sa.String(5), nullable=False),
    sa.Column("start", sa.String(START), nullable=False),
    sa.Index("ix_run_params_key_start_run", "key", "start", "run"),
    sqlite_with_rowid=False,
)
tags = sa.Table(
    "run_tags",
    metadata,
    _owner("run", runs.c.number),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("start", sa.String(START), nullable=False),
    sa.Index("ix_run_tags_key_start_run", "key", "start", "run"),
    sqlite_with_rowid=False,
)
# The newest point of each series. A missing value is NaN: SQLite has no other way to keep one.
run_metrics = sa.Table(
    "run_metrics",
    metadata,
    _owner("run", runs.c.number),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("series", NUMBER, nullable=False, unique=True),
    sa.Column("step", sa.BigInteger, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("value", sa.Double),
    sa.Index("ix_run_metrics_key_value_run", "key", "value", "run"),
    sqlite_with_rowid=False,
)
# The whole row is the key, so a point that is sent again changes nothing. No foreign key: it would be looked up
# for each of millions of points, and series are only ever made by the same statement's transaction.
metric_points = sa.Table(
    "metric_points",
    metadata,
    sa.Column("series", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("value", sa.Double, primary_key=True),
    # 1 for NaN, whose value is 0: a key cannot be missing.
    sa.Column("nan", sa.SmallInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
run_datasets = sa.Table(
    "run_datasets",
    metadata,
    sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
    sa.Column("experiment", NUMBER, sa.ForeignKey(experiments.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.String(500), nullable=False),
    sa.Column("digest", sa.String(36), nullable=False),
    sa.Column("source_type", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("schema", sa.Text),
    sa.Column("profile", sa.Text),
    sa.UniqueConstraint("experiment", "name", "digest"),
)
run_inputs = sa.Table(
    "run_inputs",
    metadata,
    _owner("run", runs.c.number),
    _owner("dataset", run_datasets.c.id),
    sa.Column("context", sa.Text),
    sa.Column("tags", Json, nullable=False),
    sa.Index("ix_run_inputs_dataset_run", "dataset", "run"),
)
logged_models = sa.Table(
    "logged_models",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("experiment", NUMBER, sa.ForeignKey(experiments.c.id, ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.String(500), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.String(40), nullable=False),
    sa.Column("status_message", sa.Text, nullable=False),
    sa.Column("source_run", sa.String(64), nullable=False),
    sa.Column("created_ms", sa.BigInteger, nullable=False),
    sa.Column("updated_ms", sa.BigInteger, nullable=False),
    sa.Column("deleted_ms", sa.BigInteger),
    sa.Index("ix_logged_models_experiment_created_ms", "experiment", "created_ms"),
    sa.Index("ix_logged_models_source_run", "source_run"),
)
model_params = sa.Table(
    "logged_model_params",
    metadata,
    _owner("model", logged_models.c.id, sa.String(64)),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
model_tags = sa.Table(
    "logged_model_tags",
    metadata,
    _owner("model", logged_models.c.id, sa.String(64)),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
model_metrics = sa.Table(
    "logged_model_metrics",
    metadata,
    _owner("model", logged_models.c.id, sa.String(64)),
    sa.Column("key", sa.String(250), primary_key=True),
    sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("run", sa.String(64), primary_key=True),
    sa.Column("dataset_name", sa.String(500), nullable=False),
    sa.Column("dataset_digest", sa.String(36), nullable=False),
    sa.Column("value", sa.Double),
)
run_models = sa.Table(
    "run_models",
    metadata,
    _owner("run", runs.c.number),
    sa.Column("model", sa.String(64), primary_key=True),
    sa.Column("direction", sa.String(6), primary_key=True),
    sa.Column("step", sa.BigInteger, nullable=False),
)
