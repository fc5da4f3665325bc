"""What of a feature is kept of a tile, and how tiles become spans, windows and values.

The parts are numbered like the features: counts `n`, sums and extremes `v`, the rank of the
last row `r`; for the standard deviation the mean `m` and the sum of squared distances `s`, which
are put together as Chan, Golub and LeVeque (1979) do, since sums of squares would lose digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from ondol.features.types import Feature

RANK = "__rank"
_MASK = "__mask"
_FEW = 20_000
_EXTREMES = ("min", "max")

Parts = dict[str, pl.Series]


def parts(features: Sequence[Feature]) -> dict[str, str]:
    """The parts of a tile, and how two of them become one: `sum`, `min`, `max`; `mean` and `square` by their `n`."""
    found: dict[str, str] = {}
    for number, feature in enumerate(features):
        kind = feature.aggregate
        if kind in _EXTREMES:
            found[f"v{number}"] = kind
        elif kind == "last":
            found[f"r{number}"] = "max"
        elif kind != "distinct":
            found[f"n{number}"] = "sum"
        if kind in ("sum", "mean"):
            found[f"v{number}"] = "sum"
        elif kind == "stddev":
            found |= {f"m{number}": "mean", f"s{number}": "square"}
    return found


def of_tile(rows: pl.DataFrame, features: Sequence[Feature]) -> list[pl.Expr]:
    """Aggregations that make the parts from rows, the same for any order of them."""
    found = []
    for number, feature in enumerate(features):
        column = pl.col(feature.name)
        kind = feature.aggregate
        if kind in _EXTREMES:
            found.append(getattr(column, kind)().alias(f"v{number}"))
        elif kind == "last":
            found.append(pl.col(RANK).filter(column.is_not_null()).max().alias(f"r{number}"))
        elif kind != "distinct":
            found.append(column.count().cast(pl.Int64).alias(f"n{number}"))
        if kind in ("sum", "mean"):
            found.append((column if _whole(rows[feature.name]) else column.sort()).sum().alias(f"v{number}"))
        elif kind == "stddev":
            ordered = column.drop_nulls().sort()
            squares = ordered.var(ddof=0) * ordered.len()
            found += [ordered.mean().fill_null(0.0).alias(f"m{number}"), squares.fill_null(0.0).alias(f"s{number}")]
    return found


def _whole(values: pl.Series) -> bool:
    """Whole numbers sum to the same double in any order. Other sums depend on the order, which
    files and threads change: those are sorted first. Few values are sorted faster than looked at."""
    return len(values) > _FEW and bool((values == values.floor()).all())


def empty(kind: str) -> float | None:
    """The part of a tile without rows."""
    return None if kind in _EXTREMES else 0


def levels_of(tiles: pl.DataFrame, place: str, kinds: Mapping[str, str], width: int) -> list[pl.DataFrame]:
    """The tiles, sorted by `place`; then pairs of them, pairs of pairs ... up to spans of `width` tiles.

    A span is known by its place: its first tile's divided by its length. Spans without rows are not there.
    """
    levels = [tiles]
    while 1 << len(levels) <= width:
        below = levels[-1]
        parent = below[place] // 2
        alone = parent != parent.shift(-1)
        first = (parent != parent.shift()).fill_null(True)
        right = {name: below[name].shift(-1) for name in kinds}
        right = _only_where(~alone.fill_null(True), right, kinds)
        joined = together({name: below[name] for name in kinds}, right, kinds)
        levels.append(pl.DataFrame([parent, *joined.values()]).filter(first))
    return levels


def _only_where(mask: pl.Series, found: Parts, kinds: Mapping[str, str]) -> Parts:
    table = pl.DataFrame([mask.alias(_MASK), *found.values()])
    chosen = table.select(pl.when(_MASK).then(pl.col(name)).otherwise(empty(kinds[name])).alias(name) for name in kinds)
    return {name: chosen[name] for name in kinds}


def over_windows(
    levels: Sequence[pl.DataFrame], place: str, ends: pl.Series, width: int, kinds: Mapping[str, str]
) -> Parts:
    """For each of `ends` (places of tiles) the parts of the `width` tiles that end there.

    A window is put together from the largest spans that lie within it, from both of its ends.
    """
    begin, end = ends - (width - 1), ends + 1
    left, right = (_nothing(levels[0], len(ends), kinds) for _ in range(2))
    for level in levels:
        inside = begin < end
        takes = inside & (begin % 2 != 0)
        left = together(left, _picked(level, place, begin, takes, kinds), kinds)
        begin = begin + takes.cast(pl.Int64)
        takes = (begin < end) & (end % 2 != 0)
        end = end - takes.cast(pl.Int64)
        right = together(_picked(level, place, end, takes, kinds), right, kinds)
        begin, end = begin // 2, end // 2
    return together(left, right, kinds)


def _nothing(tiles: pl.DataFrame, size: int, kinds: Mapping[str, str]) -> Parts:
    return {
        name: pl.Series(name, [empty(kind)], tiles.schema[name]).new_from_index(0, size) for name, kind in kinds.items()
    }


def _picked(level: pl.DataFrame, place: str, wanted: pl.Series, takes: pl.Series, kinds: Mapping[str, str]) -> Parts:
    """The parts of the spans at the places wanted; those of nothing where there is none, or none is to be taken."""
    spans = level[place]
    if not len(spans):
        return _nothing(level, len(wanted), kinds)
    near = spans.search_sorted(wanted).clip(0, len(spans) - 1)
    there = takes & (spans.gather(near) == wanted)
    at = pl.select(pl.when(there).then(near)).to_series()
    found = level.select(pl.col(name).gather(at).fill_null(pl.lit(empty(kind))) for name, kind in kinds.items())
    return {name: found[name] for name in kinds}


def together(near: Parts, far: Parts, kinds: Mapping[str, str]) -> Parts:
    """Two parts each as one: the earlier and the later."""
    return {name: _both(name, kind, near, far) for name, kind in kinds.items()}


def _both(name: str, kind: str, near: Parts, far: Parts) -> pl.Series:
    a, b = near[name], far[name]
    if kind == "sum":
        return a + b
    if kind in _EXTREMES:
        pair = pl.DataFrame([a.alias("near"), b.alias("far")])
        return (pair.min_horizontal() if kind == "min" else pair.max_horizontal()).alias(name)
    number = name[1:]
    some, more = near[f"n{number}"], far[f"n{number}"]
    count = (some + more).clip(1)
    apart = far[f"m{number}"] - near[f"m{number}"]
    if kind == "mean":
        return (a + apart * (more / count)).alias(name)
    return (a + b + apart * apart * (some * more / count)).alias(name)


def values(of_cells: pl.DataFrame, features: Sequence[Feature], rows: pl.DataFrame) -> pl.DataFrame:
    """The features from their parts: finite doubles, null where nothing was counted."""
    return of_cells.select(_value(number, feature, rows).alias(feature.name) for number, feature in enumerate(features))


def _value(number: int, feature: Feature, rows: pl.DataFrame) -> pl.Expr:
    count, value = pl.col(f"n{number}"), pl.col(f"v{number}")
    kind = feature.aggregate
    if kind in _EXTREMES:
        return value
    if kind == "last":
        return pl.lit(rows[feature.name]).gather(pl.col(f"r{number}"))
    if kind in ("count", "distinct"):
        counted = count if kind == "count" else pl.col(f"d{number}")
        return pl.when(counted > 0).then(counted.cast(pl.Float64))
    if kind == "stddev":
        return _finite((pl.col(f"s{number}") / (count - 1)).sqrt(), count > 1)
    return _finite(value / count if kind == "mean" else value, count > 0)


def _finite(value: pl.Expr, counted: pl.Expr) -> pl.Expr:
    return pl.when(counted & value.is_finite()).then(value)
