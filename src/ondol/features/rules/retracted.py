"""The last row of an entity, where a correction may move a row to another entity or time.

The entity that loses a row gets back the row before it, for as long as that one counts.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from ondol.features.rules.columns import AT, KNOWN, TIME, UNTIL
from ondol.features.rules.definitions import Stair

_RANK = "__rank"
_Values = tuple[Any, ...]


def steps_with_retractions(
    rows: pl.DataFrame, entity: Sequence[str], stair: Stair, order: Sequence[str]
) -> pl.DataFrame:
    """As `last_steps`, for rows of which some count only until `UNTIL`."""
    names = [feature.name for feature in stair.features]
    begin = pl.max_horizontal(TIME, KNOWN).alias(AT)
    ranked = rows.sort(*order).with_row_index(_RANK).with_columns(begin)
    ranked = ranked.filter(pl.col(UNTIL).is_null() | (pl.col(UNTIL) > pl.col(AT))).sort(*entity, AT, _RANK)
    keys = ranked.select(pl.struct(*entity).rle_id()).to_series()
    columns = (ranked[name].to_list() for name in (AT, UNTIL, _RANK))
    found = [
        (place, at, values)
        for place, of_entity in _grouped(keys.to_list(), zip(*columns, ranked.select(names).iter_rows(), strict=True))
        for at, values in _steps(of_entity, stair.ttl, (None,) * len(names))
    ]
    firsts = ranked.select(entity).with_columns(keys.alias(_RANK)).unique(_RANK, keep="first").sort(_RANK)
    made = pl.DataFrame(
        [(place, at, *values) for place, at, values in found],
        schema={_RANK: firsts[_RANK].dtype, AT: pl.Int64, **dict.fromkeys(names, pl.Float64)},
        orient="row",
    )
    return made.join(firsts, on=_RANK, how="left", maintain_order="left").select(*entity, AT, *names)


def _grouped(keys: Sequence[int], rows: Iterable[_Values]) -> Iterator[tuple[int, list[_Values]]]:
    before = -1
    group: list[_Values] = []
    for key, row in zip(keys, rows, strict=True):
        if key != before:
            if group:
                yield before, group
            before, group = key, []
        group.append(row)
    if group:
        yield before, group


def _steps(rows: Sequence[_Values], ttl: int, missing: _Values) -> Iterator[tuple[int, _Values]]:
    """Steps of one entity, from its rows `(begin, until, rank, values)` sorted by begin.

    A row that comes back is as old as it was: its ttl ends when it would have ended.
    """
    moments = {row[0] for row in rows} | {row[1] for row in rows if row[1] is not None}
    if ttl:
        moments |= {row[0] + ttl + 1 for row in rows}
    counting: list[tuple[int, int | None, int, _Values]] = []
    place, before = 0, missing
    for moment in sorted(moments):
        while place < len(rows) and rows[place][0] <= moment:
            begin, until, rank, values = rows[place]
            heapq.heappush(counting, (-rank, until, begin, values))
            place += 1
        while counting and counting[0][1] is not None and counting[0][1] <= moment:
            heapq.heappop(counting)
        newest = counting[0] if counting else None
        now = missing if newest is None or (ttl and newest[2] + ttl < moment) else newest[3]
        if now is not before:
            yield moment, now
            before = now
