"""What of the staircases the present can still reach: that much is online, and no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import polars as pl

from ondol.features.rules.columns import AT, KNOWN, TIME, key_expression, moment
from ondol.features.rules.definitions import Stair, microseconds, stairs_of
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
    """The instant to read from instead, when a row in reach is so late that rows out of reach may supersede it.

    None when `rows` (as `known_rows` gives them) are enough.
    """
    if since is None or not dataset.known_at or all(feature.aggregate != "last" for feature in view.features):
        return None
    oldest = rows[TIME].min()
    return oldest if isinstance(oldest, int) and oldest < since else None


def current(steps: pl.DataFrame, entity: Sequence[str], start: int) -> pl.DataFrame:
    """The steps of `steps_of` that are in force at `start` or later."""
    return steps.filter((pl.col(AT).shift(-1).over(entity) > start).fill_null(True))


def newest_instants(rows: pl.DataFrame, view: ViewSpec, types: Mapping[str, str]) -> dict[str, int]:
    """For each key the last instant at which one of its rows became known."""
    last = pl.max_horizontal(TIME, KNOWN).max().alias(AT)
    found = rows.group_by(view.entity).agg(last).select(key_expression(view.entity, types), AT)
    return dict(found.iter_rows())


def staircases(
    steps: pl.DataFrame, entity: Sequence[str], types: Mapping[str, str]
) -> Iterator[tuple[str, list[Step]]]:
    """Key and steps, as the online store takes them; `steps` are sorted by entity and instant."""
    names = [name for name in steps.columns if name not in (*entity, AT)]
    table = steps.select(key_expression(entity, types), AT, *names)
    keys, instants, *columns = (column.to_list() for column in table)
    values: Iterable[tuple[float | None, ...]] = zip(*columns, strict=True)
    before: str | None = None
    found: list[Step] = []
    for key, at, of_step in zip(keys, instants, values, strict=True):
        if key != before:
            if before is not None:
                yield before, found
            before, found = key, []
        found.append((at, of_step))
    if before is not None:
        yield before, found
