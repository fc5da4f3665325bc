"""What of the staircases the present can still reach: that much is online, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from ondol.features.rules.columns import AT, BEGINNING, KNOWN, TIME, entity_keys, moment
from ondol.features.rules.definitions import Stair, facts_of, microseconds, stairs_of
from ondol.features.types import ViewSpec
from ondol.lake.types import DatasetSpec
from ondol.ports.online import Step

KEPT = microseconds("1d")
"""Questions about moments up to a day back are answered exactly."""


def first_instant(stair: Stair, now: int) -> int:
    """From when on the stair must be right; windows change at tile boundaries only."""
    return (now - KEPT) // stair.tile * stair.tile if stair.window else now - KEPT


def reach(view: ViewSpec, dataset: DatasetSpec, now: int) -> int | None:
    """Rows that happened and became known before this instant are not needed; None: all rows are."""
    stairs = stairs_of(view)
    if not dataset.time or any(not (stair.window or stair.ttl) for stair in stairs):
        return None
    return min(first_instant(stair, now) - (stair.window or stair.ttl) for stair in stairs)


def reachable(rows: pl.LazyFrame, dataset: DatasetSpec, since: int | None) -> pl.LazyFrame:
    """Rows that happened or became known at `since` or later."""
    if since is None:
        return rows
    start = pl.lit(since).cast(pl.Datetime("us", "UTC"))
    names = {dataset.time, dataset.known_at} - {""}
    return rows.filter(pl.any_horizontal(moment(name, dataset.columns) >= start for name in sorted(names)))


def earlier_rows_matter(rows: pl.DataFrame, view: ViewSpec, dataset: DatasetSpec, since: int | None) -> int | None:
    """The instant to read from instead, when a row in reach is so late that rows out of reach may supersede it, or was
    known so early that rows out of reach may correct it.

    None when `rows` (as `known_rows` gives them) are enough.
    """
    if since is None or not dataset.known_at:
        return None
    newest = any(not feature.windowed for feature in view.features)
    bounds = [rows[TIME].min() if newest else None, rows[KNOWN].min() if facts_of(dataset) else None]
    oldest = [bound for bound in bounds if isinstance(bound, int) and bound < since]
    return min(oldest, default=None)


def newest_instants(rows: pl.DataFrame, view: ViewSpec, types: Mapping[str, str]) -> dict[str | None, int]:
    """For each key the last instant at which one of its rows became known."""
    found = rows.group_by(view.entity).agg(pl.max_horizontal(TIME, KNOWN).max().alias(AT))
    keys = entity_keys([found[name] for name in view.entity], [types[name] for name in view.entity])
    return dict(zip(keys, found[AT].to_list(), strict=True))


def count_keys(steps: pl.DataFrame, entity: Sequence[str]) -> int:
    """How many keys there are; `steps` are sorted by entity."""
    if not steps.height:
        return 0
    last = steps.select(pl.struct(*entity).rle_id().last()).item()
    return int(last) + 1


def staircases(
    steps: pl.DataFrame, entity: Sequence[str], types: Mapping[str, str], start: int = BEGINNING
) -> Iterator[tuple[str, list[Step]]]:
    """Key and steps, one by one, as the online store takes them: those in force at `start` or later.

    `steps` are sorted by entity and instant, as `steps_of` gives them.
    """
    names = [name for name in steps.columns if name not in (*entity, AT)]
    keys = entity_keys([steps[name] for name in entity], [types[name] for name in entity])
    values = zip(*(steps[name].to_list() for name in names), strict=True)
    rows = zip(keys, steps[AT].to_list(), values, strict=True)
    if len(keys) == count_keys(steps, entity):
        yield from ((str(key), [(at, of_step)]) for key, at, of_step in rows)
        return
    before: str | None = None
    of_key: list[Step] = []
    for key, at, of_step in rows:
        if key != before:
            if before is not None:
                yield before, of_key
            before, of_key = key, []
        elif at <= start:
            of_key.clear()
        of_key.append((at, of_step))
    if before is not None:
        yield before, of_key
