"""The contract: every rule over a whole batch, in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ondol.kernel.lazy import lazy
from ondol.kernel.spans import parse_duration
from ondol.lake.rules import casting, history, masks
from ondol.lake.rules import spec as declared
from ondol.lake.types import ColumnStatistics, DatasetSpec, OnViolation, Rule, Violation

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

ROWS_SHOWN = 20
SAMPLES_SHOWN = 5
_NUMBER = "__row"
_OF_BATCHES = ("fresh", "rows", "distribution")
"""Rules that say nothing of single rows."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a contract needs to know beside the batch: values of other datasets, and the batches before."""

    references: masks.References = field(default_factory=dict)
    history: Mapping[str, ColumnStatistics] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """The delivery that a batch may be only a part of: its newest moment, and how many rows it has."""

    newest: datetime | None = None
    rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class Checked:
    """`usable`: the typed rows that may land. `newest`: the latest value of the time column among them.

    `refused`: none of it may land. `good`: a mask of the rows of the batch that may, None for all of them.
    """

    usable: pl.DataFrame
    newest: datetime | None
    violations: list[Violation]
    refused: bool
    good: pl.Series | None = None
    statistics: dict[str, ColumnStatistics] = field(default_factory=dict)


def check(
    spec: DatasetSpec,
    text: pl.DataFrame,
    now: datetime,
    *,
    originals: Sequence[dict[str, Any]] | None = None,
    delivery: Delivery | None = None,
    known: Known | None = None,
) -> Checked:
    """Type a batch and hold it against the contract.

    Columns and types are judged on all rows, the other rules on those that `where`
    lets pass. `originals` are the rows as they were sent, for the samples.
    """
    frame, wrong = casting.typed(text, spec.columns)
    known, delivery = known or Known(), delivery or Delivery()
    report = _Report(spec, text, originals)
    if not text.height:
        # A frame without columns has no height of its own: typing it has made up a row of nulls.
        _check_row_count(spec, delivery.rows or 0, report)
        return Checked(usable=frame.clear(), newest=None, violations=report.violations, refused=report.refused)
    missing = [name for name in spec.columns if name not in text.columns]
    _check_columns(spec, text, missing, report)
    for name, mask in wrong.items():
        report.add(Rule(kind="types", column=name), mask.arg_true(), f"{name} is no {spec.columns[name]}")
    marked = frame.with_row_index(_NUMBER).with_columns(mask.alias(masks.BAD + name) for name, mask in wrong.items())
    passed = marked.filter(declared.expression(spec.where)) if spec.where else marked
    found = _check_rules(spec, passed, missing, report, known)
    _check_row_count(spec, delivery.rows or text.height, report)
    for rule in spec.contract:
        if rule.kind == "fresh":
            _check_fresh(rule, delivery.newest or newest_of(passed, rule.column or spec.time), now, report)
    good = report.good() if not report.refused else None
    none_good = good is not None and not good.any()
    if good is not None:
        passed = passed.filter(good.gather(passed[_NUMBER]))
        found = _measure(spec, passed, missing, known)
    return Checked(
        usable=passed.select(list(spec.columns)),
        newest=newest_of(passed, spec.time),
        violations=report.violations,
        refused=report.refused or none_good,
        good=None if none_good else good,
        statistics=found,
    )


def usable_rows(spec: DatasetSpec, text: pl.DataFrame) -> pl.DataFrame:
    """The typed rows that `where` lets pass, of a batch whose contract was checked before."""
    frame, _wrong = casting.typed(text, spec.columns)
    return frame.filter(declared.expression(spec.where)) if spec.where else frame


def check_silver(spec: DatasetSpec, frame: pl.DataFrame, now: datetime, known: Known | None = None) -> list[Violation]:
    """Hold typed rows, a whole version, against the contract; what is about single batches is left out."""
    report = _Report(spec, frame, None)
    whole = [rule for rule in spec.contract if rule.kind not in ("rows", "distribution")]
    _check_rules(declared.with_contract(spec, whole), frame.with_row_index(_NUMBER), [], report, known or Known())
    for rule in spec.contract:
        if rule.kind == "fresh":
            _check_fresh(rule, newest_of(frame, rule.column or spec.time), now, report)
    return report.violations


def summary(violations: Sequence[Violation]) -> str:
    """One line for people: `batch refused: 2 rules broken: ...`."""
    broken = [one for one in violations if one.action == "stop"] or violations
    count = f"{len(broken)} rules" if len(broken) > 1 else "1 rule"
    return f"batch refused: {count} broken: {'; '.join(one.message for one in broken)}"


def newest_of(frame: pl.DataFrame, column: str) -> datetime | None:
    if not column or not frame.height:
        return None
    found = frame.select(pl.col(column).cast(pl.Datetime("us", "UTC")).max()).item()
    return found if isinstance(found, datetime) else None


