"""SQL over the lake, and models inside SQL."""

from __future__ import annotations

from typing import Any

import msgspec


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One SELECT over datasets (silver by their names, `bronze.flights` ...), training sets, request logs
    (`log."flight-delay"`), the records of the house (`house.runs` ...) and `ML.PREDICT(MODEL name, TABLE name |
    (query))`, `ML.EVALUATE(MODEL name, ...)`.

    `flights@12` and `flights AT (VERSION => 12)` read that version, `flights@2013-05-01` and
    `flights AT (TIMESTAMP => '2013-05-01')` the one of that moment.
    """

    sql: str
    limit: int = 1000


class ExportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The same as a file; `limit` may be larger."""

    sql: str
    limit: int = 1_000_000


class QueryResult(msgspec.Struct, frozen=True, kw_only=True):
    columns: dict[str, str]
    rows: list[list[Any]]
    truncated: bool
    tables: dict[str, int]
    """The table versions that were read."""
    engine: str = "polars"
    """`duckdb` where it is installed; without it SQL knows less."""
    seconds: float = 0.0


class ListSqlTables(msgspec.Struct, frozen=True, kw_only=True):
    pass


class SqlTableInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A table that SQL can read, under the name it has there."""

    name: str
    kind: str
    """dataset, bronze, training set, log, house"""
    columns: dict[str, str]
    description: str = ""
    version: int = -1
