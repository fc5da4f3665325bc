"""The tables `pipelines`, `pipeline_runs` and `step_runs`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from ondol.pipelines.types import Output, Pipeline, PipelineRun, PipelineSpec, StepRun
from ondol.ports.schema import Json, Moment, metadata

pipelines = sa.Table(
    "pipelines",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("spec", Json, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)

pipeline_runs = sa.Table(
    "pipeline_runs",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("pipeline", sa.String(255), nullable=False, index=True),
    sa.Column("key", sa.String(255), nullable=False, unique=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("parameters", Json, nullable=False),
    sa.Column("code", sa.String(64), nullable=False),
    sa.Column("job", sa.String(40), nullable=False, index=True),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("results", Json, nullable=False),
)

step_runs = sa.Table(
    "step_runs",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("run", sa.String(40), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("cache_key", sa.String(64), nullable=False),
    sa.Column("inputs", Json, nullable=False),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("started_wall", Moment, nullable=False),
    sa.Column("ended_at", Moment),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("params", Json, nullable=False),
    sa.Column("metrics", Json, nullable=False),
    sa.Column("output", Json),
    sa.Column("results", Json, nullable=False),
    sa.Column("cached_from", sa.String(40), nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("log", sa.String(512), nullable=False),
    sa.UniqueConstraint("run", "position"),
    sa.Index("ix_step_runs_cache_key_status", "cache_key", "status"),
)


def put_pipeline(connection: sa.Connection, pipeline: Pipeline) -> None:
    connection.execute(pipelines.delete().where(pipelines.c.name == pipeline.name))
    connection.execute(pipelines.insert().values(**msgspec.structs.asdict(pipeline)))


def find_pipeline(connection: sa.Connection, name: str) -> Pipeline | None:
    row = connection.execute(sa.select(pipelines).where(pipelines.c.name == name)).mappings().first()
    return _pipeline(row) if row else None


def select_pipelines(connection: sa.Connection) -> list[Pipeline]:
    return [_pipeline(row) for row in connection.execute(sa.select(pipelines).order_by(pipelines.c.name)).mappings()]


def insert_run(connection: sa.Connection, run: PipelineRun, key: str) -> None:
    connection.execute(pipeline_runs.insert().values(**_run_columns(run), key=key))


def update_run(connection: sa.Connection, run: PipelineRun) -> None:
    connection.execute(pipeline_runs.update().where(pipeline_runs.c.id == run.id).values(**_run_columns(run)))


def find_run(connection: sa.Connection, identity: str) -> PipelineRun | None:
    return _find_run(connection, pipeline_runs.c.id == identity)


def find_run_by_key(connection: sa.Connection, key: str) -> PipelineRun | None:
    return _find_run(connection, pipeline_runs.c.key == key)


def find_run_by_job(connection: sa.Connection, job: str) -> PipelineRun | None:
    return _find_run(connection, pipeline_runs.c.job == job)


def select_runs(connection: sa.Connection, pipeline: str, limit: int) -> list[PipelineRun]:
    """Newest first, with their steps."""
    query = sa.select(pipeline_runs).order_by(pipeline_runs.c.id.desc()).limit(limit)
    if pipeline:
        query = query.where(pipeline_runs.c.pipeline == pipeline)
    rows = connection.execute(query).mappings().all()
    steps = select_steps(connection, [row["id"] for row in rows])
    return [_run(row, [step for step in steps if step.run == row["id"]]) for row in rows]


def select_steps(connection: sa.Connection, runs: Sequence[str]) -> list[StepRun]:
    query = sa.select(step_runs).where(step_runs.c.run.in_(runs)).order_by(step_runs.c.run, step_runs.c.position)
    return [_step(row) for row in connection.execute(query).mappings()]


def put_step(connection: sa.Connection, step: StepRun, wall: datetime, results: dict[str, Any]) -> None:
    """Store a step that begins; it takes the place of whatever stood at its position."""
    here = (step_runs.c.run == step.run) & (step_runs.c.position == step.position)
    connection.execute(step_runs.delete().where(here))
    connection.execute(step_runs.insert().values(**msgspec.structs.asdict(step), started_wall=wall, results=results))


def update_step(connection: sa.Connection, step: StepRun, results: dict[str, Any]) -> None:
    changed = msgspec.structs.asdict(step)
    connection.execute(step_runs.update().where(step_runs.c.id == step.id).values(**changed, results=results))


def find_step(connection: sa.Connection, identity: str) -> tuple[StepRun, datetime] | None:
    """A step, and when it began by the wall."""
    row = connection.execute(sa.select(step_runs).where(step_runs.c.id == identity)).mappings().first()
    return (_step(row), row["started_wall"]) if row else None


def find_step_at(connection: sa.Connection, run: str, position: int) -> StepRun | None:
    here = (step_runs.c.run == run) & (step_runs.c.position == position)
    row = connection.execute(sa.select(step_runs).where(here)).mappings().first()
    return _step(row) if row else None


def find_equal(connection: sa.Connection, name: str, cache_key: str) -> tuple[StepRun, dict[str, Any]] | None:
    """The newest finished step with this key, and the ids it noted on its run."""
    query = (
        sa.select(step_runs)
        .where(step_runs.c.cache_key == cache_key, step_runs.c.status == "finished", step_runs.c.name == name)
        .order_by(step_runs.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    return (_step(row), row["results"]) if row else None


def fail_open_steps(connection: sa.Connection, run: str, now: datetime, error: str) -> None:
    left = (step_runs.c.run == run) & (step_runs.c.status == "running")
    connection.execute(step_runs.update().where(left).values(status="failed", ended_at=now, error=error))


def _find_run(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> PipelineRun | None:
    row = connection.execute(sa.select(pipeline_runs).where(condition)).mappings().first()
    return _run(row, select_steps(connection, [row["id"]])) if row else None


def _run_columns(run: PipelineRun) -> dict[str, Any]:
    columns = msgspec.structs.asdict(run)
    del columns["steps"]
    return columns


def _pipeline(row: sa.RowMapping) -> Pipeline:
    return Pipeline(name=row["name"], spec=msgspec.convert(row["spec"], PipelineSpec), updated_at=row["updated_at"])


def _run(row: sa.RowMapping, steps: list[StepRun]) -> PipelineRun:
    return PipelineRun(**{name: value for name, value in row.items() if name != "key"}, steps=steps)


def _step(row: sa.RowMapping) -> StepRun:
    fields = {name: value for name, value in row.items() if name not in ("started_wall", "results", "output")}
    return StepRun(**fields, output=msgspec.convert(row["output"], Output) if row["output"] else None)
