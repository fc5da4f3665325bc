"""Windows: from rows to steps, by tiles.

A row enters at the first tile boundary after it became known, and leaves one window
later. What is in force at a boundary is put together from the tiles of the window, by
spans of 1, 2, 4 ... tiles. Each of these has two parts, so it is the same number for any
order of the rows and however much history was read before: values recomputed online
from a few days equal those of a training set bit by bit (cumulative sums would not:
subtracting what leaves does not restore a double).

A row that is corrected while a window still covers it is kept out of the tiles, and
added to the windows in which it counts: only `retracted` rows pay for corrections.

Different values are counted without sets: a value counts from its first row until one
window after its last one. The starts and ends of these spans, added up, are the number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ondol.features.rules import spans
from ondol.features.rules.columns import AT, KNOWN, UNTIL
from ondol.features.rules.definitions import Stair

_PLACE = "__place"
_END = "__end"
_CELL = "__cell"
_POINT = "__point"


def window_steps(rows: pl.DataFrame, entity: Sequence[str], stair: Stair, order: Sequence[str]) -> pl.DataFrame:
    """The entity, `AT` and the stair's features, sorted by both. `order` are the columns that say which row is last."""
    names = [feature.name for feature in stair.features]
    rows = _entering(rows, stair)
    if not rows.height:
        return rows.select(*entity, pl.col(KNOWN).alias(AT), *(pl.lit(None, pl.Float64).alias(name) for name in names))
    if any(feature.aggregate == "last" for feature in stair.features):
        rows = rows.sort(*order).with_row_index(spans.RANK).with_columns(pl.col(spans.RANK).cast(pl.Int64))
    grid = _grid(rows, entity, stair)
    slid = spans.over_cells(grid.cells, grid.width, grid.kinds)
    if grid.retracted.height:
        slid = spans.together(slid, _retracted_parts(grid, stair), grid.kinds)
    for number, feature in enumerate(stair.features):
        if feature.aggregate == "distinct":
            slid[f"d{number}"] = _distinct(rows, grid, entity, feature.name).alias(f"d{number}")
    values = spans.values(pl.DataFrame(list(slid.values())), stair.features, rows)
    at = (pl.col(_PLACE) % grid.spread + grid.first) * stair.tile
    steps = pl.concat([grid.cells.select(*entity, at.alias(AT)), values], how="horizontal").lazy()
    # Before an entity's first cell stands the last one of another, and that is empty.
    changed = [pl.col(name).ne_missing(pl.col(name).shift()) for name in names]
    return steps.filter(pl.any_horizontal(changed)).collect()


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """Tiles in a row, those of one entity after those of another.

    A place is one integer that orders by entity and then by time; between entities lies more
    than a window. `cells` has a row for each tile that a window may end with.
    """

    cells: pl.DataFrame
    places: pl.DataFrame
    """The entities and `AT` of tiles with rows, and their places."""
    retracted: pl.DataFrame
    kinds: Mapping[str, str]
    width: int
    first: int
    spread: int


