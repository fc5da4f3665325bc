"""What the values of a column are like. One column at a time, so that memory holds one."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ondol.discovery.types import ColumnProfile, Frequent, ValueHistogram
from ondol.kernel.lazy import lazy

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

BINS = 20
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_FREQUENT = 8
_TEXT = 120


def profile(column: pl.Series) -> ColumnProfile:
    """Infinite values and NaN count as rows, not in mean, quantiles and histogram."""
    rows, nulls = len(column), column.null_count()
    known = column.drop_nulls()
    facts: dict[str, Any] = {"name": column.name, "type": _type_of(column.dtype), "rows": rows, "nulls": nulls}
    if column.dtype.is_nested() or column.dtype == pl.Binary:
        return ColumnProfile(**facts, distinct=-1)
    facts["distinct"] = known.n_unique()
    if not len(known):
        return ColumnProfile(**facts)
    if column.dtype.is_numeric():
        return ColumnProfile(**facts, **_numbers(known.cast(pl.Float64)))
    facts |= {"low": _told(known.min()), "high": _told(known.max())}
    if column.dtype.is_temporal() and not isinstance(column.dtype, pl.Duration | pl.Time):
        seconds = known.cast(pl.Datetime("us")).dt.timestamp("ms").cast(pl.Float64) / 1000
        return ColumnProfile(**facts, histogram=histogram(seconds))
    return ColumnProfile(**facts, frequent=_frequent(known))


def _numbers(values: pl.Series) -> dict[str, Any]:
    finite = values.filter(values.is_finite())
    if not len(finite):
        return {}
    found: dict[str, Any] = {
        "low": finite.min(), "high": finite.max(), "mean": finite.mean(), "deviation": finite.std(),
        "quantiles": [finite.quantile(share, "linear") for share in _QUANTILES], "histogram": histogram(finite),
    }  # fmt: skip
    if finite.n_unique() <= _FREQUENT:
        found["frequent"] = _frequent(finite)
    return found


def histogram(values: pl.Series) -> ValueHistogram:
    """Bins of one width between the least and the greatest value; whole numbers of a small range get one bin each."""
    low, high = float(values.min()), float(values.max())  # type: ignore[arg-type]
    if low == high:
        return ValueHistogram(edges=[low, high], counts=[len(values)])
    whole = high - low < BINS and bool((values == values.floor()).all())
    bins = round(high - low) + 1 if whole else BINS
    first, width = (low - 0.5, 1.0) if whole else (low, (high - low) / bins)
    if not math.isfinite(width) or width <= 0:
        return ValueHistogram(edges=[low, high], counts=[len(values)])
    places = ((values - first) / width).floor().clip(0, bins - 1).cast(pl.Int64)
    counted = dict(places.rename("place").value_counts(name="rows").iter_rows())
    edges = [first + width * number for number in range(bins)] + [high + 0.5 if whole else high]
    return ValueHistogram(edges=edges, counts=[counted.get(number, 0) for number in range(bins)])


def _frequent(values: pl.Series) -> list[Frequent]:
    counted = values.rename("value").value_counts(name="rows").sort("rows", "value", descending=[True, False])
    return [Frequent(value=_told(value), count=rows) for value, rows in counted.head(_FREQUENT).iter_rows()]


def _told(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _TEXT else value[:_TEXT] + "…"
    return value.isoformat() if isinstance(value, date | datetime) else value


def _type_of(dtype: pl.DataType) -> str:
    name = dtype.base_type().__name__
    if dtype.is_integer():
        return "integer"
    words = {"String": "string", "Boolean": "boolean", "Date": "date", "Datetime": "timestamp", "Float64": "double"}
    return words.get(name, str(dtype).lower())
