"""Datasets, their sources and the rules of their contracts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, TypedDict, Unpack

from ondol.lake.types import ColumnType, DatasetSpec, FileSource, Rule, Source
from ondol.sdk.collector import build, declare, known, wrong

_FORMATS: dict[str, Literal["csv", "parquet", "json"]] = {
    ".csv": "csv",
    ".gz": "csv",
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as it was declared."""

    spec: DatasetSpec

    @property
    def name(self) -> str:
        return self.spec.name


class DatasetOptions(TypedDict, total=False):
    """`source` may be a path such as `"data/flights/*.parquet"`: its suffix says the format."""

    source: Source | str
    time: str
    known_at: str
    partition: Literal["", "day", "month"]
    where: str
    contract: list[Rule]
    description: str
    descriptions: dict[str, str]
    owner: str
    tags: list[str]
    mode: Literal["append", "upsert"]
    layer: Literal["silver", "gold"]
    query: str


def dataset(
    name: str,
    *,
    columns: dict[str, ColumnType] | None = None,
    key: str | list[str] = "",
    **options: Unpack[DatasetOptions],
) -> Dataset:
    """A table of the lake: its typed columns, its key, where its rows come from, and its contract.

    With nothing but a name it is a dataset that another project declares, as it is there.

    `time` is the column that says when a row happened, `known_at` the one that says
    when it became known (the same when empty): training sets only see what was known.
    `descriptions` say in words what columns hold: `{"arr_delay": "minutes late at the gate"}`.

    `mode="upsert"` takes a row whose key has landed before as a correction: it replaces the
    row before, or, with `known_at`, stands beside it, and every instant sees what was known then.
    """
    if columns is None and not key and not options:
        return Dataset(known(f"dataset {name!r}", "datasets.get", {"dataset": name}).spec)
    fields: dict[str, Any] = {"name": name, "columns": columns or {}, "key": _listed(key), **options}
    if isinstance(source := options.get("source"), str):
        fields["source"] = _source(source)
    spec = build(DatasetSpec, f"dataset {name!r}", fields)
    for column in filter(None, [*spec.key, spec.time, spec.known_at, *_columns_of(spec.contract), *spec.descriptions]):
        check_column(spec, column)
    declare("datasets", name, spec)
    return Dataset(spec)


def csv(path: str) -> Source:
    """CSV files below the project's folder; `*` and `**` match several."""
    return FileSource(format="csv", path=path)


def unique(*columns: str) -> Rule:
    """No two rows of a batch have the same values in these columns."""
    return Rule(kind="unique", column=columns[0] if len(columns) == 1 else "", columns=list(columns))


def between(column: str, low: float | None = None, high: float | None = None) -> Rule:
    """Values lie in `[low, high]`; None leaves a side open."""
    return Rule(kind="between", column=column, low=low, high=high)


def not_null(column: str) -> Rule:
    """Every row has a value."""
    return Rule(kind="not_null", column=column)


def one_of(column: str, values: Sequence[str]) -> Rule:
    """Every value is one of these."""
    return Rule(kind="one_of", column=column, values=list(values))


def fresh(within: str) -> Rule:
    """The newest row is not older than `within` (`"2d"`)."""
    return Rule(kind="fresh", within=within)


def check_column(spec: DatasetSpec, column: str) -> None:
    if column not in spec.columns:
        raise wrong(f"dataset {spec.name!r} has no column {column!r}.", hint=f"It has {', '.join(spec.columns)}.")


def _columns_of(contract: list[Rule]) -> list[str]:
    return [column for rule in contract for column in {rule.column, *rule.columns}]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) and value else list(value)


def _source(path: str) -> Source:
    suffix = PurePosixPath(path).suffix
    if suffix not in _FORMATS:
        raise wrong(
            f"{path!r} does not say what it is.", hint=f"Paths end in one of {', '.join(_FORMATS)}; or od.csv()."
        )
    return FileSource(format=_FORMATS[suffix], path=path)
