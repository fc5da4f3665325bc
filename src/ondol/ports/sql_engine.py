"""SqlEngine: one SELECT over tables that it is handed, and over nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import msgspec

from ondol.ports.tables import TableFiles

if TYPE_CHECKING:
    import polars as pl


class SqlTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table as a statement names it. `version` and `at` (a moment as it was written) are what `name@12`,
    `name AT (VERSION => 12)` and `AT (TIMESTAMP => '...')` say; `place` is the name the engine knows it by."""

    schema: str
    name: str
    version: int | None = None
    at: str = ""
    place: tuple[str, str]
    maybe: bool = False
    """A common table expression has this name too: it may well be no stored table."""


class SqlStatement(msgspec.Struct, frozen=True, kw_only=True):
    """`columns` are all the words that name columns; None: all columns of all tables may be wanted."""

    text: str
    tables: list[SqlTable]
    columns: frozenset[str] | None


class SqlFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Files, and the columns that are wanted of them, each with its type as Polars calls it; those in no file are
    null."""

    files: TableFiles
    columns: dict[str, str]


class SqlEngine(Protocol):
    """Errors are `Invalid` (its details carry `line` and `column`, from 1, where the engine knows the place) or
    `Refused`. A statement reads what it is handed: no file, no address, no setting can be reached by it."""

    def parse(self, text: str) -> SqlStatement:
        """The one SELECT in `text` and the tables that it names."""

    def run(
        self,
        statement: SqlStatement,
        tables: Mapping[tuple[str, str], SqlFiles | pl.DataFrame],
        *,
        limit: int,
        now: datetime,
    ) -> pl.DataFrame:
        """At most `limit` rows; `tables` by their places. `TooLarge` and `Unavailable` tell that memory or time
        ran out."""
