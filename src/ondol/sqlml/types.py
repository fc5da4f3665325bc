"""SQL over the lake, and models inside SQL."""

from __future__ import annotations

from typing import Any

import msgspec


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One SELECT over datasets (silver by their names, `bronze.flights` ...), training sets and
    `ML.PREDICT(MODEL name, TABLE name | (query))`, `ML.EVALUATE(MODEL name, ...)`."""

    sql: str
    limit: int = 1000


class QueryResult(msgspec.Struct, frozen=True, kw_only=True):
    columns: dict[str, str]
    rows: list[list[Any]]
    truncated: bool
    tables: dict[str, int]
    """The table versions that were read."""
