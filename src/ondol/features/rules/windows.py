"""Windows: from rows to steps, by tiles.

A row enters at the first tile boundary after it became known, and leaves one window
later. What is in force at a boundary is put together from the tiles of the window by
spans of 1, 2, 4 ... tiles, which begin at multiples of their length since 1970. Each of
these has two parts, so it is the same number for any order of the rows and however much
history was read before: values recomputed online from a few days equal those of a
training set bit by bit (cumulative sums would not: subtracting what leaves does not
restore a double). Tiles and spans without rows are not there, so that a window of a
month in tiles of a minute costs what its rows cost.

A row that is corrected while a window still covers it is kept out of the tiles, and
added to the windows in which it counts: only `retracted` rows pay for corrections.

Different values are counted without sets: a value counts from its first row until one
window after its last one. The starts and ends of these spans, added up, are the number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from ondol.features.rules import spans
from ondol.features.rules.columns import AT, KNOWN, UNTIL
from ondol.features.rules.definitions import Stair

_CODE = "__code"
_PLACE = "__place"
_END = "__end"
_POINT = "__point"
_CHANGE = "__change"
_NOWHERE = -(1 << 50)


def window_steps(rows: pl.DataFrame, entity: Sequence[str], stair: Stair, order: Sequence[str]) -> pl.DataFrame:
    """The entity, `AT` and the stair's features, sorted by both. `order` are the columns that say which row is last."""
    names = [feature.name for feature in stair.features]
    codes = rows.lazy().select(entity).unique().sort(*entity).with_row_index(_CODE).collect()
    tiles = _tiles(rows, codes, entity, stair, order)
    if tiles is None:
        nothing = (pl.lit(None, pl.Float64).alias(name) for name in names)
        return rows.clear().select(*entity, pl.col(KNOWN).alias(AT), *nothing)
    begins = tiles.levels[0][_PLACE]
    ends = [(tiles.retracted[name]).alias(_PLACE) for name in (_PLACE, _END)] if tiles.retracted.height else []
    places = pl.concat([begins, begins + tiles.width, *ends]).unique().sort()
    values = _values_at(tiles, places)
    # Before an entity's first place stands the last one of another, and that is empty.
    changed = values.select(pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in names))
    steps = values.with_columns(places).filter(changed.to_series())
    of_entity = codes.select(pl.col(entity).gather(steps[_PLACE] // tiles.spread))
    at = ((steps[_PLACE] % tiles.spread + tiles.first) * stair.tile).alias(AT)
    return pl.concat([of_entity.with_columns(at), steps.select(names)], how="horizontal")


def window_answers(
    questions: pl.DataFrame, rows: pl.DataFrame, entity: Sequence[str], stair: Stair, order: Sequence[str]
) -> pl.DataFrame:
    """The stair's features for each question (its entity, `AT`), in the questions' order: those of the steps in force,
    without making any others."""
    codes = questions.lazy().select(entity).unique().drop_nulls().with_row_index(_CODE).collect()
    tiles = _tiles(rows, codes, entity, stair, order)
    if tiles is None:
        return pl.DataFrame(
            {feature.name: pl.Series([None] * questions.height, dtype=pl.Float64) for feature in stair.features}
        )
    numbered = codes.lazy().with_columns(pl.col(_CODE).cast(pl.Int64))
    asked = questions.lazy().select(*entity, AT).join(numbered, on=list(entity), how="left", maintain_order="left")
    tile = (pl.col(AT) // stair.tile).clip(tiles.first - 1, tiles.last + tiles.width)
    place = (pl.col(_CODE) * tiles.spread + tile - tiles.first).fill_null(_NOWHERE).alias(_PLACE)
    places = asked.select(place).with_row_index(_POINT).sort(_PLACE).collect()
    found = _values_at(tiles, places[_PLACE]).with_columns(places[_POINT])
    return found.sort(_POINT).drop(_POINT)


@dataclass(frozen=True, kw_only=True)
class _Tiles:
    """Tiles in a row, those of one entity after those of another.

    A place is one integer that orders by entity and then by time; between entities lies more than a window.
    """

    levels: list[pl.DataFrame]
    rows: pl.DataFrame
    retracted: pl.DataFrame
    """Rows that count from `_PLACE` on, until `_END`, although the window covers them."""
    stair: Stair
    kinds: Mapping[str, str]
    width: int
    first: int
    last: int
    spread: int
    counts: dict[str, pl.DataFrame] = field(default_factory=dict)
    """For the features that count different values: places, and how many there are from each on."""


def _tiles(
    rows: pl.DataFrame, codes: pl.DataFrame, entity: Sequence[str], stair: Stair, order: Sequence[str]
) -> _Tiles | None:
    """Of the entities in `codes`; None when they have no rows."""
    width, kinds = stair.window // stair.tile, spans.parts(stair.features)
    entering = _entering(rows.lazy(), stair, UNTIL in rows.columns)
    numbered = codes.lazy().with_columns(pl.col(_CODE).cast(pl.Int64))
    of_asked = entering.join(numbered, on=list(entity)).drop(entity).collect()
    bounds = [bound for bound in (of_asked[AT].min(), of_asked[AT].max()) if isinstance(bound, int)]
    if not bounds:
        return None
    # Spans begin at multiples of their length, also in places.
    longest = 1 << width.bit_length()
    first, last = bounds[0] // longest * longest, bounds[-1]
    spread = ((last - first + width + 1) // longest + 1) * longest
    begin = pl.col(_CODE) * spread + pl.col(AT) - first
    placed = of_asked.with_columns(begin.alias(_PLACE), (pl.col(_END) - pl.col(AT) + begin).alias(_END))
    if any(feature.aggregate == "last" for feature in stair.features):
        placed = placed.sort(*order).with_row_index(spans.RANK).with_columns(pl.col(spans.RANK).cast(pl.Int64))
    kept, retracted = placed.filter(pl.col(_END).is_null()), placed.filter(pl.col(_END).is_not_null())
    tiles = kept.lazy().group_by(_PLACE).agg(spans.of_tile(kept, stair.features)).sort(_PLACE).collect()
    levels = spans.levels_of(tiles, _PLACE, kinds, width)
    found = _Tiles(
        levels=levels, rows=placed, retracted=retracted, stair=stair, kinds=kinds, width=width, first=first, last=last,
        spread=spread,
    )  # fmt: skip
    for feature in stair.features:
        if feature.aggregate == "distinct":
            found.counts[feature.name] = _distinct(placed, feature.name, width)
    return found


def _entering(rows: pl.LazyFrame, stair: Stair, corrected: bool) -> pl.LazyFrame:
    """With the boundary `AT` (in tiles) at which a row enters, and `_END`, from which on it no longer counts although
    the window covers it; without the rows that no boundary sees."""
    entering = rows.with_columns((pl.col(KNOWN) // stair.tile + 1).alias(AT), pl.lit(None, pl.Int64).alias(_END))
    if not corrected:
        return entering
    end = pl.col(UNTIL) // stair.tile + 1
    inside = pl.when(end < pl.col(AT) + stair.window // stair.tile).then(end)
    return entering.with_columns(inside.alias(_END)).filter(pl.col(_END).is_null() | (pl.col(_END) > pl.col(AT)))


def _values_at(tiles: _Tiles, places: pl.Series) -> pl.DataFrame:
    """The features at these places, which are sorted."""
    found = (
        spans.over_windows(tiles.levels, _PLACE, places, tiles.width, tiles.kinds) if tiles.kinds else places.to_frame()
    )
    if tiles.kinds and tiles.retracted.height:
        found = spans.added(found, _retracted_parts(tiles, places), tiles.kinds)
    counts = [
        _looked_up(tiles.counts[feature.name], places).alias(f"d{number}")
        for number, feature in enumerate(tiles.stair.features)
        if feature.aggregate == "distinct"
    ]
    return spans.values(found.with_columns(counts) if counts else found, tiles.stair.features, tiles.rows)


def _retracted_parts(tiles: _Tiles, places: pl.Series) -> pl.DataFrame:
    """For each place the parts of the retracted rows that count there; they change only where one begins or ends."""
    begins, ends = tiles.retracted[_PLACE], tiles.retracted[_END].alias(_PLACE)
    points = pl.concat([begins, ends]).unique().sort()
    counting = pl.int_ranges(points.search_sorted(begins), points.search_sorted(ends), eager=True).alias(_POINT)
    rows = tiles.retracted.with_columns(counting).explode(_POINT)
    found = rows.lazy().group_by(_POINT).agg(spans.of_tile(rows.clear(), tiles.stair.features)).collect()
    of_place = points.search_sorted(places, side="right").cast(pl.Int64) - 1
    joined = of_place.alias(_POINT).to_frame().join(found, on=_POINT, how="left", maintain_order="left")
    return joined.select(pl.col(name).fill_null(pl.lit(spans.empty(kind))) for name, kind in tiles.kinds.items())


def _distinct(rows: pl.DataFrame, name: str, width: int) -> pl.DataFrame:
    """Places, and how many different values count from each on: the spans in which one counts, added up."""
    end = pl.min_horizontal(pl.col(_PLACE) + width, pl.col(_END)).alias(_END)
    counting = rows.lazy().filter(pl.col(name).is_not_null()).group_by(name, _PLACE).agg(end.max())
    begins = (pl.col(_PLACE) > pl.col(_END).cum_max().shift().over(name)).fill_null(True)
    whole = (
        counting.sort(name, _PLACE)
        .group_by(name, begins.cum_sum().alias(_POINT))
        .agg(pl.col(_PLACE).min(), pl.col(_END).max())
    )
    enters = whole.select(_PLACE, pl.lit(1, pl.Int64).alias(_CHANGE))
    leaves = whole.select(pl.col(_END).alias(_PLACE), pl.lit(-1, pl.Int64).alias(_CHANGE))
    changes = pl.concat([enters, leaves]).group_by(_PLACE).agg(pl.col(_CHANGE).sum()).sort(_PLACE)
    return changes.with_columns(pl.col(_CHANGE).cum_sum()).collect()


def _looked_up(counts: pl.DataFrame, places: pl.Series) -> pl.Series:
    before = counts[_PLACE].search_sorted(places, side="right").cast(pl.Int64) - 1
    at = pl.select(pl.when(before >= 0).then(before)).to_series()
    return counts[_CHANGE].gather(at).fill_null(0)