def _entering(rows: pl.DataFrame, stair: Stair) -> pl.DataFrame:
    """With the boundary `AT` (in tiles) at which a row enters, and `_END`, from which on it no longer counts although
    the window covers it; without the rows that no boundary sees."""
    entering = rows.with_columns((pl.col(KNOWN) // stair.tile + 1).alias(AT))
    if UNTIL not in rows.columns:
        return entering
    end = pl.col(UNTIL) // stair.tile + 1
    inside = pl.when(end < pl.col(AT) + stair.window // stair.tile).then(end)
    return entering.with_columns(inside.alias(_END)).filter(pl.col(_END).is_null() | (pl.col(_END) > pl.col(AT)))


def _grid(rows: pl.DataFrame, entity: Sequence[str], stair: Stair) -> _Grid:
    kept, retracted = rows, rows.clear()
    if _END in rows.columns:
        kept, retracted = rows.filter(pl.col(_END).is_null()), rows.filter(pl.col(_END).is_not_null())
    kinds, width = spans.parts(stair.features), stair.window // stair.tile
    bounds = [bound for bound in (rows[AT].min(), rows[AT].max()) if isinstance(bound, int)]
    first, spread = bounds[0], bounds[-1] - bounds[0] + width + 1
    tiles = kept.lazy().group_by(*entity, AT).agg(spans.of_tile(kept, stair.features))
    if retracted.height:
        alone = retracted.lazy().select(*entity, AT).unique().join(tiles, on=[*entity, AT], how="anti")
        tiles = pl.concat([tiles, alone], how="diagonal")
        tiles = tiles.with_columns(pl.col(name).fill_null(pl.lit(spans.empty(kind))) for name, kind in kinds.items())
    place = pl.struct(*entity).rle_id().cast(pl.Int64) * spread + pl.col(AT) - first
    placed = tiles.sort(*entity, AT).with_columns(place.alias(_PLACE)).collect()
    places = placed.select(*entity, AT, _PLACE)
    cells = _cells(placed.lazy().drop(AT), width, entity, kinds).collect()
    if retracted.height:
        retracted = retracted.join(places, on=[*entity, AT])
    return _Grid(cells=cells, places=places, retracted=retracted, kinds=kinds, width=width, first=first, spread=spread)


def _cells(tiles: pl.LazyFrame, width: int, entity: Sequence[str], kinds: Mapping[str, str]) -> pl.LazyFrame:
    """A row for every tile, also for those without rows: at most a window and one tile of them in a gap."""
    gap = (pl.col(_PLACE).shift(-1) - pl.col(_PLACE)).fill_null(width + 1).clip(upper_bound=width + 1)
    cells = tiles.with_columns(pl.int_ranges(0, gap).alias(_CELL)).explode(_CELL)
    is_tile, place = pl.col(_CELL) == 0, pl.col(_PLACE) + pl.col(_CELL)
    values = [pl.when(is_tile).then(pl.col(name)).otherwise(spans.empty(kind)) for name, kind in kinds.items()]
    return cells.select(*entity, place, *values)


def _retracted_parts(grid: _Grid, stair: Stair) -> spans.Parts:
    """For each cell the parts of the retracted rows that count there; they change only where one begins or ends."""
    begins = grid.retracted[_PLACE]
    ends = (begins + (grid.retracted[_END] - grid.retracted[AT])).alias(_PLACE)
    points = pl.concat([begins, ends]).unique().sort()
    counting = pl.int_ranges(points.search_sorted(begins), points.search_sorted(ends), eager=True).alias(_POINT)
    rows = grid.retracted.with_columns(counting).explode(_POINT)
    found = rows.lazy().group_by(_POINT).agg(spans.of_tile(rows.clear(), stair.features)).collect()
    of_cell = points.search_sorted(grid.cells[_PLACE], side="right").cast(pl.Int64) - 1
    joined = of_cell.alias(_POINT).to_frame().join(found, on=_POINT, how="left", maintain_order="left")
    filled = joined.select(pl.col(name).fill_null(pl.lit(spans.empty(kind))) for name, kind in grid.kinds.items())
    return {name: filled[name] for name in grid.kinds}


def _distinct(rows: pl.DataFrame, grid: _Grid, entity: Sequence[str], name: str) -> pl.Series:
    """For each cell how many different values count there: the spans in which one counts, added up."""
    end = pl.col(_PLACE) + grid.width
    if _END in rows.columns:
        end = pl.min_horizontal(end, pl.col(_PLACE) + pl.col(_END) - pl.col(AT))
    placed = rows.lazy().filter(pl.col(name).is_not_null()).join(grid.places.lazy(), on=[*entity, AT])
    counting = placed.select(name, _PLACE, end.alias(_END)).group_by(name, _PLACE).agg(pl.col(_END).max())
    before = pl.col(_END).cum_max().shift().over(name)
    begins = (pl.col(_PLACE) > before).fill_null(True)
    whole = (
        counting.sort(name, _PLACE)
        .group_by(name, begins.cum_sum().alias(_CELL))
        .agg(pl.col(_PLACE).min(), pl.col(_END).max())
    )
    change = pl.lit(1, pl.Int64).alias(_CELL), pl.lit(-1, pl.Int64).alias(_CELL)
    changes = pl.concat([whole.select(_PLACE, change[0]), whole.select(pl.col(_END).alias(_PLACE), change[1])])
    at_places = changes.group_by(_PLACE).agg(pl.col(_CELL).sum())
    joined = grid.cells.lazy().select(_PLACE).join(at_places, on=_PLACE, how="left", maintain_order="left")
    return joined.select(pl.col(_CELL).fill_null(0).cum_sum()).collect().to_series()
