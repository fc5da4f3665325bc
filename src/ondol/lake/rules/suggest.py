"""A first declaration of a dataset, from its rows: columns, key, time, and a contract that these rows keep."""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING

from ondol.kernel.lazy import lazy
from ondol.lake.rules import casting
from ondol.lake.types import ColumnType, DatasetSpec, Rule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

_VALUES = 12
"""At most so many different texts are a set of allowed values."""
_ROWS_A_VALUE = 20
_KINDS: tuple[ColumnType, ...] = ("boolean", "integer", "double", "date", "timestamp")
_LEADING_ZERO = r"^[+-]?0\d"
_SHAPES = (("[A-Z]", "A-Z"), ("[a-z]", "a-z"), ("[0-9]", "0-9"))
_KEYS_TRIED = 6


def suggest(name: str, text: pl.DataFrame) -> DatasetSpec:
    """From rows as text. What is suggested is true of these rows, and meant to be read before it is used."""
    columns: dict[str, ColumnType] = {column: _kind(text[column]) for column in text.columns}
    frame, _wrong = casting.typed(text, columns)
    key = _key(frame)
    time = _time(columns, frame)
    contract = [rule for column in frame.columns for rule in _rules(frame[column], columns[column], {*key, time})]
    return DatasetSpec(name=name, columns=columns, key=key, time=time, contract=contract)


def _kind(column: pl.Series) -> ColumnType:
    """The narrowest type that takes every value. Numbers with leading zeros are names: 00501 is a place."""
    if column.null_count() == len(column):
        return "string"
    numbered = not column.str.contains(_LEADING_ZERO).any()
    for kind in _KINDS:
        if kind == "boolean" and not column.str.to_lowercase().is_in(["true", "false"]).any():
            continue
        if kind in ("integer", "double") and not numbered:
            continue
        if kind == "date" and column.str.len_chars().max() != len("2013-01-01"):
            continue
        if casting.cast_text(column, kind)[1] is None:
            return kind
    return "string"


def _key(frame: pl.DataFrame) -> list[str]:
    """The first column, or the first two, that tell all rows apart; those called id before the others."""
    if not frame.height:
        return []
    measured = (pl.Float64, pl.Boolean)
    whole = [name for name in frame.columns if frame[name].dtype not in measured and not frame[name].null_count()]
    likely = sorted(whole, key=lambda name: (not re.search(r"(^|_)(id|key|code|no|number)$", name, re.I),))
    for name in likely:
        if frame[name].n_unique() == frame.height:
            return [name]
    for pair in itertools.combinations(likely[:_KEYS_TRIED], 2):
        if frame.select(pair).n_unique() == frame.height:
            return list(pair)
    return []


def _time(columns: dict[str, ColumnType], frame: pl.DataFrame) -> str:
    """The first moment that every row has."""
    for wanted in ("timestamp", "date"):
        for name, kind in columns.items():
            if kind == wanted and not frame[name].null_count():
                return name
    return ""


def _rules(column: pl.Series, kind: ColumnType, implied: set[str]) -> list[Rule]:
    name, values = column.name, column.drop_nulls()
    if not len(values):
        return []
    rules = [] if column.null_count() or name in implied else [Rule(kind="not_null", column=name)]
    if kind in ("integer", "double"):
        if name in implied:
            return []  # A key grows: what it was so far says nothing of what it may be.
        low, high = _bounds(float(values.min()), float(values.max()))  # type: ignore[arg-type]
        return [*rules, Rule(kind="between", column=name, low=low, high=high)]
    if kind != "string":
        return rules
    different = values.n_unique()
    if different <= _VALUES and len(values) >= different * _ROWS_A_VALUE:
        return [*rules, Rule(kind="one_of", column=name, values=sorted(values.unique().to_list()))]
    pattern = _pattern(values)
    return [*rules, Rule(kind="matches", column=name, pattern=pattern)] if pattern else rules


def _bounds(least: float, most: float) -> tuple[float, float]:
    """Round numbers a tenth of the range outside of what was seen; what never was below zero stays above it."""
    room = (most - least) / 10 or abs(most) / 10 or 1.0
    step = 10.0 ** math.floor(math.log10(room))
    low, high = math.floor((least - room) / step) * step, math.ceil((most + room) / step) * step
    if least >= 0:
        low = max(low, 0.0)
    return round(low, 12), round(high, 12)


def _pattern(values: pl.Series) -> str:
    """Of short words of letters, digits and dashes of one alphabet; empty when they have no common shape."""
    lengths = values.str.len_chars()
    shortest, longest = min(lengths.to_list()), max(lengths.to_list())
    if not shortest or longest > 40:
        return ""
    inside = "".join(inner for shape, inner in _SHAPES if values.str.contains(shape).any())
    inside += "".join(mark for mark in "_.:/-" if values.str.contains(mark, literal=True).any())
    if not inside or not values.str.contains(f"^[{inside}]+$").all():
        return ""
    return f"[{inside}]{{{shortest}}}" if shortest == longest else f"[{inside}]{{{shortest},{longest}}}"


def as_python(spec: DatasetSpec, source: str) -> str:
    """The lines of a project file. `source` is an expression such as `od.csv("data/flights.csv")`."""
    variable = spec.name if spec.name.isidentifier() else "dataset"
    lines = [f"{variable} = od.dataset(", f'    "{spec.name}",']
    lines += [f"    source={source},"] if source else []
    lines += ["    columns={", *(f"        {_quoted(name)}: {_quoted(kind)}," for name, kind in spec.columns.items())]
    key = _quoted(spec.key[0]) if len(spec.key) == 1 else f"[{', '.join(map(_quoted, spec.key))}]"
    lines += ["    },", f"    key={key},"]
    lines += [f"    time={_quoted(spec.time)},"] if spec.time else []
    lines += ["    contract=[", *(f"        {_line(rule)}," for rule in spec.contract), "    ],", ")"]
    return "\n".join(lines) + "\n"


def _line(rule: Rule) -> str:
    name = _quoted(rule.column)
    if rule.kind == "between":
        return f"od.between({name}, {_number(rule.low)}, {_number(rule.high)})"
    if rule.kind == "one_of":
        return f"od.one_of({name}, [{', '.join(map(_quoted, rule.values))}])"
    if rule.kind == "matches":
        return f"od.matches({name}, {_quoted(rule.pattern)})"
    return f"od.not_null({name})"


def _number(value: float | None) -> str:
    return "None" if value is None else f"{value:.12g}"


def _quoted(text: str) -> str:
    """A Python literal with double quotes."""
    import json

    return json.dumps(text, ensure_ascii=False)
