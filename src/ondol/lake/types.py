"""Datasets: what lands in the lake, in which shape, and what is refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ondol.kernel.event import Event

ColumnType = Literal["string", "integer", "double", "boolean", "timestamp", "date"]
RuleKind = Literal["columns", "types", "unique", "between", "one_of", "not_null", "fresh"]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Files below the project's folder; each file is read once, known by path and content hash."""

    format: Literal["csv", "parquet", "json"]
    path: str


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a contract. Which fields count depends on `kind`."""

    kind: RuleKind
    column: str = ""
    columns: list[str] = []
    low: float | None = None
    high: float | None = None
    values: list[str] = []
    within: str = ""


class DatasetSpec(msgspec.Struct, frozen=True, kw_only=True):
    """`columns` are the typed columns of silver. `time` is when a row happened, `known_at`
    when it became known (the same when empty). `where` drops rows that silver cannot use.

    `mode` says what becomes of a row whose key has landed before. `append`: it is dropped and
    counted as a duplicate. `upsert`: it is a correction. Without `known_at` it takes the place
    of the row before. With `known_at` both stay, so that the past can be asked what it knew: at
    any instant, of the rows of one key the one counts that was known latest by then; a key and
    a moment of knowing land once.

    `layer` is where the typed rows are kept: silver (cleaned) or gold (made for a purpose). With
    `query`, one SELECT over other datasets, the rows are not sent but computed.
    `files`: the rows are an index of the files below the source's path; their bytes are kept with it.
    """

    name: str
    columns: dict[str, ColumnType]
    key: list[str]
    source: Source | None = None
    time: str = ""
    known_at: str = ""
    partition: Literal["", "day", "month"] = ""
    where: str = ""
    contract: list[Rule] = []
    description: str = ""
    owner: str = ""
    tags: list[str] = []
    mode: Literal["append", "upsert"] = "append"
    layer: Literal["silver", "gold"] = "silver"
    query: str = ""
    files: bool = False


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """`version` and `rows` are those of the silver table; -1 and 0 before the first batch."""

    name: str
    spec: DatasetSpec
    version: int
    rows: int
    batches: int
    quarantined: int
    newest: datetime | None
    """The latest value of the time column."""
    updated_at: datetime


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """A broken rule. `rows` are numbers of rows within the batch, from 0, at most 20; `sample` those rows."""

    rule: RuleKind
    column: str
    count: int
    message: str
    rows: list[int] = []
    sample: list[dict[str, Any]] = []


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` came, `landed_rows` are new in silver, `duplicates` were dropped because silver had
    their keys already; what is left over, the dataset's `where` dropped."""

    id: str
    dataset: str
    key: str
    status: Literal["landed", "quarantined"]
    rows: int
    landed_rows: int
    duplicates: int = 0
    at: datetime
    origin: str
    bronze_version: int = -1
    silver_version: int = -1
    quarantine: str = ""
    """The path of the refused rows among the blobs."""
    violations: list[Violation] = []


class DeclareDataset(msgspec.Struct, frozen=True, kw_only=True):
    spec: DatasetSpec
    root: str = ""
    """The folder that the source's path is relative to."""


class AppendBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Rows as JSON objects. The same `key` lands once, however often it is sent."""

    dataset: str
    key: str
    rows: list[dict[str, Any]]


class RefreshDataset(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str


class RefreshReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the source brought; unchanged files bring nothing."""

    dataset: str
    files: int
    new_files: int
    batches: list[Batch]
    version: int


class ValidateDataset(msgspec.Struct, frozen=True, kw_only=True):
    """Check a whole silver version against the contract; `version` -1 is the newest."""

    dataset: str
    version: int = -1


class ValidationReport(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str
    version: int
    rows: int
    passed: bool
    violations: list[Violation]


class GetDataset(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str


class ListDatasets(msgspec.Struct, frozen=True, kw_only=True):
    pass


class ListBatches(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str
    status: str = ""
    limit: int = 100


class GetBatch(msgspec.Struct, frozen=True, kw_only=True):
    batch: str


class PreviewDataset(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str
    layer: Literal["bronze", "silver"] = "silver"
    version: int = -1
    limit: int = 50


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    table: str
    version: int
    columns: dict[str, str]
    rows: list[dict[str, Any]]
    history: list[dict[str, Any]]


class BatchLanded(Event, frozen=True, kw_only=True):
    """The subject is the dataset."""

    batch: str
    rows: int
    version: int


class BatchQuarantined(Event, frozen=True, kw_only=True):
    """The subject is the dataset."""

    batch: str
    rows: int
    reasons: list[str]
