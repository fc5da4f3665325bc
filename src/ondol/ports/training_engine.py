"""TrainingEngine: where a training set is joined that is too large for this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec


class EngineTable(msgspec.Struct, frozen=True, kw_only=True):
    """Parquet files of which each has the columns, with the lake's types, or leaves them null."""

    files: list[str]
    columns: dict[str, str]


class EngineJob(msgspec.Struct, frozen=True, kw_only=True):
    """A statement over tables by their names. Its rows go to `folder` as Parquet files that are read in the order
    of their names."""

    statement: str
    tables: Mapping[str, EngineTable]
    folder: str


class TrainingEngine(Protocol):
    """Runs statements on files that it reads itself. It sees the house's files where the house sees them."""

    name: str
    dialect: str
    """In which `warehouse.dialects` writes for it."""

    def run(self, jobs: Sequence[EngineJob]) -> None:
        """`Unavailable` when the engine is not here or fails; the message says why."""
