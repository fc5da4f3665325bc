"""From rows to steps.

`last`: a row is a step at the moment when it has happened and is known, unless a row of
a later time was known before: a late report of ten o'clock never hides eleven o'clock.
Windows are in `windows`.

Where a dataset keeps corrections, rows of one key are one fact, and each counts until the next one becomes known.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ondol.features.rules.columns import AT, BEGINNING, KNOWN, MOVED, TIME, UNTIL, instant
from ondol.features.rules.definitions import Stair, facts_of
from ondol.features.rules.retracted import steps_with_retractions
from ondol.features.rules.values import feature_columns, feature_expression
from ondol.features.rules.windows import window_steps
from ondol.features.types import ViewSpec
from ondol.lake.types import DatasetSpec

TIE = "__tie"
_FACT = "__fact"


def known_rows(rows: pl.LazyFrame, spec: ViewSpec, dataset: DatasetSpec) -> pl.LazyFrame:
    """Rows of the dataset as a view sees them: its entity, `TIME`, `KNOWN` and a column for each feature's value.

    Rows without an entity or a time, or not known yet, are left out. Where rows may be corrected, `UNTIL`
    is the instant from which a row no longer counts (null: it counts for good).
    """
    moment = instant(dataset.time) if dataset.time else pl.lit(BEGINNING)
    known = instant(dataset.known_at) if dataset.known_at and dataset.time else moment
    values = [
        feature_expression(feature, dataset.columns, f"Feature {spec.name}.{feature.name}").alias(feature.name)
        for feature in spec.features
    ]
    ties = [pl.col(name).alias(f"{TIE}{number}") for number, name in enumerate(_tie_columns(spec, dataset))]
    facts = corrected_by(spec, dataset)
    same = [pl.col(name).alias(f"{_FACT}{number}") for number, name in enumerate(facts)]
    found = rows.select(*map(pl.col, spec.entity), moment.alias(TIME), known.alias(KNOWN), *values, *ties, *same)
    if facts:
        names = [feature.name for feature in spec.features]
        found = _until(found.drop_nulls([TIME, KNOWN]), [each.meta.output_name() for each in same], spec.entity, names)
    return found.drop_nulls([*spec.entity, TIME, KNOWN])


def corrected_by(spec: ViewSpec, dataset: DatasetSpec) -> list[str]:
    """What two rows have in common of which the later known one replaces the other; empty when that needs no care.

    Of rows that share entity and time the last known one is the newest anyway.
    """
    facts = facts_of(dataset)
    windowed = any(feature.windowed for feature in spec.features)
    return facts if windowed or not {*spec.entity, dataset.time} <= set(facts) else []


def _until(rows: pl.LazyFrame, facts: Sequence[str], entity: Sequence[str], names: Sequence[str]) -> pl.LazyFrame:
    """With `UNTIL` and `MOVED`. Of rows of one fact known at one moment one is taken, whatever their order."""
    table = rows.collect()
    again = table.select(pl.struct(facts).is_duplicated()).to_series()
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(-1)) for name in facts)
    other = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(-1)) for name in (*entity, TIME))
    several = table.filter(again).lazy().sort(*facts, KNOWN, *entity, *names)
    until = pl.when(same).then(pl.col(KNOWN).shift(-1))
    several = several.with_columns(until.alias(UNTIL), (same & other).alias(MOVED))
    several = several.filter(pl.col(UNTIL).is_null() | (pl.col(UNTIL) > pl.col(KNOWN)))
    alone = table.filter(~again).lazy()
    alone = alone.with_columns(pl.lit(None, pl.Int64).alias(UNTIL), pl.lit(False).alias(MOVED))
    return pl.concat([alone, several]).drop(facts)


def columns_of_views(views: Sequence[ViewSpec], dataset: DatasetSpec) -> list[str]:
    """The columns of the dataset that `known_rows` reads for these views."""
    found = [*dataset.key, dataset.time, dataset.known_at]
    for view in views:
        found += view.entity
        for feature in view.features:
            found += feature_columns(feature, dataset.columns, f"Feature {view.name}.{feature.name}")
    return [name for name in dict.fromkeys(found) if name]


def _tie_columns(spec: ViewSpec, dataset: DatasetSpec) -> list[str]:
    """What orders rows of one entity and one moment, so that the same one is the last one everywhere."""
    return [name for name in dataset.key if name not in (*spec.entity, dataset.time, dataset.known_at)]


def steps_of(rows: pl.DataFrame, entity: Sequence[str], stair: Stair) -> pl.DataFrame:
    """The entity, `AT` and the stair's features, sorted by both; `rows` as `known_rows` gives them."""
    if stair.window:
        return window_steps(rows, entity, stair, order_of(rows))
    names = [feature.name for feature in stair.features]
    if MOVED not in rows.columns or not rows[MOVED].any():
        return last_steps(rows, entity, names, order_of(rows))
    losing = rows.filter(MOVED).select(entity).unique()
    found = steps_with_retractions(rows.join(losing, on=entity, how="semi"), entity, stair, order_of(rows))
    others = last_steps(rows.join(losing, on=entity, how="anti"), entity, names, order_of(rows))
    return pl.concat([found, others]).sort(*entity, AT)


def order_of(rows: pl.DataFrame) -> list[str]:
    """From the first to the last of rows of one entity."""
    return [TIME, KNOWN, *(name for name in rows.columns if name.startswith(TIE))]


def last_steps(rows: pl.DataFrame, entity: Sequence[str], names: Sequence[str], order: Sequence[str]) -> pl.DataFrame:
    return (
        rows.lazy()
        .with_columns(pl.max_horizontal(TIME, KNOWN).alias(AT))
        .sort(*entity, AT, *order)
        .filter(pl.col(TIME) == pl.col(TIME).cum_max().over(entity))
        .unique([*entity, AT], keep="last", maintain_order=True)
        .select(*entity, AT, *names)
        .collect()
    )
