"""How far a batch is from the batches before it, column by column.

The population stability index is the sum of (p - q) ln(p / q) over the bins of a histogram, with p the
shares of the batch and q those of the batches before. Two samples of one distribution of n and m rows in
k bins have an index of about (k - 1)(1/n + 1/m), which is subtracted: small batches must not look like
drift (Yurdakul and Naranjo, "Statistical properties of the population stability index", 2020).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ondol.kernel.lazy import lazy
from ondol.lake.types import ColumnStatistics, DatasetSpec, Rule

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

ENOUGH_ROWS = 200
"""With fewer rows in the history nothing is judged."""
_BINS = 10
_VALUES = 20
_LEAST_SHARE = 1e-4
_NUMBERS = ("integer", "double")


def columns_of(spec: DatasetSpec) -> list[str]:
    """The columns of which a batch's statistics are kept."""
    return list(dict.fromkeys(rule.column for rule in spec.contract if rule.kind == "distribution"))


def together(batches: Sequence[ColumnStatistics]) -> ColumnStatistics | None:
    """The statistics of several batches as if they were one; the bins are those of the first."""
    if not batches:
        return None
    first = batches[0]
    same = [one for one in batches if (one.edges, one.values) == (first.edges, first.values)]
    counts = [sum(each) for each in zip(*(one.counts for one in same), strict=True)]
    weighed = [(one.rows - one.nulls, one.mean, one.deviation or 0.0) for one in batches if one.mean is not None]
    total = sum(rows for rows, _, _ in weighed)
    mean = deviation = None
    if total:
        mean = sum(rows * average for rows, average, _ in weighed) / total
        spread = sum(rows * (width**2 + (average - mean) ** 2) for rows, average, width in weighed)
        deviation = math.sqrt(spread / total)
    return ColumnStatistics(
        rows=sum(one.rows for one in batches),
        nulls=sum(one.nulls for one in batches),
        mean=mean,
        deviation=deviation,
        edges=first.edges,
        values=first.values,
        counts=counts,
    )


def measures(spec: DatasetSpec, history: Mapping[str, ColumnStatistics]) -> list[pl.Expr]:
    """What to ask of a batch, in the one pass: named `column|what`."""
    asked: list[pl.Expr] = []
    for name in columns_of(spec):
        column, before = pl.col(name), history.get(name)
        asked.append(column.null_count().alias(f"{name}|nulls"))
        if spec.columns[name] in _NUMBERS:
            asked += [column.mean().alias(f"{name}|mean"), column.std(ddof=0).alias(f"{name}|deviation")]
            if before and before.edges:
                asked += [(column <= edge).sum().alias(f"{name}|{place}") for place, edge in enumerate(before.edges)]
            else:
                asked += [column.quantile(place / _BINS).alias(f"{name}|edge{place}") for place in range(1, _BINS)]
        elif spec.columns[name] in ("string", "boolean"):
            counted = column.cast(pl.String).drop_nulls().value_counts(sort=True, name="count")
            asked.append(counted.implode().alias(f"{name}|values"))
    return asked


def statistics(
    spec: DatasetSpec, frame: pl.DataFrame, found: Mapping[str, object], history: Mapping[str, ColumnStatistics]
) -> dict[str, ColumnStatistics]:
    """The statistics of a batch from what the pass found."""
    made = {}
    for name in columns_of(spec):
        nulls = _whole(found[f"{name}|nulls"])
        before = history.get(name)
        mean, deviation = found.get(f"{name}|mean"), found.get(f"{name}|deviation")
        edges: list[float] = []
        values: list[str] = []
        counts: list[int] = []
        if spec.columns[name] in _NUMBERS:
            edges, counts = _bins(name, frame, found, before)
        elif f"{name}|values" in found:
            values, counts = _categories(found[f"{name}|values"], before)
        made[name] = ColumnStatistics(
            rows=frame.height,
            nulls=nulls,
            mean=float(mean) if isinstance(mean, int | float) else None,
            deviation=float(deviation) if isinstance(deviation, int | float) else None,
            edges=edges,
            values=values,
            counts=counts,
        )
    return made


def _bins(
    name: str, frame: pl.DataFrame, found: Mapping[str, object], before: ColumnStatistics | None
) -> tuple[list[float], list[int]]:
    rows = frame.height - _whole(found[f"{name}|nulls"])
    if before and before.edges:
        edges = before.edges
        below = [_whole(found[f"{name}|{place}"]) for place in range(len(edges))]
    else:
        quantiles = [found[f"{name}|edge{place}"] for place in range(1, _BINS)]
        edges = sorted({float(edge) for edge in quantiles if isinstance(edge, int | float)})
        if not edges:
            return [], []
        below = list(frame.select((pl.col(name) <= edge).sum().alias(str(edge)) for edge in edges).row(0))
    return edges, [after - earlier for earlier, after in zip([0, *below], [*below, rows], strict=True)]


def _categories(found: object, before: ColumnStatistics | None) -> tuple[list[str], list[int]]:
    assert isinstance(found, pl.Series | list)
    counted = {next(iter(each.values())): _whole(each["count"]) for each in found}
    values = before.values if before and before.values else list(counted)[:_VALUES]
    known = [counted.get(value, 0) for value in values]
    return values, [*known, sum(counted.values()) - sum(known)]


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def differences(rule: Rule, batch: ColumnStatistics, before: ColumnStatistics | None) -> list[str]:
    """What is too far from the batches before, in words; nothing while they are too few to tell."""
    if before is None or before.rows < ENOUGH_ROWS or not batch.rows:
        return []
    told = []
    if rule.null_share is not None:
        now, usual = batch.nulls / batch.rows, before.nulls / before.rows
        if abs(now - usual) > rule.null_share:
            told.append(f"{now:.1%} null, usual are {usual:.1%}, allowed is a change of {rule.null_share:.1%}")
    if rule.mean_shift is not None and batch.mean is not None and before.mean is not None:
        shift = abs(batch.mean - before.mean)
        width = before.deviation or 0.0
        if shift > rule.mean_shift * width:
            far = f"{shift / width:.2g} standard deviations" if width else "everything"
            told.append(f"mean {batch.mean:.6g} is {far} from the usual {before.mean:.6g}, allowed {rule.mean_shift:g}")
    if rule.psi is not None and (index := stability_index(batch, before)) > rule.psi:
        told.append(f"PSI {index:.3g} against the batches before, allowed {rule.psi:g}")
    return told


def stability_index(batch: ColumnStatistics, before: ColumnStatistics) -> float:
    """The population stability index less what chance alone gives; 0 without a common histogram."""
    now, usual = sum(batch.counts), sum(before.counts)
    if not now or not usual or (batch.edges, batch.values) != (before.edges, before.values):
        return 0.0
    index = 0.0
    for here, there in zip(batch.counts, before.counts, strict=True):
        p, q = max(here / now, _LEAST_SHARE), max(there / usual, _LEAST_SHARE)
        index += (p - q) * math.log(p / q)
    return max(0.0, index - (len(batch.counts) - 1) * (1 / now + 1 / usual))
