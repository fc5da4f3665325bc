"""Contracts: the rules that a batch must keep, and what is told of a broken one."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

RuleKind = Literal[
    "columns",
    "types",
    "unique",
    "between",
    "one_of",
    "not_null",
    "fresh",
    "matches",
    "exists_in",
    "rows",
    "distribution",
    "expression",
]
OnViolation = Literal["stop", "go_on", "warn"]
"""`stop`: the whole batch is refused. `go_on`: the good rows land, the bad ones go to quarantine.
`warn`: all rows land, and the batch tells what is wrong with it."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a contract. Which fields count depends on `kind`.

    `low` and `high` bound values (`between`) or the number of rows of a batch (`rows`). `pattern` is a regular
    expression for the whole value. `dataset` and `other` name the column whose values are allowed (`exists_in`).
    `psi`, `null_share` and `mean_shift` (in standard deviations) say how far a batch may be from the batches before.
    `on_violation` is the dataset's when it is empty.
    """

    kind: RuleKind
    column: str = ""
    columns: list[str] = []
    low: float | None = None
    high: float | None = None
    values: list[str] = []
    within: str = ""
    pattern: str = ""
    dataset: str = ""
    other: str = ""
    expression: str = ""
    psi: float | None = None
    null_share: float | None = None
    mean_shift: float | None = None
    on_violation: Literal["", "stop", "go_on", "warn"] = ""


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """A broken rule. `rows` are numbers of rows within the batch, from 0, at most 20; `sample` those rows."""

    rule: RuleKind
    column: str
    count: int
    message: str
    rows: list[int] = []
    sample: list[dict[str, Any]] = []
    action: OnViolation = "stop"


class ColumnStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch was like in one column. `counts` are rows by the bins between `edges` (one more than edges),
    or by `values` (the last one: any other value)."""

    rows: int
    nulls: int
    mean: float | None = None
    deviation: float | None = None
    edges: list[float] = []
    values: list[str] = []
    counts: list[int] = []
