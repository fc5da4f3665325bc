"""Models that runs wrote down, before anybody registers them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ondol.ports import driver
from ondol.tracking.repo.runs import number_of
from ondol.tracking.repo.search import Page, compare
from ondol.tracking.repo.tables import experiments, logged_models, model_metrics, model_params, model_tags
from ondol.tracking.rules.search import Clause
from ondol.tracking.types import KeyValue, LoggedModel, NewestPoint, Point

_ATTRIBUTES: dict[str, sa.ColumnElement[Any]] = {
    "name": logged_models.c.name,
    "model_id": logged_models.c.id,
    "model_type": logged_models.c.kind,
    "status": logged_models.c.status,
    "source_run_id": logged_models.c.source_run,
    "experiment_id": sa.cast(logged_models.c.experiment, sa.String),
    "creation_timestamp": logged_models.c.created_ms,
    "last_updated_timestamp": logged_models.c.updated_ms,
}


def insert_model(connection: sa.Connection, **row: Any) -> None:
    connection.execute(logged_models.insert().values(**row))


def update_model(connection: sa.Connection, identity: str, **changes: Any) -> None:
    connection.execute(logged_models.update().where(logged_models.c.id == identity).values(**changes))


def put_model_params(connection: sa.Connection, identity: str, values: Sequence[KeyValue]) -> None:
    driver.run_many(
        connection,
        "INSERT INTO logged_model_params (model, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (model, key) DO UPDATE SET value = excluded.value",
        [(identity, one.key, one.value) for one in values],
    )


def put_model_tags(connection: sa.Connection, identity: str, values: Sequence[KeyValue]) -> None:
    driver.run_many(
        connection,
        "INSERT INTO logged_model_tags (model, key, value) VALUES (?, ?, ?)"
        " ON CONFLICT (model, key) DO UPDATE SET value = excluded.value",
        [(identity, one.key, one.value) for one in values],
    )


def delete_model_tag(connection: sa.Connection, identity: str, key: str) -> bool:
    return driver.run(connection, "DELETE FROM logged_model_tags WHERE model = ? AND key = ?", identity, key) > 0


def put_model_metrics(connection: sa.Connection, run: str, points: Sequence[Point]) -> None:
    """Points that say which model they measured. Models that are not here are left out."""
    ids = {point.model_id for point in points}
    query = sa.select(logged_models.c.id).where(logged_models.c.id.in_(ids))
    known = set(connection.execute(query).scalars())
    driver.run_many(
        connection,
        "INSERT INTO logged_model_metrics (model, key, at, step, run, dataset_name, dataset_digest, value)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (model, key, at, step, run) DO UPDATE SET value = excluded.value,"
        " dataset_name = excluded.dataset_name, dataset_digest = excluded.dataset_digest",
        [
            (
                point.model_id,
                point.key,
                point.timestamp,
                point.step,
                point.run_id or run,
                point.dataset_name,
                point.dataset_digest,
                point.value if point.value == point.value else None,
            )
            for point in points
            if point.model_id in known
        ],
    )


def read_models(connection: sa.Connection, ids: Sequence[str]) -> list[LoggedModel]:
    """With their parameters, tags and points, in the order of `ids`; unknown ids are left out."""
    if not ids:
        return []
    query = sa.select(logged_models, experiments.c.location).join_from(logged_models, experiments)
    rows = {row.id: row for row in connection.execute(query.where(logged_models.c.id.in_(ids)))}
    params, tags = _texts(connection, model_params, ids), _texts(connection, model_tags, ids)
    metrics: dict[str, list[NewestPoint]] = {}
    points = sa.select(model_metrics).where(model_metrics.c.model.in_(ids))
    order = (model_metrics.c.model, model_metrics.c.key, model_metrics.c.at, model_metrics.c.step)
    for row in connection.execute(points.order_by(*order)):
        point = NewestPoint(
            key=row.key,
            value=number_of(row.value),
            timestamp=row.at,
            step=row.step,
            run_id=row.run,
            model_id=row.model,
            dataset_name=row.dataset_name,
            dataset_digest=row.dataset_digest,
        )
        metrics.setdefault(row.model, []).append(point)
    return [
        LoggedModel(
            **dict(rows[identity]._mapping),
            params=params.get(identity, []),
            tags=tags.get(identity, []),
            metrics=metrics.get(identity, []),
        )
        for identity in ids
        if identity in rows
    ]


def _texts(connection: sa.Connection, table: sa.Table, ids: Sequence[str]) -> dict[str, list[KeyValue]]:
    found: dict[str, list[KeyValue]] = {}
    query = sa.select(table).where(table.c.model.in_(ids)).order_by(table.c.model, table.c.key)
    for model, key, value in connection.execute(query):
        found.setdefault(model, []).append(KeyValue(key=key, value=value))
    return found


def search_models(
    connection: sa.Connection,
    ids: Sequence[int],
    clauses: Sequence[Clause],
    datasets: Sequence[tuple[str, str]],
    orders: Sequence[tuple[str, bool, str, str]],
    page: Page,
) -> list[str]:
    """Ids of models; `datasets` are names and digests that measurements must be on, `orders` are field, whether
    ascending, and the data set (name, digest) whose measurements count."""
    on_datasets = sa.or_(*(_on_dataset(name, digest) for name, digest in datasets)) if datasets else sa.true()
    conditions: list[sa.ColumnElement[bool]] = [logged_models.c.experiment.in_(ids)]
    if datasets and not any(clause.entity == "metric" for clause in clauses):
        conditions.append(logged_models.c.id.in_(sa.select(model_metrics.c.model).where(on_datasets)))
    for clause in clauses:
        if clause.entity == "attribute":
            conditions.append(compare(_ATTRIBUTES[clause.key], clause, connection))
            continue
        table = {"metric": model_metrics, "param": model_params, "tag": model_tags}[clause.entity]
        holds = compare(table.c.value, clause, connection)
        if clause.entity == "metric":
            holds = sa.or_(holds, table.c.value.is_(None)) if clause.operator == "!=" else holds
            holds = sa.and_(holds, on_datasets)
        conditions.append(logged_models.c.id.in_(sa.select(table.c.model).where(table.c.key == clause.key, holds)))
    sorting: list[Any] = []
    for field, ascending, name, digest in orders:
        column = _order_column(field, name, digest)
        sorting += [column.is_(None), column if ascending else column.desc()]
    query = (
        sa.select(logged_models.c.id)
        .where(*conditions)
        .order_by(*sorting, logged_models.c.created_ms.desc(), logged_models.c.id)
    )
    return list(connection.execute(page.cut(query, logged_models.c.deleted_ms)).scalars())


def _on_dataset(name: str, digest: str) -> sa.ColumnElement[bool]:
    named = model_metrics.c.dataset_name == name
    return sa.and_(named, model_metrics.c.dataset_digest == digest) if digest else named


def _order_column(field: str, name: str, digest: str) -> Any:
    if not field.startswith("metrics."):
        return _ATTRIBUTES[field]
    newest = sa.select(model_metrics.c.value).where(
        model_metrics.c.model == logged_models.c.id, model_metrics.c.key == field.removeprefix("metrics.")
    )
    if name:
        newest = newest.where(_on_dataset(name, digest))
    order = (model_metrics.c.at.desc(), model_metrics.c.step.desc(), model_metrics.c.run)
    return newest.order_by(*order).limit(1).correlate(logged_models).scalar_subquery()
