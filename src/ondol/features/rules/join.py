"""Point in time: what was in force at each row's own moment."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ondol.features.rules.columns import AT, KNOWN, MOVED, TIME
from ondol.features.rules.definitions import Stair
from ondol.features.rules.staircase import order_of, steps_of
from ondol.features.rules.windows import window_answers

_CODE = "__code"
_KEY = "__key"
_PLACE = "__place"
_ROW = "__row"
_LARGEST = 2**62


def answers(questions: pl.DataFrame, rows: pl.DataFrame, entity: Sequence[str], stair: Stair) -> pl.DataFrame:
    """The stair's features for each question (its entity, `AT`; sorted by `AT`), in the questions' order.

    `rows` are as `known_rows` gives them. Answers are looked up among the rows themselves: making
    steps of them all, of which most are never asked for, would take longer than all the rest.
    """
    if stair.window:
        return window_answers(questions, rows, entity, stair, order_of(rows))
    if not (MOVED in rows.columns and rows[MOVED].any()):
        found = _looked_up(questions, rows, entity, stair)
        if found is not None:
            return found
    return as_of(questions, steps_of(rows, entity, stair), entity, stair)


def as_of(questions: pl.DataFrame, steps: pl.DataFrame, entity: Sequence[str], stair: Stair) -> pl.DataFrame:
    """`answers` from steps sorted by `AT`: the last one at or before it; null before the first one, and when it is
    older than the ttl."""
    names = [feature.name for feature in stair.features]
    found = questions.select(*entity, AT).join_asof(
        steps.select(*entity, AT, *names),
        on=AT,
        by=list(entity),
        strategy="backward",
        tolerance=stair.ttl or None,
        check_sortedness=False,
    )
    return found.select(names)


def _looked_up(questions: pl.DataFrame, rows: pl.DataFrame, entity: Sequence[str], stair: Stair) -> pl.DataFrame | None:
    """The newest rows by bisection over one integer, which orders by entity and then by `AT`.

    None when the moments are so far apart that this integer has no room for both.
    """
    codes = questions.lazy().select(entity).unique().drop_nulls().with_row_index(_CODE).collect()
    numbered = codes.lazy().with_columns(pl.col(_CODE).cast(pl.Int64))
    wanted = questions.lazy().select(*entity, AT).join(numbered, on=list(entity), how="left", maintain_order="left")
    asked = wanted.select(_CODE, AT).collect()
    at = pl.max_horizontal(TIME, KNOWN).alias(AT)
    found = rows.lazy().select(*entity, TIME, at).with_row_index(_ROW).join(numbered, on=list(entity))
    known = found.select(_CODE, _ROW, TIME, AT).collect()
    low, span = _bounds(asked[AT], known[AT], known[TIME])
    if (codes.height + 1) * span > _LARGEST:
        return None
    begin = pl.col(_CODE) * span
    keyed = known.select(_ROW, (begin + pl.col(AT) - low).alias(_KEY), (begin + pl.col(TIME) - low).alias(TIME))
    ordered = _in_order(keyed if keyed[_KEY].is_sorted() else keyed.sort(_KEY), rows, order_of(rows))
    # A row of an earlier time than one that was known before is never the newest.
    steps = ordered.filter(pl.col(TIME) >= pl.col(TIME).cum_max())
    sought = asked.select((begin + pl.col(AT) - low).alias(_KEY), begin.alias(_CODE))
    places = pl.Series(_PLACE, steps[_KEY].search_sorted(sought[_KEY], side="right"), pl.Int64)
    before = pl.select(pl.when(places > 0).then(places - 1)).to_series()
    newest = steps.select(pl.col(_ROW, _KEY).gather(before))
    in_force = (newest[_KEY] >= sought[_CODE]) & (sought[_KEY] - newest[_KEY] <= (stair.ttl or span))
    row = pl.select(pl.when(in_force).then(newest[_ROW])).to_series()
    return rows.select(pl.col(feature.name).gather(row) for feature in stair.features)


def _bounds(*moments: pl.Series) -> tuple[int, int]:
    """The first instant, and how many there are from it to the last one."""
    found = [bound for series in moments for bound in (series.min(), series.max()) if isinstance(bound, int)]
    return min(found, default=0), max(found, default=0) - min(found, default=0) + 1


def _in_order(keyed: pl.DataFrame, rows: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    """Sorted by `_KEY`, and rows of one key by `order`: of these the last one is in force."""
    again = pl.col(_KEY) == pl.col(_KEY).shift()
    tied = keyed.select((again | again.shift(-1)).fill_null(False)).to_series()
    if not tied.any():
        return keyed
    ties = keyed.filter(tied)
    how = rows.select(pl.col(order).gather(ties[_ROW]).name.prefix("by "))
    ranked = pl.concat([ties, how], how="horizontal").sort(_KEY, *how.columns).select(keyed.columns)
    places = tied.arg_true()
    return keyed.with_columns(keyed[name].scatter(places, ranked[name]) for name in (_ROW, TIME))
