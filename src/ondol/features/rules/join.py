"""Point in time: what was in force at each row's own moment."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ondol.features.rules.columns import AT
from ondol.features.rules.definitions import Stair


def as_of(questions: pl.DataFrame, steps: pl.DataFrame, entity: Sequence[str], stair: Stair) -> pl.DataFrame:
    """The stair's features for each question (its entity, `AT`; sorted by `AT`), in the questions' order.

    The last step at or before `AT`; null before the first one, and when it is older than the ttl.
    """
    names = [feature.name for feature in stair.features]
    found = questions.select(*entity, AT).join_asof(
        steps, on=AT, by=list(entity), strategy="backward", tolerance=stair.ttl or None, check_sortedness=False
    )
    return found.select(names)
