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
_MORE = "__more"
_FEW = 20_000
_EXTREMES = ("min", "max")

Parts = dict[str, pl.Expr]


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
    parent = pl.col(place) // 2
    pair = parent == parent.shift(-1)
    left = {name: pl.col(name) for name in kinds}
    right = {name: pl.when(pair).then(pl.col(name).shift(-1)).otherwise(empty(kind)) for name, kind in kinds.items()}
    first = (parent != parent.shift()).fill_null(True).alias(_MASK)
    above = [parent, *_named(together(left, right, kinds)), first]
    levels = [tiles]
    while 1 << len(levels) <= width:
        levels.append(levels[-1].lazy().select(above).filter(_MASK).drop(_MASK).collect())
    return levels


def over_windows(
    levels: Sequence[pl.DataFrame], place: str, ends: pl.Series, width: int, kinds: Mapping[str, str]
) -> pl.DataFrame:
    """For each of `ends` (places of tiles) the parts of the `width` tiles that end there.

    A window is put together from the largest spans that lie within it, from both of its ends.
    """
    there = [(number, level) for number, level in enumerate(levels) if level.height]
    wanted = pl.DataFrame([ends.alias(place)]).select(
        column for number, _ in there for column in _taken(pl.col(place), number, width)
    )
    rows = wanted.select(
        _row(level[place], pl.col(f"{side}{number}")) for number, level in there for side in ("left", "right")
    )
    left: Parts = {name: _nothing(levels[0], name, kind, len(ends)) for name, kind in kinds.items()}
    right = dict(left)
    for number, level in there:
        left = together(left, _picked(level, f"left{number}", kinds), kinds)
        right = together(_picked(level, f"right{number}", kinds), right, kinds)
    return rows.select(_named(together(left, right, kinds)))


def _taken(end: pl.Expr, level: int, width: int) -> tuple[pl.Expr, pl.Expr]:
    """Which span of this level a window takes at its beginning, and which at its end; null for none."""
    size = 1 << level
    begin, until = (end - width + size) // size, (end + 1) // size
    takes = (begin < until) & (begin % 2 != 0)
    also = (begin + takes.cast(pl.Int64) < until) & (until % 2 != 0)
    return pl.when(takes).then(begin).alias(f"left{level}"), pl.when(also).then(until - 1).alias(f"right{level}")


def _row(spans: pl.Series, wanted: pl.Expr) -> pl.Expr:
    """The row of the span at each place wanted; null where there is none."""
    near = pl.lit(spans).search_sorted(wanted).clip(0, len(spans) - 1)
    return pl.when(pl.lit(spans).gather(near) == wanted).then(near).alias(wanted.meta.output_name())


def _picked(level: pl.DataFrame, rows: str, kinds: Mapping[str, str]) -> Parts:
    return {
        name: pl.lit(level[name]).gather(pl.col(rows)).fill_null(pl.lit(empty(kind))) for name, kind in kinds.items()
    }


def _nothing(tiles: pl.DataFrame, name: str, kind: str, size: int) -> pl.Expr:
    return pl.lit(pl.Series(name, [empty(kind)], tiles.schema[name]).new_from_index(0, size))


def added(found: pl.DataFrame, more: pl.DataFrame, kinds: Mapping[str, str]) -> pl.DataFrame:
    """The parts of two tables, row by row."""
    both = pl.concat([found, more.select(pl.all().name.suffix(_MORE))], how="horizontal")
    later = {name: pl.col(f"{name}{_MORE}") for name in kinds}
    return both.select(_named(together({name: pl.col(name) for name in kinds}, later, kinds)))


def _named(found: Parts) -> list[pl.Expr]:
    return [value.alias(name) for name, value in found.items()]


def together(near: Parts, far: Parts, kinds: Mapping[str, str]) -> Parts:
    """Two parts each as one: the earlier and the later."""
    return {name: _both(name, kind, near, far) for name, kind in kinds.items()}


def _both(name: str, kind: str, near: Parts, far: Parts) -> pl.Expr:
    a, b = near[name], far[name]
    if kind == "sum":
        return a + b
    if kind in _EXTREMES:
        return pl.min_horizontal(a, b) if kind == "min" else pl.max_horizontal(a, b)
    number = name[1:]
    some, more = near[f"n{number}"], far[f"n{number}"]
    count = (some + more).clip(1)
    apart = far[f"m{number}"] - near[f"m{number}"]
    if kind == "mean":
        return a + apart * (more / count)
    return a + b + apart * apart * (some * more / count)


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
