"""Tables: versioned tables of the lake (Delta), with Polars frames at the edge."""

from __future__ import annotations

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

    def overwrite(self, table: str, frame: pl.DataFrame, *, partition_by: list[str] | None = None) -> int: ...

    def scan(self, table: str, *, version: int | None = None) -> pl.LazyFrame:
        """The rows of a version (the newest by default), lazily; `NotFound` names table and version."""

    def version(self, table: str) -> int:
        """The newest version; `NotFound` when there is no table."""

    def history(self, table: str, limit: int = 50) -> list[TableVersion]:
        """Newest first."""

    def files(self, table: str, *, version: int) -> TableFiles | None:
        """For engines that read files themselves; None when the files alone do not tell the rows (deletion vectors,
        mapped columns), or lie elsewhere."""

    def schema(self, table: str) -> dict[str, str]:
        """Column name to the name of its type."""

    def compact(self, table: str) -> dict[str, Any]:
        """Join small files; readers of older versions are not disturbed."""