class _Report:
    def __init__(self, spec: DatasetSpec, rows: pl.DataFrame, originals: Sequence[dict[str, Any]] | None) -> None:
        self.spec = spec
        self.rows = rows
        self.originals = originals
        self.violations: list[Violation] = []
        self._bad: list[pl.Series] = []

    @property
    def refused(self) -> bool:
        return any(violation.action == "stop" for violation in self.violations)

    def good(self) -> pl.Series | None:
        """The rows that break no rule whose bad rows go to quarantine."""
        if not self._bad:
            return None
        bad = pl.concat([numbers.cast(pl.UInt32) for numbers in self._bad]).unique()
        return ~pl.int_range(self.rows.height, dtype=pl.UInt32, eager=True).is_in(bad.implode())

    def add(self, rule: Rule, broken: pl.Series, text: str, *, counted: int = 0) -> None:
        """`broken` are the numbers of the rows; `counted` without them is about the batch as a whole."""
        rows = [int(number) for number in broken.head(ROWS_SHOWN)]
        more = len(broken) - len(rows)
        where = f": rows {', '.join(map(str, rows))}" if rows else ""
        action = _action(self.spec, rule, of_rows=bool(len(broken)))
        if action == "go_on":
            self._bad.append(broken)
        self.violations.append(
            Violation(
                rule=rule.kind,
                column=", ".join(rule.columns) or rule.column,
                count=counted or len(broken),
                message=text + where + (f" and {more} more" if more > 0 else ""),
                rows=rows,
                sample=[self._row(number) for number in rows[:SAMPLES_SHOWN]],
                action=action,
            )
        )

    def _row(self, number: int) -> dict[str, Any]:
        return dict(self.originals[number]) if self.originals is not None else self.rows.row(number, named=True)


def _action(spec: DatasetSpec, rule: Rule, *, of_rows: bool) -> OnViolation:
    """What a broken rule means. What makes a row readable at all is never only warned of, and what is about
    the batch as a whole has no good rows to go on with."""
    if rule in spec.contract:
        wanted = rule.on_violation or spec.on_violation
    else:
        wanted = "stop" if spec.on_violation == "warn" else spec.on_violation
    return "stop" if wanted == "go_on" and not of_rows else wanted


def _check_columns(spec: DatasetSpec, text: pl.DataFrame, missing: list[str], report: _Report) -> None:
    for name in text.columns:
        if name not in spec.columns:
            given = text[name].is_not_null().arg_true()
            hint = declared.near(name, missing)
            rule = Rule(kind="columns", column=name)
            report.add(rule, given, f'unknown column "{name}"' + (f" ({hint})" if hint else ""))
    for name in missing:
        nothing = pl.Series([], dtype=pl.UInt32)
        report.add(Rule(kind="columns", column=name), nothing, f'missing column "{name}"', counted=text.height)


def _row_rules(spec: DatasetSpec, missing: list[str]) -> list[Rule]:
    """The rules to check row by row: those of the contract, and what key and time ask for by themselves."""
    identity = declared.identity(spec)
    rules = [Rule(kind="not_null", column=name) for name in dict.fromkeys([*identity, spec.time]) if name]
    if identity:
        rules.append(Rule(kind="unique", columns=identity))
    seen = {(rule.kind, *declared.columns_of(rule)) for rule in rules}
    for rule in spec.contract:
        again = rule.kind in ("not_null", "unique") and (rule.kind, *declared.columns_of(rule)) in seen
        if rule.kind not in _OF_BATCHES and not again:
            rules.append(rule)
    return [rule for rule in rules if not set(declared.columns_of(rule)) & set(missing)]


def _check_rules(
    spec: DatasetSpec, frame: pl.DataFrame, missing: list[str], report: _Report, known: Known
) -> dict[str, ColumnStatistics]:
    """One pass over the rows: how many break each rule, and what the batch is like; then, of rules that are
    broken alone, which rows."""
    rules = _row_rules(spec, missing)
    spread = [rule for rule in spec.contract if rule.kind == "distribution" and rule.column not in missing]
    measured = declared.with_contract(spec, spread)
    if not frame.height or not (rules or spread):
        return {}
    flags = {name.removeprefix(masks.BAD) for name in frame.columns if name.startswith(masks.BAD)}
    asked = [masks.count(rule, spec, flags, known.references).alias(str(place)) for place, rule in enumerate(rules)]
    found = frame.lazy().select(*asked, *history.measures(measured, known.history)).collect().row(0, named=True)
    for place, rule in enumerate(rules):
        if found[str(place)]:
            mask = frame.select(masks.broken(rule, spec, flags, known.references)).to_series()
            report.add(rule, frame[_NUMBER].filter(mask), masks.wording(rule))
    statistics = history.statistics(measured, frame, found, known.history)
    for rule in spread:
        for told in history.differences(rule, statistics[rule.column], known.history.get(rule.column)):
            nothing = pl.Series([], dtype=pl.UInt32)
            report.add(rule, nothing, f"{rule.column} distribution: {told}", counted=frame.height)
    return statistics


def _measure(spec: DatasetSpec, frame: pl.DataFrame, missing: list[str], known: Known) -> dict[str, ColumnStatistics]:
    """What the rows that land are like: the history must not hold what was refused."""
    spread = [rule for rule in spec.contract if rule.kind == "distribution" and rule.column not in missing]
    if not frame.height or not spread:
        return {}
    measured = declared.with_contract(spec, spread)
    found = frame.lazy().select(history.measures(measured, known.history)).collect().row(0, named=True)
    return history.statistics(measured, frame, found, known.history)


def _check_row_count(spec: DatasetSpec, rows: int, report: _Report) -> None:
    for rule in spec.contract:
        low, high = rule.low, rule.high
        if rule.kind == "rows" and ((low is not None and rows < low) or (high is not None and rows > high)):
            text = f"{masks.wording(rule)}: the batch has {rows}"
            report.add(rule, pl.Series([], dtype=pl.UInt32), text, counted=rows)


def _check_fresh(rule: Rule, newest: datetime | None, now: datetime, report: _Report) -> None:
    if newest is None or now - newest <= parse_duration(rule.within):
        return
    column = rule.column or report.spec.time
    text = f"{column} fresh within {rule.within}: the newest is {newest:%Y-%m-%d %H:%M}, now is {now:%Y-%m-%d %H:%M}"
    report.add(rule, pl.Series([], dtype=pl.UInt32), text, counted=report.rows.height)
