"""A training set: the rows whose label is known, with what was known at each row's own moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from ondol.features.rules.columns import AT, instant, microseconds_of, moment
from ondol.features.rules.definitions import entity_columns, facts_of, feature_names, stairs_of
from ondol.features.rules.expressions import columns_of, value_expression
from ondol.features.rules.staircase import columns_of_views
from ondol.features.rules.values import feature_expression
from ondol.features.types import ServiceSpec, ViewSpec
from ondol.lake.types import DatasetSpec

LABEL = "label"


def labels(service: ServiceSpec, dataset: DatasetSpec) -> pl.Expr:
    return value_expression(service.label, dataset.columns, f"The label of {service.name}").alias(LABEL)


def row_expressions(service: ServiceSpec) -> list[pl.Expr]:
    """The features computed from the row itself, over the columns they declare."""
    return [
        feature_expression(feature, group.columns, f"Feature {group.name}.{feature.name}").alias(feature.name)
        for group in service.row_features
        for feature in group.features
    ]


def labelled(
    rows: pl.LazyFrame, service: ServiceSpec, dataset: DatasetSpec, since: datetime | None, until: datetime
) -> pl.LazyFrame:
    """Rows with `since <= time < until` that have a key and whose label is known at `until`; of corrected ones the
    last known by then."""
    time = moment(service.time, dataset.columns)
    known = moment(dataset.known_at or dataset.time or service.time, dataset.columns)
    if facts := facts_of(dataset):
        told = rows.filter(known <= pl.lit(until)).sort(known)
        rows = told.unique(facts, keep="last", maintain_order=True)
    wanted = (time < pl.lit(until)) & (known <= pl.lit(until)) & pl.col(service.key).is_not_null()
    if since is not None:
        wanted &= time >= pl.lit(since)
    return rows.filter(wanted)


def label_rows(
    rows: pl.LazyFrame, service: ServiceSpec, dataset: DatasetSpec, since: datetime | None, until: datetime
) -> pl.LazyFrame:
    """`key` (text), `time`, `label`."""
    found = labelled(rows, service, dataset, since, until)
    columns = pl.col(service.key).cast(pl.String).alias("key"), pl.col(service.time).alias("time")
    return found.select(*columns, labels(service, dataset)).drop_nulls(LABEL)


def spine(
    rows: pl.LazyFrame,
    service: ServiceSpec,
    dataset: DatasetSpec,
    views: Sequence[ViewSpec],
    span: tuple[datetime | None, datetime],
) -> pl.LazyFrame:
    """Key, time, entities, `AT`, row features and label, in the order of time, then of the key."""
    kept = list(dict.fromkeys([service.key, service.time, *entity_columns(views)]))
    at = instant(service.time).alias(AT)
    found = labelled(rows, service, dataset, *span)
    found = found.select(*kept, at, *row_expressions(service), labels(service, dataset)).drop_nulls(LABEL)
    return found.sort(AT, service.key)


def assemble(
    questions: pl.DataFrame,
    service: ServiceSpec,
    views: Sequence[ViewSpec],
    found: Sequence[pl.DataFrame],
) -> pl.DataFrame:
    """The spine with the features of every stair, in the service's order, the label last."""
    whole = pl.concat([questions, *found], how="horizontal")
    kept = list(dict.fromkeys([service.key, service.time, *entity_columns(views)]))
    return whole.select(*kept, *feature_names(service, views), LABEL)


def columns_read(service: ServiceSpec, views: Sequence[ViewSpec], dataset: DatasetSpec) -> list[str]:
    """The columns of a dataset that the features and the label of a service are made from."""
    found = columns_of_views([view for view in views if view.dataset == dataset.name], dataset)
    if dataset.name == service.dataset:
        found += [service.key, service.time, *facts_of(dataset), *entity_columns(views)]
        found += [column for group in service.row_features for column in group.columns]
        found += columns_of(service.label, dataset.columns, f"The label of {service.name}")
    return list(dict.fromkeys(found))


def earliest(
    service: ServiceSpec, views: Sequence[ViewSpec], dataset: DatasetSpec, since: datetime | None
) -> int | None:
    """Rows that happened and became known before this instant are neither questions from `since` on nor answers to
    any; None: all rows may be."""
    stairs = [stair for view in views if view.dataset == dataset.name for stair in stairs_of(view)]
    if (
        since is None
        or not dataset.time
        or facts_of(dataset)
        or any(not (stair.window or stair.ttl) for stair in stairs)
    ):
        return None
    if dataset.name == service.dataset and service.time not in (dataset.time, dataset.known_at):
        return None
    return microseconds_of(since) - max((stair.window + stair.tile or stair.ttl for stair in stairs), default=0)


def positive_share(values: pl.Series) -> float | None:
    """The share of ones among labels that are all 0 or 1; None for other labels and for none."""
    if not len(values) or not values.is_in([0.0, 1.0]).all():
        return None
    mean = values.mean()
    return float(mean) if isinstance(mean, float) else None
