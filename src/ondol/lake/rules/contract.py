"""The contract: every rule over a whole batch, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ondol.kernel.lazy import lazy
from ondol.kernel.spans import parse_duration
from ondol.lake.rules import casting
from ondol.lake.rules import spec as declared
from ondol.lake.types import DatasetSpec, Rule, Violation

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

ROWS_SHOWN = 20
SAMPLES_SHOWN = 5
_NUMBER = "__row"
_BAD = "__bad "


@dataclass(frozen=True, kw_only=True)
class Checked:
    """`usable`: the typed rows that `where` lets pass. `newest`: the latest value of the time column among them."""

    usable: pl.DataFrame
    newest: datetime | None
    violations: list[Violation]


def check(
    spec: DatasetSpec,
    text: pl.DataFrame,
    now: datetime,
    *,
    originals: Sequence[dict[str, Any]] | None = None,
    newest: datetime | None = None,
) -> Checked:
    """Type a batch and hold it against the contract.

    Columns and types are judged on all rows, the other rules on those that `where`
    lets pass. `originals` are the rows as they were sent, for the samples; `newest`
    is the freshest moment of the delivery when this batch is only a part of it.
    """
    frame, wrong = casting.typed(text, spec.columns)
    if not text.height:
        # A frame without columns has no height of its own: typing it has made up a row of nulls.
        return Checked(usable=frame.clear(), newest=None, violations=[])
    report = _Report(text, originals)
    missing = [name for name in spec.columns if name not in text.columns] if text.height else []
    _check_columns(spec, text, missing, report)
    for name, mask in wrong.items():
        report.add("types", name, mask.arg_true(), f"{name} is no {spec.columns[name]}")
    marked = frame.with_row_index(_NUMBER).with_columns(mask.alias(_BAD + name) for name, mask in wrong.items())
    usable = marked.filter(declared.expression(spec.where)) if spec.where else marked
    latest = newest_of(usable, spec.time)
    _check_rules(usable, _row_rules(spec, missing), report)
    for rule in spec.contract:
        if rule.kind == "fresh":
            _check_fresh(rule, spec, newest or newest_of(usable, rule.column or spec.time), now, report)
    return Checked(usable=usable.select(list(spec.columns)), newest=latest, violations=report.violations)


def usable_rows(spec: DatasetSpec, text: pl.DataFrame) -> pl.DataFrame:
    """The typed rows that `where` lets pass, of a batch whose contract was checked before."""
    frame, _wrong = casting.typed(text, spec.columns)
    return frame.filter(declared.expression(spec.where)) if spec.where else frame


def check_silver(spec: DatasetSpec, frame: pl.DataFrame, now: datetime) -> list[Violation]:
    """Hold typed rows, a whole version, against the contract."""
    report = _Report(frame, None)
    marked = frame.with_row_index(_NUMBER)
    _check_rules(marked, _row_rules(spec, []), report)
    for rule in spec.contract:
        if rule.kind == "fresh":
            _check_fresh(rule, spec, newest_of(frame, rule.column or spec.time), now, report)
    return report.violations


def summary(violations: Sequence[Violation]) -> str:
    """One line for people: `batch refused: 2 rules broken: ...`."""
    count = f"{len(violations)} rules" if len(violations) > 1 else "1 rule"
    return f"batch refused: {count} broken: {'; '.join(one.message for one in violations)}"


def newest_of(frame: pl.DataFrame, column: str) -> datetime | None:
    if not column or not frame.height:
        return None
    found = frame.select(pl.col(column).cast(pl.Datetime("us", "UTC")).max()).item()
    return found if isinstance(found, datetime) else None


class _Report:
    def __init__(self, rows: pl.DataFrame, originals: Sequence[dict[str, Any]] | None) -> None:
        self.rows = rows
        self.originals = originals
        self.violations: list[Violation] = []

    def add(self, kind: Any, column: str, broken: pl.Series, text: str, *, counted: int = 0) -> None:
        """`broken` are the numbers of the rows."""
        rows = [int(number) for number in broken.head(ROWS_SHOWN)]
        more = len(broken) - len(rows)
        where = f": rows {', '.join(map(str, rows))}" if rows else ""
        self.violations.append(
            Violation(
                rule=kind,
                column=column,
                count=counted or len(broken),
                message=text + where + (f" and {more} more" if more else ""),
                rows=rows,
                sample=[self._row(number) for number in rows[:SAMPLES_SHOWN]],
            )
        )

    def _row(self, number: int) -> dict[str, Any]:
        return dict(self.originals[number]) if self.originals is not None else self.rows.row(number, named=True)


def _check_columns(spec: DatasetSpec, text: pl.DataFrame, missing: list[str], report: _Report) -> None:
    for name in text.columns:
        if name not in spec.columns:
            given = text[name].is_not_null().arg_true()
            hint = declared.near(name, missing)
            report.add("columns", name, given, f'unknown column "{name}"' + (f" ({hint})" if hint else ""))
    for name in missing:
        report.add("columns", name, pl.Series([], dtype=pl.UInt32), f'missing column "{name}"', counted=text.height)


def _row_rules(spec: DatasetSpec, missing: list[str]) -> list[Rule]:
    """The rules to check row by row: those of the contract, and what key and time ask for by themselves."""
    rules = [Rule(kind="not_null", column=name) for name in dict.fromkeys([*spec.key, spec.time]) if name]
    if spec.key:
        rules.append(Rule(kind="unique", columns=spec.key))
    seen = {(rule.kind, *declared.columns_of(rule)) for rule in rules}
    for rule in spec.contract:
        if rule.kind != "fresh" and (rule.kind, *declared.columns_of(rule)) not in seen:
            rules.append(rule)
    return [rule for rule in rules if not set(declared.columns_of(rule)) & set(missing)]


def _check_rules(frame: pl.DataFrame, rules: list[Rule], report: _Report) -> None:
    if not rules or not frame.height:
        return
    masks = frame.select(_broken(rule, frame).alias(str(number)) for number, rule in enumerate(rules))
    for number, rule in enumerate(rules):
        mask = masks[str(number)]
        if mask.any():
            report.add(rule.kind, ", ".join(rule.columns) or rule.column, frame[_NUMBER].filter(mask), _wording(rule))


def _broken(rule: Rule, frame: pl.DataFrame) -> pl.Expr:
    """An expression that is true where a row breaks the rule; only `not_null` looks at missing values."""
    names = declared.columns_of(rule)
    column = pl.col(names[0])
    if rule.kind == "not_null":
        flags = [pl.col(_BAD + name) for name in names if _BAD + name in frame.columns]
        return pl.any_horizontal(pl.col(names).is_null()) & ~pl.any_horizontal(pl.lit(False), *flags)
    if rule.kind == "unique":
        return (pl.struct(names).is_duplicated() if len(names) > 1 else column.is_duplicated()) & pl.all_horizontal(
            pl.col(names).is_not_null()
        )
    if rule.kind == "one_of":
        return (~column.cast(pl.String).is_in(rule.values)).fill_null(False)
    low = column < rule.low if rule.low is not None else pl.lit(False)
    high = column > rule.high if rule.high is not None else pl.lit(False)
    return (low | high).fill_null(False)


def _wording(rule: Rule) -> str:
    names = ", ".join(rule.columns) or rule.column
    if rule.kind == "unique":
        return f"{names} unique"
    if rule.kind == "not_null":
        return f"{names} not null"
    if rule.kind == "one_of":
        return f"{names} one of {', '.join(rule.values)}"
    if rule.low is not None and rule.high is not None:
        return f"{names} between {rule.low:g} and {rule.high:g}"
    return f"{names} at least {rule.low:g}" if rule.low is not None else f"{names} at most {rule.high:g}"


def _check_fresh(rule: Rule, spec: DatasetSpec, newest: datetime | None, now: datetime, report: _Report) -> None:
    if newest is None or now - newest <= parse_duration(rule.within):
        return
    column = rule.column or spec.time
    text = f"{column} fresh within {rule.within}: the newest is {newest:%Y-%m-%d %H:%M}, now is {now:%Y-%m-%d %H:%M}"
    report.add("fresh", column, pl.Series([], dtype=pl.UInt32), text, counted=report.rows.height)
