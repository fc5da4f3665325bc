"""The search grammar in plain Python: what `repo.search` must answer, written without looking at SQL."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

COMPARE = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


@dataclass
class PlainRun:
    id: str
    name: str
    status: str
    person: str
    start: int
    end: int | None
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    datasets: list[dict[str, str | None]] = field(default_factory=list)

    def value(self, entity: str, key: str) -> Any:
        if entity == "attributes":
            return {
                "run_id": self.id,
                "run_name": self.name,
                "status": self.status,
                "user_id": self.person,
                "start_time": self.start,
                "end_time": self.end,
            }[key]
        if entity == "tags" and key == "mlflow.runName":
            return self.name
        return getattr(self, entity).get(key)


def like(text: str, pattern: str, *, case: bool) -> bool:
    parts = [".*" if letter == "%" else "." if letter == "_" else re.escape(letter) for letter in pattern]
    return re.fullmatch("".join(parts), text, re.DOTALL | (0 if case else re.IGNORECASE)) is not None


def holds(said: Any, how: str, value: Any) -> bool:
    """Whether a thing that may be missing fulfils a comparison; what is missing fulfils none but IS NULL."""
    if how in ("IS NULL", "IS NOT NULL"):
        return (said is None) == (how == "IS NULL")
    if said is None:
        return False
    if how in ("IN", "NOT IN"):
        return (said in value) == (how == "IN")
    if how in ("LIKE", "ILIKE"):
        return like(said, value, case=how == "LIKE")
    return bool(COMPARE[how](said, value))


def matches(run: PlainRun, clauses: list[tuple[str, str, str, Any]]) -> bool:
    for entity, key, how, value in clauses:
        if entity == "datasets":
            if not any(holds(one[key], how, value) for one in run.datasets):
                return False
        elif not holds(run.value(entity, key), how, value):
            return False
    return True


def ordered(runs: list[PlainRun], orders: list[tuple[str, str, bool]]) -> list[str]:
    """Ids: NaN after all numbers, what is missing after NaN, either way; ties by the latest start, then by id."""

    def compare(one: PlainRun, other: PlainRun) -> int:
        for entity, key, ascending in orders:
            first, second = one.value(entity, key), other.value(entity, key)
            ranks = _rank(first), _rank(second)
            if ranks[0] != ranks[1]:
                return ranks[0] - ranks[1]
            if ranks[0] == 0 and first != second:
                return (-1 if first < second else 1) * (1 if ascending else -1)
        if ("attributes", "start_time") not in {order[:2] for order in orders} and one.start != other.start:
            return other.start - one.start
        return -1 if one.id < other.id else 1

    return [run.id for run in sorted(runs, key=cmp_to_key(compare))]


def _rank(value: Any) -> int:
    if value is None:
        return 2
    return 1 if isinstance(value, float) and math.isnan(value) else 0
