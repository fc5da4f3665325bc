"""Tables: versioned tables of the lake (Delta), with Polars frames at the edge."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    import polars as pl


class TableVersion(msgspec.Struct, frozen=True, kw_only=True):
    table: str
    version: int
    rows: int
    """Rows added by this version; for an overwrite, rows in it."""
    at: datetime
    operation: str


class TableFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The Parquet files on this machine whose rows are exactly those of a version. `columns` are the version's
    columns with their types as Polars calls them; values of `partitions` stand in the paths (`month=5/`) instead of
    the files; a column that came later is missing in older files."""

    paths: list[str]
    columns: dict[str, str]
    partitions: list[str]


class Tables(Protocol):
    """Tables have names like `silver/flights`. Reading sees one version.

    Writers of several processes retry against each other and lose nothing. The
    published suite is `ondol.testing.tables`.
    """

    def exists(self, table: str) -> bool: ...

    def append(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        key: str = "",
        partition_by: list[str] | None = None,
        evolve: bool = False,
    ) -> int:
        """Add rows; the version after it.

        `key` makes it idempotent: a key that was appended before appends nothing
        and answers the version of then. Types are never narrowed silently:
        `Refused` names the column, unless it is new and `evolve` is set.
        """

    def overwrite(
        self, table: str, frame: pl.DataFrame, *, key: str = "", partition_by: list[str] | None = None
    ) -> int:
        """Put these rows in the place of all rows; columns and types may be others."""

    def replace(
        self,
        table: str,
        frame: pl.DataFrame,
        *,
        where: Mapping[str, Sequence[int | str]],
        key: str = "",
        evolve: bool = False,
    ) -> int:
        """Put these rows in the place of those whose partition columns have these values.

        `Refused` when a row lies outside, `Invalid` for columns that the table is not
        partitioned by, `NotFound` when there is no table.
        """

    def merge(self, table: str, frame: pl.DataFrame, *, on: list[str], key: str = "", evolve: bool = False) -> int:
        """Put each row in the place of the row with the same values in `on` (never null), or beside the others."""

    def scan(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        """The rows of a version (the newest by default), lazily; `NotFound` names table and version.

        `Refused` when the table uses a feature under which values would be read wrongly.
        """

    def count(self, table: str, *, version: int | None = None) -> int:
        """The rows of a version, without those that were deleted."""

    def difference(self, table: str, before: int, after: int) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        """Rows that only `before` may have, and rows that only `after` may have.

        A row that both have may be in both, never in one alone; most of them are in neither.
        """

    def restore(self, table: str, version: int) -> int:
        """A new version with the rows and columns of an older one."""

    def version(self, table: str) -> int:
        """The newest version; `NotFound` when there is no table."""

    def history(self, table: str, limit: int = 50) -> list[TableVersion]:
        """Newest first."""

    def files(self, table: str, *, version: int) -> TableFiles | None:
        """For engines that read files themselves; None when the files alone do not tell the rows (deletion vectors,
        mapped columns), or lie elsewhere."""

    def schema(self, table: str, *, version: int | None = None) -> dict[str, str]:
        """Column name to the name of its type."""

    def compact(self, table: str) -> dict[str, Any]:
        """Join small files; readers of older versions are not disturbed."""

    def vacuum(
        self, table: str, *, keep: Collection[int], grace_hours: float = 24, dry_run: bool = True
    ) -> dict[str, Any]:
        """Delete files that neither the newest version nor those in `keep` need, and that are older than
        `grace_hours`: younger ones may belong to a write that is not committed yet.

        `{"files": n, "bytes": n, "kept_files": n, "gone": versions}`: those that cannot be read afterwards.
        """
