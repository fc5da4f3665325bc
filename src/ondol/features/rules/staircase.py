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

from collections.abc import Mapping, Sequence

import polars as pl

from ondol.features.rules.columns import AT, BEGINNING, KNOWN, TIME, instant
from ondol.features.rules.definitions import Stair
from ondol.features.rules.expressions import columns_of, value_expression
from ondol.features.types import Feature, ViewSpec
from ondol.lake.types import DatasetSpec

_TIE = "__tie"
_PLACE = "__place"
_CELL = "__cell"
_FEW = 20_000
_EXTREMES = ("min", "max")


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


def columns_of_views(views: Sequence[ViewSpec], dataset: DatasetSpec) -> list[str]:
    """The columns of the dataset that `known_rows` reads for these views."""
    found = [*dataset.key, dataset.time, dataset.known_at]
    for view in views:
        found += view.entity
        for feature in view.features:
            found += columns_of(feature.expression, dataset.columns, f"Feature {view.name}.{feature.name}")
    return [name for name in dict.fromkeys(found) if name]


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
    bounds = [bound // stair.tile + 1 for bound in (rows[KNOWN].min(), rows[KNOWN].max()) if isinstance(bound, int)]
    first, width = bounds[0], stair.window // stair.tile
    # One integer orders by entity and then by time; the gap between entities is wider than a window.
    spread = bounds[-1] - first + width + 1
    sums = rows.lazy().group_by(*entity, end.alias(AT)).agg(_first_sums(rows, stair.features)).sort(*entity, AT)
    place = pl.struct(*entity).rle_id().cast(pl.Int64) * spread + pl.col(AT) - first
    tiles = sums.with_columns(place.alias(_PLACE)).drop(AT)
    columns = _sums(stair.features)
    cells = _cells(tiles, width, entity, columns).collect()
    slid = [_over_cells(cells[name], width, kind) for name, kind in columns.items()]
    at = (pl.col(_PLACE) % spread + first) * stair.tile
    slid_cells = pl.LazyFrame([*cells.select(*entity, _PLACE), *slid])
    steps = slid_cells.select(*entity, at.alias(AT), *_values(stair.features))
    # Before an entity's first cell stands the last one of another, and that is empty.
    changed = [pl.col(name).ne_missing(pl.col(name).shift()) for name in names]
    return steps.filter(pl.any_horizontal(changed)).collect()


def _first_sums(rows: pl.DataFrame, features: Sequence[Feature]) -> list[pl.Expr]:
    """Per tile: extremes `v`, or counts `n` and sums `v`, numbered like the features."""
    found = []
    for number, feature in enumerate(features):
        column = pl.col(feature.name)
        if feature.aggregate in _EXTREMES:
            found.append(getattr(column, feature.aggregate)().alias(f"v{number}"))
            continue
        found.append(column.count().cast(pl.Int64).alias(f"n{number}"))
        if feature.aggregate != "count":
            found.append((column if _whole(rows[feature.name]) else column.sort()).sum().alias(f"v{number}"))
    return found


def _whole(values: pl.Series) -> bool:
    """Whole numbers sum to the same double in any order. Other sums depend on the order, which
    files and threads change: those are sorted first. Few values are sorted faster than looked at."""
    return len(values) > _FEW and bool((values == values.floor()).all())


def _cells(tiles: pl.LazyFrame, width: int, entity: Sequence[str], columns: Mapping[str, str]) -> pl.LazyFrame:
    """A row for every tile, also for those without rows: at most a window and one tile of them in a gap."""
    gap = (pl.col(_PLACE).shift(-1) - pl.col(_PLACE)).fill_null(width + 1).clip(upper_bound=width + 1)
    cells = tiles.with_columns(pl.int_ranges(0, gap).alias(_CELL)).explode(_CELL)
    is_tile, place = pl.col(_CELL) == 0, pl.col(_PLACE) + pl.col(_CELL)
    values = [pl.when(is_tile).then(pl.col(name)) for name in columns]
    filled = [value.fill_null(0) if columns[value.meta.output_name()] == "sum" else value for value in values]
    return cells.select(*entity, place, *filled)


def _over_cells(values: pl.Series, width: int, kind: str) -> pl.Series:
    """For each cell the aggregate of the `width` cells that end there."""
    total: pl.Series | None = None
    spans, size, covered = values, 1, 0
    while True:
        if width & size:
            total = spans if total is None else _both(total, spans, covered, kind)
            covered += size
        if covered == width and total is not None:
            return total
        spans = _both(spans, spans, size, kind)
        size *= 2


def _both(near: pl.Series, far: pl.Series, cells: int, kind: str) -> pl.Series:
    """`near` together with what `far` was so many cells before."""
    nothing = 0 if kind == "sum" else None
    empty = pl.Series(far.name, [nothing] * min(cells, len(far)), far.dtype)
    earlier = empty.append(far.head(len(far) - len(empty)))
    if kind == "sum":
        return near + earlier
    pair = pl.DataFrame([near.alias("near"), earlier.alias("far")])
    return (pair.min_horizontal() if kind == "min" else pair.max_horizontal()).alias(near.name)


def _sums(features: Sequence[Feature]) -> dict[str, str]:
    """The columns of a tile, and how two of them become one."""
    found: dict[str, str] = {}
    for number, feature in enumerate(features):
        if feature.aggregate in _EXTREMES:
            found[f"v{number}"] = feature.aggregate
            continue
        found[f"n{number}"] = "sum"
        if feature.aggregate != "count":
            found[f"v{number}"] = "sum"
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
        counted = value if kind in _EXTREMES else pl.when(count > 0).then(value)
        found.append(counted.alias(feature.name))
    return found
