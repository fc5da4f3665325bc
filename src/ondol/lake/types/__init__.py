"""Datasets: what lands in the lake, in which shape, and what is refused."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ondol.kernel.event import Event
from ondol.lake.types.contracts import ColumnStatistics, OnViolation, Rule, RuleKind, Violation
from ondol.lake.types.sources import (
    FileSource,
    GetSource,
    HttpSource,
    KafkaSource,
    ListSources,
    ResetSource,
    Source,
    SourceState,
    SqlSource,
    SuggestDataset,
    SuggestedDataset,
)

__all__ = [
    "AppendBatch",
    "Batch",
    "BatchLanded",
    "BatchQuarantined",
    "BatchStatus",
    "ColumnStatistics",
    "ColumnType",
    "Dataset",
    "DatasetSpec",
    "DeclareDataset",
    "DiscardBatch",
    "FileSource",
    "GetBatch",
    "GetDataset",
    "GetQuarantinedRows",
    "GetSource",
    "HttpSource",
    "KafkaSource",
    "ListBatches",
    "ListDatasets",
    "ListSources",
    "OnViolation",
    "Preview",
    "PreviewDataset",
    "QuarantinedRows",
    "RefreshDataset",
    "RefreshReport",
    "ResetSource",
    "RetryBatch",
    "Rule",
    "RuleKind",
    "Source",
    "SourceState",
    "SqlSource",
    "SuggestDataset",
    "SuggestedDataset",
    "ValidateDataset",
    "ValidationReport",
    "Violation",
]

ColumnType = Literal["string", "integer", "double", "boolean", "timestamp", "date"]


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
    `files` is a folder below the project's: the rows are an index of its files, whose bytes are kept with it. Its
    columns and key are given (`FILE_COLUMNS`).
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
    on_violation: OnViolation = "stop"
    """What a broken rule means that does not say so itself. What makes a row readable at all (its columns, types and
    key) is never only warned of."""
    description: str = ""
    descriptions: dict[str, str] = {}
    """Of columns, by name."""
    owner: str = ""
    tags: list[str] = []
    mode: Literal["append", "upsert"] = "append"
    layer: Literal["silver", "gold"] = "silver"
    query: str = ""
    files: str = ""


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


BatchStatus = Literal["landed", "quarantined", "replaced", "discarded", "rolled_back"]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` came, `landed_rows` are new in silver, `duplicates` were dropped because silver had
    their keys already, `refused_rows` went to quarantine as a batch of their own; what is left over,
    the dataset's `where` dropped. A quarantined batch is `replaced` by the one that brought its rows at last."""

    id: str
    dataset: str
    key: str
    status: BatchStatus
    rows: int
    landed_rows: int
    duplicates: int = 0
    at: datetime
    origin: str
    bronze_version: int = -1
    silver_version: int = -1
    updated: int = 0
    """Of the landed rows, those that took the place of another one."""
    refused_rows: int = 0
    replaced_by: str = ""
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


class GetQuarantinedRows(msgspec.Struct, frozen=True, kw_only=True):
    batch: str
    offset: int = 0
    limit: int = 100


class QuarantinedRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a refused batch as they came, from row `offset` of `total`."""

    batch: str
    total: int
    offset: int
    rows: list[dict[str, Any]]


class RetryBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a quarantined batch against the contract of now. `rows` take the place of the refused ones: the same
    rows, mended."""

    batch: str
    rows: list[dict[str, Any]] | None = None


class DiscardBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Give up a quarantined batch; its rows stay where they are, and its key may be sent again."""

    batch: str


class PreviewDataset(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str
    layer: Literal["", "bronze", "silver", "gold"] = ""
    """Without it, where the typed rows are."""
    version: int = -1
    at: str = ""
    """A day or a moment: the version of then, by the clock of the house."""
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
