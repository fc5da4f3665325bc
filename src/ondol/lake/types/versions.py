"""Versions of a dataset: what made them, going back, what lies between two, and which files stay."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ondol.kernel.event import Event

VersionOperation = Literal["landed", "corrected", "replaced", "rolled_back", "computed", "compacted", "files"]


class DatasetVersion(msgspec.Struct, frozen=True, kw_only=True):
    """`rows` are all rows of the version. `target`: the older version that was brought back, -1 for other operations.

    `gone`: vacuum has deleted files of it; it can no longer be read.
    """

    dataset: str
    version: int
    at: datetime
    """By the clock of the house."""
    operation: VersionOperation
    batch: str = ""
    rows: int
    target: int = -1
    by: str = ""
    gone: bool = False


class ListDatasetVersions(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str
    limit: int = 100


class ReplaceRows(msgspec.Struct, frozen=True, kw_only=True):
    """Put these rows in the place of those of a partition (`2013-05-01`, or `2013-05` for datasets by month), or of
    all rows when `partition` is empty. The same `key` replaces once."""

    dataset: str
    key: str
    rows: list[dict[str, Any]]
    partition: str = ""


class RollBack(msgspec.Struct, frozen=True, kw_only=True):
    """`read_again`: files that were read into the versions that go are read again at the next look at the source."""

    dataset: str
    version: int
    read_again: bool = False


class RolledBack(msgspec.Struct, frozen=True, kw_only=True):
    """`version` is the new one. `gone`: keys of the batches that it does not hold any more, which may be sent again;
    `back`: of those that it holds again."""

    dataset: str
    version: int
    target: int
    rows: int
    gone: list[str]
    back: list[str]


class CompareDatasetVersions(msgspec.Struct, frozen=True, kw_only=True):
    """`after` -1 is the newest version."""

    dataset: str
    before: int
    after: int = -1
    samples: int = 10


class ChangedRow(msgspec.Struct, frozen=True, kw_only=True):
    """The columns that differ, before and after."""

    key: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]


class ColumnChange(msgspec.Struct, frozen=True, kw_only=True):
    """A column's type (empty where there is no such column), and figures over all rows of both versions."""

    column: str
    type_before: str = ""
    type_after: str = ""
    nulls_before: int | None = None
    nulls_after: int | None = None
    least_before: Any = None
    least_after: Any = None
    most_before: Any = None
    most_after: Any = None
    mean_before: float | None = None
    mean_after: float | None = None


class VersionComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Rows are compared by the key; without a key a row is added or removed, never changed."""

    dataset: str
    before: int
    after: int
    key: list[str]
    rows_before: int
    rows_after: int
    added: int
    changed: int
    removed: int
    added_rows: list[dict[str, Any]]
    changed_rows: list[ChangedRow]
    removed_rows: list[dict[str, Any]]
    columns: list[ColumnChange]


class ListChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What has changed after version `since`, until version `until` (-1: the newest)."""

    dataset: str
    since: int
    until: int = -1
    limit: int = 1000
    token: str = ""


class RowChange(msgspec.Struct, frozen=True, kw_only=True):
    """`row` is the row after the change, `before` the one before it; a deleted row has none after, a new one none
    before."""

    version: int
    at: datetime
    change: Literal["insert", "update", "delete"]
    key: dict[str, Any]
    row: dict[str, Any] | None = None
    before: dict[str, Any] | None = None


class CompactDataset(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str


class CompactReport(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str
    version: int
    files_added: int
    files_removed: int


class VacuumDataset(msgspec.Struct, frozen=True, kw_only=True):
    """Versions younger than `older_than` stay, by the clock of the house, and files younger than `grace_hours` by
    that on the wall: they may belong to a write that has not ended."""

    dataset: str
    older_than: str = "30d"
    grace_hours: float = 24
    dry_run: bool = True


class KeptVersion(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    because: str


class VacuumReport(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str
    dry_run: bool
    files: int
    bytes: int
    kept: list[KeptVersion]
    gone: list[int]
    """Versions that can no longer be read."""


class DatasetRewritten(Event, frozen=True, kw_only=True):
    """Rows that were there before are others now, or gone. The subject is the dataset."""

    version: int
    operation: VersionOperation
