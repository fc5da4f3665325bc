"""The rules of contracts. Each takes `on_violation` (stop, go_on, warn); without it, the dataset's counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from ondol.lake.types import Rule

if TYPE_CHECKING:
    from ondol.sdk.data import Dataset

Action: TypeAlias = Literal["", "stop", "go_on", "warn"]


def unique(*columns: str, on_violation: Action = "") -> Rule:
    """No two rows of a batch have the same values in these columns."""
    column = columns[0] if len(columns) == 1 else ""
    return Rule(kind="unique", column=column, columns=list(columns), on_violation=on_violation)


def between(column: str, low: float | None = None, high: float | None = None, *, on_violation: Action = "") -> Rule:
    """Values lie in `[low, high]`; None leaves a side open."""
    return Rule(kind="between", column=column, low=low, high=high, on_violation=on_violation)


def not_null(column: str, *, on_violation: Action = "") -> Rule:
    """Every row has a value."""
    return Rule(kind="not_null", column=column, on_violation=on_violation)


def one_of(column: str, values: Sequence[str], *, on_violation: Action = "") -> Rule:
    """Every value is one of these."""
    return Rule(kind="one_of", column=column, values=list(values), on_violation=on_violation)


def matches(column: str, pattern: str, *, on_violation: Action = "") -> Rule:
    """Every value as a whole looks like this regular expression (`"N[0-9A-Z]+"`)."""
    return Rule(kind="matches", column=column, pattern=pattern, on_violation=on_violation)


def exists_in(column: str, dataset: Dataset | str, other: str = "", *, on_violation: Action = "") -> Rule:
    """Every value occurs in a column of another dataset (the column of the same name when `other` is empty)."""
    name = dataset if isinstance(dataset, str) else dataset.name
    return Rule(kind="exists_in", column=column, dataset=name, other=other or column, on_violation=on_violation)


def holds(expression: str, *, on_violation: Action = "") -> Rule:
    """An SQL condition is true in every row (`"arrives_at >= departs_at"`); where it is null, nothing is said."""
    return Rule(kind="expression", expression=expression, on_violation=on_violation)


def fresh(within: str, *, on_violation: Action = "") -> Rule:
    """The newest row is not older than `within` (`"2d"`)."""
    return Rule(kind="fresh", within=within, on_violation=on_violation)


def row_count(at_least: int | None = None, at_most: int | None = None, *, on_violation: Action = "") -> Rule:
    """A batch has so many rows."""
    return Rule(kind="rows", low=at_least, high=at_most, on_violation=on_violation)


def steady(
    column: str,
    *,
    psi: float | None = None,
    null_share: float | None = None,
    mean_shift: float | None = None,
    on_violation: Action = "",
) -> Rule:
    """A batch is like the 30 batches before it: the population stability index of the column is at most `psi` (0.1 is
    a small change, 0.2 a large one), its share of nulls changes by at most `null_share` (0.05), its mean by at most
    `mean_shift` standard deviations. Without any of them, `psi=0.2`."""
    if psi is None and null_share is None and mean_shift is None:
        psi = 0.2

    return Rule(
        kind="distribution",
        column=column,
        psi=psi,
        null_share=null_share,
        mean_shift=mean_shift,
        on_violation=on_violation,
    )
