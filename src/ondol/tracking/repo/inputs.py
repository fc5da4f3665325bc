"""What runs read and made: data sets and models."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from ondol.ports import driver
from ondol.tracking.repo.tables import run_datasets, run_inputs, run_models
from ondol.tracking.types import DatasetInput, KeyValue, ModelInput, ModelOutput, TrackedDataset

CONTEXT = "mlflow.data.context"


def put_dataset(connection: sa.Connection, experiment: int, run: int, given: DatasetInput) -> None:
    """Say that a run read a data set; the same said again takes the newer tags."""
    dataset = given.dataset
    found = driver.rows(
        connection,
        "SELECT id FROM run_datasets WHERE experiment = ? AND name = ? AND digest = ?",
        experiment,
        dataset.name,
        dataset.digest,
    )
    if found:
        identity: int = found[0][0]
    else:
        identity = driver.rows(connection, "SELECT coalesce(max(id), 0) + 1 FROM run_datasets")[0][0]
        row = dict(id=identity, experiment=experiment, **msgspec.structs.asdict(dataset))
        connection.execute(run_datasets.insert().values(**row))
    connection.execute(run_inputs.delete().where(run_inputs.c.run == run, run_inputs.c.dataset == identity))
    context = next((tag.value for tag in given.tags if tag.key == CONTEXT), None)
    tags = [[tag.key, tag.value] for tag in given.tags]
    connection.execute(run_inputs.insert().values(run=run, dataset=identity, context=context, tags=tags))


def put_models(connection: sa.Connection, run: int, direction: str, models: Sequence[tuple[str, int]]) -> None:
    """`models` are ids and steps."""
    driver.run_many(
        connection,
        "INSERT INTO run_models (run, model, direction, step) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (run, model, direction) DO UPDATE SET step = excluded.step",
        [(run, model, direction, step) for model, step in models],
    )


_DATASETS = (
    sa.select(run_inputs.c.run, run_inputs.c.tags, run_datasets)
    .join_from(run_inputs, run_datasets)
    .where(run_inputs.c.run.in_(driver.listed("runs")))
    .order_by(run_inputs.c.run, run_datasets.c.id)
)
_MODELS = (
    sa.select(run_models)
    .where(run_models.c.run.in_(driver.listed("runs")))
    .order_by(run_models.c.run, run_models.c.model)
)


def read_datasets(connection: sa.Connection, runs: Sequence[int]) -> dict[int, list[DatasetInput]]:
    found: dict[int, list[DatasetInput]] = {}
    for row in connection.execute(_DATASETS, {"runs": list(runs)}):
        dataset = TrackedDataset(
            name=row.name,
            digest=row.digest,
            source_type=row.source_type,
            source=row.source,
            schema=row.schema,
            profile=row.profile,
        )
        tags = [KeyValue(key=key, value=value) for key, value in row.tags]
        found.setdefault(row.run, []).append(DatasetInput(dataset=dataset, tags=tags))
    return found


def read_models(
    connection: sa.Connection, runs: Sequence[int]
) -> tuple[dict[int, list[ModelInput]], dict[int, list[ModelOutput]]]:
    """Models that runs read, and models that they made."""
    inputs: dict[int, list[ModelInput]] = {}
    outputs: dict[int, list[ModelOutput]] = {}
    for run, model, direction, step in connection.execute(_MODELS, {"runs": list(runs)}):
        if direction == "input":
            inputs.setdefault(run, []).append(ModelInput(model_id=model))
        else:
            outputs.setdefault(run, []).append(ModelOutput(model_id=model, step=step))
    return inputs, outputs


def dataset_summaries(
    connection: sa.Connection, experiments: Sequence[int], limit: int
) -> list[tuple[int, str, str, str | None]]:
    """Experiment, name, digest and context of what runs of these experiments read, each once."""
    query = (
        sa.select(run_datasets.c.experiment, run_datasets.c.name, run_datasets.c.digest, run_inputs.c.context)
        .join_from(run_datasets, run_inputs)
        .where(run_datasets.c.experiment.in_(driver.listed("experiments")))
        .distinct()
        .order_by(run_datasets.c.experiment, run_datasets.c.name, run_datasets.c.digest)
        .limit(limit)
    )
    found = connection.execute(query, {"experiments": list(experiments)})
    return [(experiment, name, digest, context) for experiment, name, digest, context in found]
