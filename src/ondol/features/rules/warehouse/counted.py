"""Answers that are counted row by row: each question is joined with the rows that count for it.

For aggregates that tiles do not add up to, and for rows that count only until they are corrected.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from ondol.features.rules.definitions import Stair
from ondol.features.rules.warehouse import dialects
from ondol.features.rules.warehouse.neutral import DOUBLE, case, floored, to, whole
from ondol.features.rules.warehouse.values import (
    AT,
    KNOWN,
    QUESTIONS,
    STEP,
    TILE,
    TIME,
    UNTIL,
    Answers,
    Chain,
    Place,
    all_of,
    column,
    last_answers,
    later,
    named,
    newest_first,
    over,
    same,
    window_answers,
)
from ondol.features.types import Feature

_OF_TILES = ("count", "sum", "mean", "min", "max")
_RANK = "ondol_rank"


def answers_of(place: Place, stair: Stair, dialect: str) -> list[Answers]:
    """Each of the stair's features, in one of the answers."""
    if not stair.window:
        return [(_newest_that_counts if place.corrected else last_answers)(place, stair)]
    of_tiles = [one for one in stair.features if one.aggregate in _OF_TILES and not place.corrected]
    others = [one for one in stair.features if one not in of_tiles]
    found = []
    if of_tiles:
        found.append(window_answers(place, _only(stair, of_tiles), dialects.has_range_frames(dialect)))
    if others:
        found.append(_window_of_rows(place, _only(stair, others)))
    return found


def _only(stair: Stair, features: list[Feature]) -> Stair:
    return Stair(store=stair.store, features=features, window=stair.window, tile=stair.tile, ttl=stair.ttl)


def _newest_that_counts(place: Place, stair: Stair) -> Answers:
    """The last row known at the question's moment and not corrected by then."""
    asked, chosen, values = (f"{place.name}_{word}" for word in ("asked", "chosen", "values"))
    names = [feature.name for feature in stair.features]
    keys = [column(name, asked) for name in (*place.entity, AT)]
    counting = all_of(
        *same(place.entity, place.rows, asked),
        exp.LTE(this=column(TIME, place.rows), expression=column(AT, asked)),
        exp.LTE(this=column(KNOWN, place.rows), expression=column(AT, asked)),
        _not_corrected(place, exp.GT, column(AT, asked)),
    )
    step = later(column(TIME, place.rows), column(KNOWN, place.rows))
    rank = over(exp.RowNumber(), keys, newest_first(place, place.rows))
    of_row = [*(column(name, place.rows) for name in names), named(step, STEP), named(rank, _RANK)]
    joined = exp.select(*keys, *of_row).from_(asked).join(place.rows, on=counting)
    first: exp.Expr = exp.EQ(this=column(_RANK), expression=whole(1))
    if stair.ttl:
        age = exp.Sub(this=column(AT), expression=column(STEP))
        first = all_of(first, exp.LTE(this=age, expression=whole(stair.ttl)))
    chain: Chain = [
        (asked, exp.select(*map(column, (*place.entity, AT))).from_(QUESTIONS).distinct()),
        (chosen, joined),
        (values, exp.select(*map(column, (*place.entity, AT, *names))).from_(chosen).where(first)),
    ]
    return Answers(chain=chain, name=values, on=AT, asked=column(AT, QUESTIONS), names=names)


def _window_of_rows(place: Place, stair: Stair) -> Answers:
    asked, counted, values = (f"{place.name}_{word}" for word in ("ends", "counted", "of_rows"))
    tile = named(floored(column(AT), stair.tile), TILE)
    keys = [column(name, asked) for name in (*place.entity, TILE)]
    begin = exp.Sub(this=column(TILE, asked), expression=whole(stair.window))
    within = [
        *same(place.entity, place.rows, asked),
        exp.GTE(this=column(KNOWN, place.rows), expression=begin),
        exp.LT(this=column(KNOWN, place.rows), expression=column(TILE, asked)),
    ]
    if place.corrected:
        within.append(_not_corrected(place, exp.GTE, column(TILE, asked)))
    of_row = [column(feature.name, place.rows) for feature in stair.features]
    ranks = [
        named(_rank(place, feature, keys), f"{_RANK}{number}")
        for number, feature in enumerate(stair.features)
        if feature.aggregate == "last"
    ]
    joined = exp.select(*keys, *of_row, *ranks).from_(asked).join(place.rows, on=all_of(*within))
    found = [named(_aggregate(number, feature), feature.name) for number, feature in enumerate(stair.features)]
    grouped = [column(name) for name in (*place.entity, TILE)]
    chain: Chain = [
        (asked, exp.select(*map(column, place.entity), tile).from_(QUESTIONS).distinct()),
        (counted, joined),
        (values, exp.select(*grouped, *found).from_(counted).group_by(*grouped)),
    ]
    names = [feature.name for feature in stair.features]
    return Answers(chain=chain, name=values, on=TILE, asked=floored(column(AT, QUESTIONS), stair.tile), names=names)


def _not_corrected(place: Place, how: type[exp.Binary], moment: exp.Expr) -> exp.Expr:
    until = column(UNTIL, place.rows)
    for_good = exp.Is(this=until, expression=exp.Null())
    return exp.Paren(this=exp.Or(this=for_good, expression=how(this=until.copy(), expression=moment)))


def _rank(place: Place, feature: Feature, keys: Sequence[exp.Expr]) -> exp.Expr:
    """1 for the last row that has a value."""
    missing = exp.Is(this=column(feature.name, place.rows), expression=exp.Null())
    empty_last = case((missing, whole(1)), default=whole(0))
    return over(exp.RowNumber(), keys, [empty_last, *newest_first(place, place.rows)])


def _aggregate(number: int, feature: Feature) -> exp.Expr:
    value = column(feature.name)
    kind = feature.aggregate
    if kind == "last":
        first = exp.EQ(this=column(f"{_RANK}{number}"), expression=whole(1))
        return exp.Max(this=case((first, value)))
    if kind in ("count", "distinct"):
        of = exp.Distinct(expressions=[value]) if kind == "distinct" else value
        return to(exp.Nullif(this=exp.Count(this=of), expression=whole(0)), DOUBLE)
    if kind == "stddev":
        several = exp.GT(this=exp.Count(this=value), expression=whole(1))
        return case((several, exp.StddevSamp(this=value.copy())))
    return {"sum": exp.Sum, "mean": exp.Avg, "min": exp.Min, "max": exp.Max}[kind](this=value)
