"""What is in force at each question, as chains of common table expressions.

`last`: rows become steps, steps and questions are laid on one time line, and a running maximum
finds the step before each question: one sort, and no comparison of every row with every question.

Windows: rows are summed up in tiles, tiles and questions are laid on one time line, and a frame
that reaches back by the window sums the tiles. An engine without such frames joins tiles and questions.

What tiles do not add up to (`distinct`, `stddev`, `last` over a window), and rows that count only until they
are corrected, are in `counted`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from ondol.features.rules.definitions import Stair
from ondol.features.rules.warehouse.neutral import BIGINT, DOUBLE, case, finite, floored, to, whole
from ondol.features.types import Feature

AT, TIME, KNOWN, UNTIL = "ondol_at", "ondol_time", "ondol_known", "ondol_until"
STEP, ASKED, TILE, TIE = "ondol_step", "ondol_asked", "ondol_tile", "ondol_tie"
QUESTIONS = "questions"

Chain = list[tuple[str, exp.Query]]
Completed = Callable[[exp.Select], exp.Select]
"""Gives a selection the place that it selects from."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A view's rows in the statement: the table expression `rows`, with the entity, `TIME`, `KNOWN`, a column
    for each feature, and `ties` that order rows of one moment. `late`: rows may become known after they happened;
    `corrected`: they have `UNTIL`, the instant from which they no longer count."""

    rows: str
    name: str
    entity: Sequence[str]
    ties: Sequence[str]
    late: bool
    corrected: bool


@dataclass(frozen=True, kw_only=True)
class Answers:
    """`chain` ends with `name`, which has the features `names` once for each entity and value of `on`. `asked` is `on`
    from a question's instant."""

    chain: Chain
    name: str
    on: str
    asked: exp.Expr
    names: list[str]


def all_of(*conditions: exp.Expr) -> exp.Expr:
    found, *others = conditions
    for condition in others:
        found = exp.And(this=found, expression=condition)
    return found


def column(name: str, table: str = "") -> exp.Column:
    return exp.column(name, table=table or None)


def source(table: str, names: Iterable[str], types: Mapping[str, str]) -> exp.Select:
    """Columns of a table as expressions take them: doubles are finite or null."""
    columns = [
        named(finite(column(name)), name) if types[name] == "double" else column(name) for name in dict.fromkeys(names)
    ]
    return exp.select(*columns).from_(exp.to_table(table))


def named(value: exp.Expr, name: str) -> exp.Expr:
    return exp.alias_(value, name, copy=False)


def last_answers(place: Place, stair: Stair) -> Answers:
    names = [feature.name for feature in stair.features]
    line, found, values, steps = (f"{place.name}_{word}" for word in ("line", "found", "values", "steps"))
    entity = [column(name) for name in place.entity]
    known = exp.select(*entity, column(AT), named(column(AT), STEP), named(whole(0), ASKED)).from_(steps)
    nothing = named(to(exp.Null(), BIGINT), STEP)
    asked = exp.select(*entity, column(AT), nothing, named(whole(1), ASKED)).from_(QUESTIONS).distinct()
    running = over(exp.Max(this=column(STEP)), entity, [column(AT), column(ASKED)])
    of_line = exp.select(*entity, column(AT), column(ASKED), named(running, STEP)).from_(line)
    step = exp.EQ(this=column(AT, steps), expression=column(STEP, found))
    answers = exp.select(
        *(column(name, found) for name in (*place.entity, AT)), *(column(name, steps) for name in names)
    )
    answers = answers.from_(found).join(steps, on=all_of(*same(place.entity, steps, found), step))
    answers = answers.where(exp.EQ(this=column(ASKED, found), expression=whole(1)))
    if stair.ttl:
        age = exp.Sub(this=column(AT, found), expression=column(STEP, found))
        answers = answers.where(exp.LTE(this=age, expression=whole(stair.ttl)))
    chain: Chain = [
        *_steps(place, names),
        (line, exp.union(known, asked, distinct=False)),
        (found, of_line),
        (values, answers),
    ]
    return Answers(chain=chain, name=values, on=AT, asked=column(AT, QUESTIONS), names=names)


def _steps(place: Place, names: Sequence[str]) -> Chain:
    """The newest row of each moment; `<name>_steps` are those that a row of a later time did not come before."""
    entity, newest = [column(name) for name in place.entity], f"{place.name}_newest"
    at = later(column(TIME), column(KNOWN)) if place.late else column(TIME)
    rank = over(exp.RowNumber(), [*entity, at], newest_first(place))
    ranked = exp.select(*entity, named(at.copy(), AT), column(TIME), *map(column, names), named(rank, STEP))
    first = exp.EQ(this=column(STEP), expression=whole(1))
    steps = exp.select(*entity, column(AT), *map(column, names))
    if not place.late:
        steps = steps.from_(newest).where(first)
    else:
        # A late report of ten o'clock never hides eleven o'clock.
        before = named(over(exp.Max(this=column(TIME)), entity, [column(AT)]), KNOWN)
        seen = exp.select(*entity, column(AT), column(TIME), *map(column, names), before).from_(newest).where(first)
        steps = steps.from_(seen.subquery(f"{place.name}_seen")).where(
            exp.EQ(this=column(TIME), expression=column(KNOWN))
        )
    return [(newest, ranked.from_(place.rows)), (f"{place.name}_steps", steps)]


