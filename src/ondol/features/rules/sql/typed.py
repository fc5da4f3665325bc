"""Values with the type they have, and how types meet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import polars as pl

from ondol.features.rules.columns import TYPES

KINDS: dict[str, pl.DataType] = TYPES | {
    "wall clock": pl.Datetime("us"),
    "interval": pl.Duration("us"),
    "null": pl.Null(),
}
"""The lake's types, and what only lives within an expression: local time, and spans of time."""
NUMBERS = ("integer", "double")
MOMENTS = ("timestamp", "wall clock", "date")


class Typed(NamedTuple):
    value: pl.Expr
    kind: str
    literal: str | None = None
    """The text of a text literal: it becomes a moment next to a moment."""


class Mismatch(Exception):
    """Two things that do not go together; the message says which."""


def finite(value: pl.Expr) -> pl.Expr:
    """Infinities and NaN are null."""
    return pl.when(value.is_finite()).then(value)


def as_kind(typed: Typed, kind: str) -> pl.Expr:
    """The value in another type, without loss."""
    if typed.kind == kind:
        return typed.value
    if typed.literal is not None and kind in MOMENTS:
        return pl.lit(moment_of(typed.literal, kind), KINDS[kind])
    if typed.kind == "null" or (typed.kind == "integer" and kind == "double"):
        return typed.value.cast(KINDS[kind])
    raise Mismatch(f"{typed.kind} beside {kind}")


def moment_of(text: str, kind: str) -> date | datetime:
    """An ISO 8601 literal; a timestamp without an offset is UTC."""
    try:
        if kind == "date":
            return date.fromisoformat(text)
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Mismatch(f"{text!r}, which is no {kind},") from error
    if kind == "wall clock":
        if found.tzinfo:
            raise Mismatch(f"{text!r}, which has an offset, beside a {kind}")
        return found
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def together(values: Sequence[Typed]) -> tuple[list[pl.Expr], str]:
    """The values in their common type: doubles for numbers of both kinds, moments for text literals beside moments."""
    kinds = {value.kind for value in values if value.kind != "null" and value.literal is None} or {
        value.kind for value in values
    } - {"null"}
    if kinds == set(NUMBERS):
        kind = "double"
    elif len(kinds) > 1:
        raise Mismatch(" beside ".join(sorted(kinds)))
    else:
        kind = kinds.pop() if kinds else "null"
    return [as_kind(value, kind) for value in values], kind


def numbers(values: Sequence[Typed]) -> tuple[list[pl.Expr], str]:
    """The values as numbers of one kind; `Mismatch` for others."""
    found, kind = together(values)
    if kind == "null":
        return [value.cast(pl.Int64) for value in found], "integer"
    if kind not in NUMBERS:
        raise Mismatch(f"{kind} where numbers are")
    return found, kind


def doubles(values: Sequence[Typed]) -> list[pl.Expr]:
    found, kind = numbers(values)
    return found if kind == "double" else [value.cast(pl.Float64) for value in found]


def only(typed: Typed, kind: str) -> pl.Expr:
    """The value, which must be of this type or null."""
    if typed.kind not in (kind, "null"):
        raise Mismatch(f"{typed.kind} where {kind} is")
    return typed.value if typed.kind == kind else typed.value.cast(KINDS[kind])
