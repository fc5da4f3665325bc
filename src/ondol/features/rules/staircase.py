"""From rows to steps.

`last`: a row is a step at the moment when it has happened and is known, unless a row of
a later time was known before: a late report of ten o'clock never hides eleven o'clock.

Windows: a row enters at the first tile boundary after it became known, and leaves one
window later. What is in force at a boundary is the sum over the tiles of the window,
put together from spans of 1, 2, 4 ... tiles. Each of these sums has two terms, so it is
the same number for any order of the rows and however much history was read before:
values recomputed online from a few days equal those of a training set bit by bit
(cumulative sums would not: subtracting what leaves does not restore a double).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ondol.features.rules.columns import AT, BEGINNING, KNOWN, TIME, instant
from ondol.features.rules.definitions import Stair
from ondol.features.rules.expressions import value_expression
from ondol.features.types import Feature, ViewSpec
from ondol.lake.types import DatasetSpec

_TIE = "__tie"
_CODE = "__code"
_PLACE = "__place"


def known_rows(rows: pl.LazyFrame, spec: ViewSpec, dataset: DatasetSpec) -> pl.LazyFrame:
    """Rows of the dataset as a view sees them: its entity, `TIME`, `KNOWN` and a column for each feature's expression.

    Rows without an entity or a time, or not known yet, are left out.
    """
    moment = instant(dataset.time) if dataset.time else pl.lit(BEGINNING)
    known = instant(dataset.known_at) if dataset.known_at and dataset.time else moment
    values = [
        value_expression(feature.expression, dataset.columns, f"Feature {spec.name}.{feature.name}").alias(feature.name)
        for feature in spec.features
    ]
    ties = [pl.col(name).alias(f"{_TIE}{number}") for number, name in enumerate(_tie_columns(spec, dataset))]
    found = rows.select(*map(pl.col, spec.entity), moment.alias(TIME), known.alias(KNOWN), *values, *ties)
    return found.drop_nulls([*spec.entity, TIME, KNOWN])


def _tie_columns(spec: ViewSpec, dataset: DatasetSpec) -> list[str]:
    """What orders rows of one entity and one moment, so that the same one is the last one everywhere."""
    return [name for name in dataset.key if name not in (*spec.entity, dataset.time)]


def steps_of(rows: pl.DataFrame, entity: Sequence[str], stair: Stair) -> pl.DataFrame:
    """The entity, `AT` and the stair's features, sorted by both; `rows` as `known_rows` gives them."""
    if stair.window:
        return _window_steps(rows, entity, stair)
    return _last_steps(rows, entity, [feature.name for feature in stair.features])


def _last_steps(rows: pl.DataFrame, entity: Sequence[str], names: Sequence[str]) -> pl.DataFrame:
    ties = [name for name in rows.columns if name.startswith(_TIE)]
    return (
        rows.lazy()
        .with_columns(pl.max_horizontal(TIME, KNOWN).alias(AT))
        .sort(*entity, AT, TIME, *ties)
        .filter(pl.col(TIME) == pl.col(TIME).cum_max().over(entity))
        .unique([*entity, AT], keep="last", maintain_order=True)
        .select(*entity, AT, *names)
        .collect()
    )


