"""What lies between two versions: rows by their key, columns, and figures of the columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ondol.kernel.lazy import lazy
from ondol.lake.types.versions import ChangedRow, ColumnChange

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

Change = Literal["insert", "update", "delete"]
_COUNT = "__count"
_NEW = "__new_"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Whole rows. `before` and `after` are the changed ones, row by row."""

    added: pl.DataFrame
    removed: pl.DataFrame
    before: pl.DataFrame
    after: pl.DataFrame


def difference(before: pl.DataFrame, after: pl.DataFrame, key: Sequence[str]) -> Difference:
    """Rows of the same columns, in the order of their keys. Without a key, a row that differs is another row."""
    if not key:
        return _by_rows(before, after)
    names = [name for name in after.columns if name not in key]
    both = after.join(before.rename({name: _NEW + name for name in names}), on=list(key), how="inner", nulls_equal=True)
    differs = pl.any_horizontal([pl.col(name).ne_missing(pl.col(_NEW + name)) for name in names] or [pl.lit(False)])
    changed = both.filter(differs).sort(key)
    return Difference(
        added=after.join(before, on=list(key), how="anti", nulls_equal=True).sort(key),
        removed=before.join(after, on=list(key), how="anti", nulls_equal=True).sort(key),
        before=changed.select(*key, *(pl.col(_NEW + name).alias(name) for name in names)).select(after.columns),
        after=changed.select(after.columns),
    )


def _by_rows(before: pl.DataFrame, after: pl.DataFrame) -> Difference:
    names = after.columns
    signed = pl.concat([before.with_columns(pl.lit(-1).alias(_COUNT)), after.with_columns(pl.lit(1).alias(_COUNT))])
    counted = signed.group_by(names).agg(pl.col(_COUNT).sum()).filter(pl.col(_COUNT) != 0).sort(names)
    repeated = counted.with_columns(pl.col(_COUNT).abs()).select(pl.all().repeat_by(_COUNT).explode())
    sign = counted.select(pl.col(_COUNT).sign().repeat_by(pl.col(_COUNT).abs()).explode()).to_series()
    rows = repeated.select(names)
    return Difference(
        added=rows.filter(sign > 0), removed=rows.filter(sign < 0), before=after.clear(), after=after.clear()
    )


def changed_rows(found: Difference, key: Sequence[str], limit: int) -> list[ChangedRow]:
    """Only the columns that differ."""
    rows = zip(
        found.before.head(limit).iter_rows(named=True), found.after.head(limit).iter_rows(named=True), strict=True
    )
    changed = []
    for old, new in rows:
        names = [name for name in new if name not in key and old[name] != new[name]]
        changed.append(
            ChangedRow(
                key={name: new[name] for name in key},
                before={name: old[name] for name in names},
                after={name: new[name] for name in names},
            )
        )
    return changed


def feed(found: Difference) -> Iterator[tuple[Change, dict[str, Any] | None, dict[str, Any] | None]]:
    """`delete`, `update`, `insert` with the row before and the row after."""
    for row in found.removed.iter_rows(named=True):
        yield "delete", row, None
    for old, new in zip(found.before.iter_rows(named=True), found.after.iter_rows(named=True), strict=True):
        yield "update", old, new
    for row in found.added.iter_rows(named=True):
        yield "insert", None, row


def column_changes(before: pl.LazyFrame, after: pl.LazyFrame) -> list[ColumnChange]:
    """Every column of either version with its type and figures."""
    old, new = _figures(before), _figures(after)
    found = []
    for name in dict.fromkeys([*old, *new]):
        sides: dict[str, Any] = {}
        for side, figures in (("before", old.get(name)), ("after", new.get(name))):
            if figures:
                sides |= {f"{figure}_{side}": value for figure, value in figures.items()}
        found.append(ColumnChange(column=name, **sides))
    return found


def _figures(rows: pl.LazyFrame) -> dict[str, dict[str, Any]]:
    schema = rows.collect_schema()
    if not schema:
        return {}
    numbers = [name for name, dtype in schema.items() if dtype.is_numeric()]
    found = rows.select(
        pl.all().null_count().name.prefix("nulls "),
        pl.all().min().name.prefix("least "),
        pl.all().max().name.prefix("most "),
        pl.col(numbers).mean().name.prefix("mean "),
    ).collect().row(0, named=True)  # fmt: skip
    return {
        name: {"type": str(dtype)}
        | {figure: found.get(f"{figure} {name}") for figure in ("nulls", "least", "most", "mean")}
        for name, dtype in schema.items()
    }
