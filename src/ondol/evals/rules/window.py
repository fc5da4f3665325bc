"""The rows of a training set on which two models are compared."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ondol.kernel.errors import Invalid, Refused

if TYPE_CHECKING:
    import polars as pl

LABEL: Final = "label"


def utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def select(
    rows: pl.LazyFrame, *, time: str, since: datetime, until: datetime, features: list[str], name: str
) -> pl.DataFrame:
    """The labelled rows with `since <= time < until`: their label and all columns that are there for `features`.

    `name` is the table, for messages. `Refused` when no row is left.
    """
    import polars as pl

    schema = rows.collect_schema()
    column = time or _only_timestamp(schema, features, name)
    if column not in schema or LABEL not in schema:
        missing = column if column not in schema else LABEL
        raise Invalid(f"The table {name!r} has no column {missing!r}.", hint=f"It has {', '.join(schema.names())}.")
    kind = schema[column]
    first, last = (utc(since), utc(until))
    if isinstance(kind, pl.Datetime) and kind.time_zone is None:
        first, last = first.replace(tzinfo=None), last.replace(tzinfo=None)
    wanted = [LABEL, *dict.fromkeys(feature for feature in features if feature in schema)]
    inside = (pl.col(column) >= first) & (pl.col(column) < last) & pl.col(LABEL).is_not_null()
    found = rows.filter(inside).select(wanted).collect()
    if found.height == 0:
        raise Refused(
            f"The table {name!r} has no labelled rows from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}.",
            hint="Choose another window, or build a newer training set.",
        )
    return found


def _only_timestamp(schema: pl.Schema, features: list[str], name: str) -> str:
    found = [column for column, kind in schema.items() if kind.is_temporal() and column not in features]
    if len(found) == 1:
        return found[0]
    raise Invalid(
        f"The table {name!r} has {len(found)} columns of timestamps: {', '.join(found) or 'none'}.",
        hint="Say which one is meant with `time`.",
    )