def _window_steps(rows: pl.DataFrame, entity: Sequence[str], stair: Stair) -> pl.DataFrame:
    names = [feature.name for feature in stair.features]
    if not rows.height:
        return rows.select(*entity, pl.col(KNOWN).alias(AT), *names)
    end = pl.col(KNOWN) // stair.tile + 1
    first, last = rows.select(end.min().alias("first"), end.max().alias("last")).row(0)
    width = stair.window // stair.tile
    # One integer orders by entity and then by time; the gap between entities is wider than a window.
    spread = last - first + width + 1
    entities = rows.select(*entity).unique().sort(entity).with_row_index(_CODE)
    place = pl.col(_CODE).cast(pl.Int64) * spread + end - first
    coded = rows.join(entities, on=entity).select(place.alias(_PLACE), *names)
    tiles = coded.group_by(_PLACE).agg(_first_sums(coded, stair.features))
    slid = _slide(tiles, width, stair.features).select(_PLACE, *_values(stair.features)).sort(_PLACE)
    steps = _changes(_with_ends(slid), names, spread).with_columns(
        (pl.col(_PLACE) // spread).cast(pl.UInt32).alias(_CODE),
        ((pl.col(_PLACE) % spread + first) * stair.tile).alias(AT),
    )
    return steps.join(entities, on=_CODE, how="left", maintain_order="left").select(*entity, AT, *names)


def _first_sums(rows: pl.DataFrame, features: Sequence[Feature]) -> list[pl.Expr]:
    """Per tile: extremes `v`, or counts `n` and sums `v`, numbered like the features."""
    found = []
    for number, feature in enumerate(features):
        column = pl.col(feature.name)
        if feature.aggregate in ("min", "max"):
            found.append(getattr(column, feature.aggregate)().alias(f"v{number}"))
            continue
        found.append(column.count().cast(pl.Int64).alias(f"n{number}"))
        if feature.aggregate != "count":
            found.append((column if _whole(rows[feature.name]) else column.sort()).sum().alias(f"v{number}"))
    return found


def _whole(values: pl.Series) -> bool:
    """Whole numbers sum to the same double in any order; other sums depend on the order of files and threads."""
    return bool((values == values.floor()).all())


def _slide(tiles: pl.DataFrame, width: int, features: Sequence[Feature]) -> pl.DataFrame:
    """For each boundary the aggregate of the `width` tiles that end there."""
    merge = _merges(features)
    total: pl.DataFrame | None = None
    power, size, covered = tiles, 1, 0
    while True:
        if width & size:
            part = _later(power, covered)
            total = part if total is None else pl.concat([total, part]).group_by(_PLACE).agg(merge)
            covered += size
        if covered == width and total is not None:
            return total
        power = pl.concat([power, _later(power, size)]).group_by(_PLACE).agg(merge)
        size *= 2


def _later(tiles: pl.DataFrame, count: int) -> pl.DataFrame:
    return tiles.with_columns(pl.col(_PLACE) + count) if count else tiles


def _merges(features: Sequence[Feature]) -> list[pl.Expr]:
    found = []
    for number, feature in enumerate(features):
        if feature.aggregate in ("min", "max"):
            found.append(getattr(pl.col(f"v{number}"), feature.aggregate)())
        else:
            found.append(pl.col(f"n{number}").sum())
            if feature.aggregate != "count":
                found.append(pl.col(f"v{number}").sum())
    return found


def _values(features: Sequence[Feature]) -> list[pl.Expr]:
    """The features from their sums; null where nothing was counted."""
    found = []
    for number, feature in enumerate(features):
        count, value = pl.col(f"n{number}"), pl.col(f"v{number}")
        kind = feature.aggregate
        if kind == "mean":
            value = value / count
        elif kind == "count":
            value = count.cast(pl.Float64)
        counted = value if kind in ("min", "max") else pl.when(count > 0).then(value)
        found.append(counted.alias(feature.name))
    return found


def _with_ends(steps: pl.DataFrame) -> pl.DataFrame:
    """Nulls at the boundary after each stretch of windows that hold a row."""
    ends = steps.filter((pl.col(_PLACE).shift(-1) != pl.col(_PLACE) + 1).fill_null(True)).select(pl.col(_PLACE) + 1)
    return pl.concat([steps, ends], how="diagonal").sort(_PLACE)


def _changes(steps: pl.DataFrame, names: Sequence[str], spread: int) -> pl.DataFrame:
    """The steps that differ from the one before; before a key's first one everything is null."""
    same_key = pl.col(_PLACE) // spread == pl.col(_PLACE).shift() // spread
    before = [pl.when(same_key).then(pl.col(name).shift()) for name in names]
    return steps.filter(
        pl.any_horizontal(pl.col(name).ne_missing(value) for name, value in zip(names, before, strict=True))
    )
