"""MLflow's database backend: SQLite or Postgres, as `mlflow server --backend-store-uri` keeps it.

The tables are those of MLflow 1.x to 3.x (mlflow/store/tracking/dbmodels/models.py); columns that a version lacks are
taken as empty.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from ondol.exchange import database_traces, local_files
from ondol.exchange.source import (
    POINTS_A_PART,
    SourceExperiment,
    SourceFile,
    SourceModel,
    SourceRegistered,
    SourceRun,
    SourceTrace,
    SourceVersion,
)
from ondol.kernel.errors import Invalid, Unavailable
from ondol.tracking.types import DatasetInput, KeyValue, Point, TrackedDataset

RUNS_A_PAGE = 200
TRACES_A_PAGE = 100
_MODEL_STATUSES = {1: "PENDING", 2: "READY", 3: "FAILED"}


class DatabaseSource:
    """The `Source` over a database of MLflow's; opened for reading only."""

    def __init__(self, url: str, artifacts: str = "") -> None:
        parsed = sa.make_url(url.replace("postgres://", "postgresql://", 1))
        if parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername.startswith("sqlite"):
            parsed = sa.make_url(f"sqlite:///file:{parsed.database}?mode=ro&uri=true")
        self.where = parsed.render_as_string(hide_password=True)
        self._artifacts = artifacts
        self._engine = sa.create_engine(parsed)
        self._tables = sa.MetaData()
        try:
            self._tables.reflect(self._engine)
        except sa.exc.SQLAlchemyError as error:
            raise Unavailable(f"{self.where} cannot be read: {error.__cause__ or error}") from error
        if missing := [name for name in ("experiments", "runs", "metrics", "params", "tags") if not self.has(name)]:
            raise Invalid(f"{self.where} is no database of MLflow: it has no table {', '.join(missing)}.")

    def close(self) -> None:
        self._engine.dispose()

    def experiments(self) -> list[SourceExperiment]:
        tags: dict[Any, dict[str, str]] = defaultdict(dict)
        if self.has("experiment_tags"):
            for row in self.rows(sa.select(self.table("experiment_tags"))):
                tags[row["experiment_id"]][row["key"]] = row["value"]
        table = self.table("experiments")
        return [
            SourceExperiment(
                id=str(row["experiment_id"]),
                name=row["name"],
                deleted=row["lifecycle_stage"] == "deleted",
                tags=tags[row["experiment_id"]],
            )
            for row in self.rows(sa.select(table).order_by(table.c.experiment_id))
        ]

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        table = self.table("runs")
        mine = sa.select(table).where(table.c.experiment_id == int(experiment.id)).order_by(table.c.run_uuid)
        last = ""
        while page := self.rows(mine.where(table.c.run_uuid > last).limit(RUNS_A_PAGE)):
            yield from self._whole(page)
            last = page[-1]["run_uuid"]

    def points(self, run: SourceRun) -> Iterator[list[Point]]:
        table = self.table("metrics")
        query = sa.select(table).where(table.c.run_uuid == run.id).order_by(table.c.key, table.c.timestamp)
        with self._engine.connect() as connection:
            streamed = connection.execution_options(yield_per=POINTS_A_PART).execute(query)
            for part in streamed.mappings().partitions():
                yield [_point(row) for row in part]

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        if not self.has("logged_models"):
            return
        table = self.table("logged_models")
        rows = self.rows(sa.select(table).where(table.c.experiment_id == int(experiment.id)))
        ids = [row["model_id"] for row in rows]
        params = self.texts("logged_model_params", "model_id", ids, ("param_key", "param_value"))
        tags = self.texts("logged_model_tags", "model_id", ids, ("tag_key", "tag_value"))
        for row in rows:
            yield SourceModel(
                id=row["model_id"],
                name=row["name"],
                created_ms=row["creation_timestamp_ms"],
                artifacts=row["artifact_location"],
                kind=row["model_type"] or "",
                status=_MODEL_STATUSES.get(row["status"], "READY"),
                source_run=row["source_run_id"] or "",
                deleted=row["lifecycle_stage"] == "deleted",
                params=params[row["model_id"]],
                tags=tags[row["model_id"]],
            )

    def traces(self, experiment: SourceExperiment) -> Iterator[SourceTrace]:
        if not self.has("trace_info"):
            return
        table = self.table("trace_info")
        mine = sa.select(table).where(table.c.experiment_id == int(experiment.id)).order_by(table.c.request_id)
        last = ""
        while page := self.rows(mine.where(table.c.request_id > last).limit(TRACES_A_PAGE)):
            yield from database_traces.whole(self, page)
            last = page[-1]["request_id"]

    def registered(self) -> Iterator[SourceRegistered]:
        if not self.has("registered_models"):
            return
        table = self.table("registered_models")
        for row in self.rows(sa.select(table).order_by(table.c.name)):
            name = row["name"]
            aliases = self.texts("registered_model_aliases", "name", [name], ("alias", "version"))[name]
            yield SourceRegistered(
                name=name,
                description=row["description"] or "",
                tags=self.texts("registered_model_tags", "name", [name], ("key", "value"))[name],
                aliases={alias: int(number) for alias, number in aliases.items()},
                versions=self._versions(name),
            )

    def _versions(self, name: str) -> list[SourceVersion]:
        table = self.table("model_versions")
        query = sa.select(table).where(table.c.name == name, table.c.current_stage != "Deleted_Internal")
        tags: dict[int, dict[str, str]] = defaultdict(dict)
        if self.has("model_version_tags"):
            known = self.table("model_version_tags")
            for row in self.rows(sa.select(known).where(known.c.name == name)):
                tags[row["version"]][row["key"]] = row["value"]
        return [
            SourceVersion(
                number=row["version"],
                source=row["source"] or "",
                artifacts=row.get("storage_location") or "",
                run=row["run_id"] or "",
                run_link=row.get("run_link") or "",
                description=row["description"] or "",
                stage=row["current_stage"] or "None",
                tags=tags[row["version"]],
            )
            for row in self.rows(query.order_by(table.c.version))
        ]

    def files(self, artifacts: str) -> Iterator[SourceFile]:
        return local_files.files_below(local_files.folder_of(artifacts, self._artifacts))

    def read(self, artifacts: str, file: SourceFile) -> Iterator[bytes]:
        return local_files.chunks_of(local_files.folder_of(artifacts, self._artifacts) / file.path)

    def has(self, name: str) -> bool:
        return name in self._tables.tables

    def table(self, name: str) -> sa.Table:
        return self._tables.tables[name]

    def rows(self, query: sa.Select[Any]) -> list[Any]:
        with self._engine.connect() as connection:
            return list(connection.execute(query).mappings())

    def _whole(self, page: list[Any]) -> Iterator[SourceRun]:
        ids = [row["run_uuid"] for row in page]
        params, tags = self._pairs("params", ids), self._pairs("tags", ids)
        metrics, datasets = self._keys(ids), self._datasets(ids)
        for row in page:
            identity = row["run_uuid"]
            yield SourceRun(
                id=identity,
                name=row.get("name") or tags[identity].get("mlflow.runName", ""),
                status=row["status"].lower(),
                started_ms=row["start_time"] or 0,
                ended_ms=row["end_time"] or None,
                deleted=row["lifecycle_stage"] == "deleted",
                person=row["user_id"] or "",
                artifacts=row["artifact_uri"] or "",
                params=params[identity],
                tags=tags[identity],
                metrics=metrics[identity],
                datasets=datasets[identity],
            )

    def _pairs(self, name: str, ids: list[str]) -> dict[str, dict[str, str]]:
        return self.texts(name, "run_uuid", ids, ("key", "value"))

    def texts(self, name: str, owner: str, ids: list[str], pair: tuple[str, str]) -> dict[str, dict[str, str]]:
        """Keys and values of each owner; nothing where this release of MLflow had no such table."""
        found = defaultdict[str, dict[str, str]](dict)
        if self.has(name):
            table, (key, value) = self.table(name), pair
            for row in self.rows(sa.select(table).where(table.c[owner].in_(ids))):
                found[row[owner]][row[key]] = str(row[value] if row[value] is not None else "")
        return found

    def _keys(self, ids: list[str]) -> dict[str, list[str]]:
        table = self.table("latest_metrics" if self.has("latest_metrics") else "metrics")
        query = sa.select(table.c.run_uuid, table.c.key).where(table.c.run_uuid.in_(ids)).distinct()
        found = defaultdict[str, list[str]](list)
        for row in self.rows(query.order_by(table.c.key)):
            found[row["run_uuid"]].append(row["key"])
        return found

    def _datasets(self, ids: list[str]) -> dict[str, list[DatasetInput]]:
        found = defaultdict[str, list[DatasetInput]](list)
        if not all(map(self.has, ("inputs", "datasets", "input_tags"))):
            return found
        inputs, datasets, tags = map(self.table, ("inputs", "datasets", "input_tags"))
        joined = inputs.join(datasets, inputs.c.source_id == datasets.c.dataset_uuid)
        query = sa.select(inputs.c.input_uuid, inputs.c.destination_id, datasets).select_from(joined)
        rows = self.rows(query.where(inputs.c.destination_id.in_(ids), inputs.c.source_type == "DATASET"))
        of_input = defaultdict[str, list[KeyValue]](list)
        for row in self.rows(sa.select(tags).where(tags.c.input_uuid.in_([row["input_uuid"] for row in rows]))):
            of_input[row["input_uuid"]].append(KeyValue(key=row["name"], value=row["value"]))
        for row in rows:
            dataset = TrackedDataset(
                name=row["name"],
                digest=row["digest"],
                source_type=row["dataset_source_type"],
                source=row["dataset_source"],
                schema=row["dataset_schema"],
                profile=row["dataset_profile"],
            )
            found[row["destination_id"]].append(DatasetInput(dataset=dataset, tags=of_input[row["input_uuid"]]))
        return found


_LARGEST = 1.7976931348623157e308


def _point(row: Any) -> Point:
    """MLflow writes NaN as 0 with a mark, and infinities as the largest doubles."""
    value = float(row["value"])
    if row.get("is_nan"):
        value = math.nan
    elif abs(value) >= _LARGEST:
        value = math.copysign(math.inf, value)
    return Point(key=row["key"], value=value, timestamp=row["timestamp"], step=row.get("step") or 0)