def window_answers(place: Place, stair: Stair, frames: bool) -> Answers:
    entity = [column(name) for name in place.entity]
    tiles, slid = f"{place.name}_tiles", f"{place.name}_values"
    sums = [one for number, feature in enumerate(stair.features) for one in _sums(number, feature)]
    tile = floored(column(KNOWN), stair.tile)
    summed = exp.select(*entity, named(tile, TILE), *(named(value, name) for name, value, _ in sums))
    chain: Chain = [(tiles, summed.from_(place.rows).group_by(*entity, tile.copy()))]
    totals = {name: total for name, _, total in sums}
    more, of_questions = (_framed if frames else _ranged)(place, stair, totals)
    chain += more
    values = of_questions(exp.select(*entity, column(TILE), *_values(stair.features)))
    return Answers(
        chain=[*chain, (slid, values)],
        name=slid,
        on=TILE,
        asked=floored(column(AT, QUESTIONS), stair.tile),
        names=[feature.name for feature in stair.features],
    )


def _framed(place: Place, stair: Stair, totals: Mapping[str, type[exp.AggFunc]]) -> tuple[Chain, Completed]:
    """Tiles and questions on one line, and a frame that reaches back by the window."""
    entity, line = [column(name) for name in place.entity], f"{place.name}_line"
    known = exp.select(*entity, column(TILE), named(whole(0), ASKED), *map(column, totals)).from_(f"{place.name}_tiles")
    nothing = [named(to(exp.Null(), BIGINT if name.startswith("ondol_n") else DOUBLE), name) for name in totals]
    tile = named(floored(column(AT), stair.tile), TILE)
    asked = exp.select(*entity, tile, named(whole(1), ASKED), *nothing).from_(QUESTIONS).distinct()
    frame = exp.WindowSpec(
        kind="RANGE", start=whole(stair.window), start_side="PRECEDING", end=whole(1), end_side="PRECEDING"
    )
    slid = [
        named(over(total(this=column(name)), entity, [column(TILE)], frame.copy()), name)
        for name, total in totals.items()
    ]
    sums = exp.select(*entity, column(TILE), column(ASKED), *slid).from_(line).subquery(f"{place.name}_sums")
    of_questions = exp.EQ(this=column(ASKED), expression=whole(1))
    return [(line, exp.union(known, asked, distinct=False))], lambda values: values.from_(sums).where(of_questions)


def _ranged(place: Place, stair: Stair, totals: Mapping[str, type[exp.AggFunc]]) -> tuple[Chain, Completed]:
    """Each question's tile joined with the tiles of its window."""
    line, tiles = f"{place.name}_line", f"{place.name}_tiles"
    tile = named(floored(column(AT), stair.tile), TILE)
    asked = exp.select(*map(column, place.entity), tile).from_(QUESTIONS).distinct()
    start = exp.Sub(this=column(TILE, line), expression=whole(stair.window))
    within = all_of(
        *same(place.entity, tiles, line),
        exp.GTE(this=column(TILE, tiles), expression=start),
        exp.LT(this=column(TILE, tiles), expression=column(TILE, line)),
    )
    keys = [column(name, line) for name in (*place.entity, TILE)]
    summed = exp.select(*keys, *(named(total(this=column(name, tiles)), name) for name, total in totals.items()))
    sums = summed.from_(line).join(tiles, on=within).group_by(*keys).subquery(f"{place.name}_sums")
    return [(line, asked)], lambda values: values.from_(sums)


def _sums(number: int, feature: Feature) -> list[tuple[str, exp.Expr, type[exp.AggFunc]]]:
    """Columns of a tile: extremes `v`, or counts `n` and sums `v`; with how several tiles become one."""
    value = column(feature.name)
    if feature.aggregate in ("min", "max"):
        extreme = exp.Min if feature.aggregate == "min" else exp.Max
        return [(f"ondol_v{number}", extreme(this=value), extreme)]
    counted = (f"ondol_n{number}", exp.Count(this=value), exp.Sum)
    if feature.aggregate == "count":
        return [counted]
    summed = (f"ondol_v{number}", exp.Sum(this=value.copy()), exp.Sum)
    return [summed] if feature.aggregate == "sum" else [counted, summed]


def _values(features: Sequence[Feature]) -> list[exp.Expr]:
    """The features from their sums; null where nothing was counted."""
    found = []
    for number, feature in enumerate(features):
        value: exp.Expr = column(f"ondol_v{number}")
        count = exp.Nullif(this=column(f"ondol_n{number}"), expression=whole(0))
        if feature.aggregate == "mean":
            value = exp.Div(this=value, expression=count, typed=True)
        elif feature.aggregate == "count":
            value = to(count, DOUBLE)
        found.append(named(value, feature.name))
    return found


def later(one: exp.Expr, other: exp.Expr) -> exp.Expr:
    """The later of two instants, neither of which is null."""
    return case((exp.GTE(this=one, expression=other), one.copy()), default=other.copy())


def newest_first(place: Place, table: str = "") -> list[exp.Expr]:
    """The order in which the first row is the last one: by time, then by when it became known, then by key."""
    names = (TIME, KNOWN, *place.ties)
    return [exp.Ordered(this=column(name, table), desc=True, nulls_first=False) for name in names]


def same(entity: Sequence[str], one: str, other: str) -> list[exp.Expr]:
    return [exp.EQ(this=column(name, one), expression=column(name, other)) for name in entity]


def over(
    value: exp.Expr, by: Sequence[exp.Expr], order: Sequence[exp.Expr], frame: exp.WindowSpec | None = None
) -> exp.Expr:
    if frame is None and not isinstance(value, exp.RowNumber | exp.Lead):
        frame = exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
    by, ordered = ([one.copy() for one in columns] for columns in (by, order))
    return exp.Window(this=value, partition_by=by, order=exp.Order(expressions=ordered), spec=frame, over="OVER")
