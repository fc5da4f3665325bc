"""Point in time: what was in force at each row's own moment."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ondol.features.rules.columns import AT, KNOWN, MOVED, TIME
from ondol.features.rules.definitions import Stair
from ondol.features.rules.staircase import order_of, steps_of

_NEWER = "__newer"
_ROW = "__row"
_FEW_LATE = 0.25


def answers(questions: pl.DataFrame, rows: pl.DataFrame, entity: Sequence[str], stair: Stair) -> pl.DataFrame:
    """The stair's features for each question (its entity, `AT`; sorted by `AT`), in the questions' order.

    `rows` are as `known_rows` gives them. Newest rows are looked up among the rows themselves: making
    steps of them all, of which most are never asked for, would take longer than all the rest.
    """
    if stair.window or (MOVED in rows.columns and rows[MOVED].any()):
        return as_of(questions, steps_of(rows, entity, stair), entity, stair)
    return as_of(questions, _in_order(_newest(rows, entity), order_of(rows)), entity, stair)


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


def _newest(rows: pl.DataFrame, entity: Sequence[str]) -> pl.DataFrame:
    """With `AT`, sorted by it; without the rows of an earlier time than one that was known before.

    Only a row that became known after it happened can be such a row.
    """
    rows = rows.with_columns(pl.max_horizontal(TIME, KNOWN).alias(AT))
    if not rows[AT].is_sorted():
        rows = rows.sort(AT)
    late = rows[TIME] < rows[AT]
    if late.sum() > _FEW_LATE * rows.height:
        newest = pl.col(TIME).cum_max().over(entity)
        return rows.filter(pl.col(TIME) >= newest)
    if not late.any():
        return rows
    numbered = rows.lazy().select(*entity, TIME, AT).with_row_index(_ROW).filter(late)
    on_time = rows.lazy().filter(~late).select(*entity, AT, pl.col(TIME).alias(_NEWER))
    known = numbered.join_asof(on_time, on=AT, by=list(entity), strategy="backward", check_sortedness=False)
    newest = pl.max_horizontal(pl.col(_NEWER), pl.col(TIME).cum_max().over(entity))
    hidden = known.filter(pl.col(TIME) < newest).select(_ROW).collect().to_series()
    return rows.filter(~pl.int_range(pl.len(), dtype=pl.UInt32).is_in(hidden.implode())) if len(hidden) else rows


def _in_order(rows: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    """Sorted by `AT`, and rows of one `AT` by `order`: of these the last one is in force."""
    again = pl.col(AT) == pl.col(AT).shift()
    tied = rows.select((again | again.shift(-1)).fill_null(False)).to_series()
    if not tied.any():
        return rows
    places = rows.select(pl.int_range(pl.len()).filter(tied)).to_series()
    sorted_ties = rows.filter(tied).sort(AT, *order).with_columns(places.alias(_ROW))
    rest = rows.filter(~tied).with_columns(pl.int_range(rows.height, eager=True).filter(~tied).alias(_ROW))
    return pl.concat([rest, sorted_ties]).sort(_ROW)
