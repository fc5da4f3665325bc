"""Datasets: tables of the lake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack

from ondol.lake.types import ColumnType, DatasetSpec, OnViolation, Rule, Source
from ondol.sdk import sources
from ondol.sdk.collector import build, declare, known, wrong


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as it was declared."""

    spec: DatasetSpec

    @property
    def name(self) -> str:
        return self.spec.name


class DatasetOptions(TypedDict, total=False):
    """`source` may be a path such as `"data/flights/*.parquet"`: its suffix says the format.

    `on_violation` is what a broken rule of the contract means: `"stop"` refuses the whole batch, `"go_on"` lands the
    good rows and keeps the bad ones in quarantine, `"warn"` lands all and tells.
    """

    source: Source | str
    time: str
    known_at: str
    partition: Literal["", "day", "month"]
    where: str
    contract: list[Rule]
    on_violation: OnViolation
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

    With `query`, one SELECT over datasets that are declared before it, its rows are computed, and computed anew
    whenever those have others; it is kept in gold unless `layer` says silver.
    """
    if columns is None and not key and not options:
        return Dataset(known(f"dataset {name!r}", "datasets.get", {"dataset": name}).spec)
    fields: dict[str, Any] = {"name": name, "columns": columns or {}, "key": _listed(key), **options}
    if options.get("query"):
        fields = {"layer": "gold", **fields}
    if isinstance(source := options.get("source"), str):
        fields["source"] = sources.from_path(source)
    if columns is None and not key and "source" in fields:
        fields |= {name: value for name, value in sources.fields_of(fields["source"]).items() if name not in options}
    spec = build(DatasetSpec, f"dataset {name!r}", fields)
    for column in filter(None, [*spec.key, spec.time, spec.known_at, *_columns_of(spec.contract), *spec.descriptions]):
        check_column(spec, column)
    declare("datasets", name, spec)
    return Dataset(spec)


def check_column(spec: DatasetSpec, column: str) -> None:
    if column not in spec.columns:
        raise wrong(f"dataset {spec.name!r} has no column {column!r}.", hint=f"It has {', '.join(spec.columns)}.")


def _columns_of(contract: list[Rule]) -> list[str]:
    return [column for rule in contract for column in {rule.column, *rule.columns}]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) and value else list(value)
