"""Training sets by DuckDB on this machine: it writes to the disk what does not fit into memory."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl

import duckdb

from ondol.adapters.duckdb_text import quoted
from ondol.kernel.errors import Unavailable
from ondol.ports.training_engine import EngineJob, EngineTable

_TYPES = {
    "string": "VARCHAR", "integer": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN", "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
}  # fmt: skip
_SETTINGS = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


class DuckdbEngine:
    """The `TrainingEngine` port. `settings` are DuckDB's, as `memory_limit=4GB&threads=2`."""

    name = "duckdb"
    dialect = "duckdb"

    def __init__(self, settings: str, scratch: Path) -> None:
        self._settings: dict[str, str | bool | int | float | list[str]] = {}
        self._settings |= _SETTINGS | dict(parse_qsl(settings))
        self._scratch = scratch

    def run(self, jobs: Sequence[EngineJob]) -> None:
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch, ignore_cleanup_errors=True) as spilled:
            try:
                with duckdb.connect(":memory:", config=self._settings | {"temp_directory": spilled}) as connection:
                    connection.execute("SET TimeZone = 'UTC'")
                    for job in jobs:
                        _run(connection, job)
            except duckdb.Error as error:
                raise Unavailable(f"DuckDB failed: {str(error).splitlines()[0]}") from error


def _run(connection: duckdb.DuckDBPyConnection, job: EngineJob) -> None:
    for name, table in job.tables.items():
        connection.execute(f"CREATE OR REPLACE VIEW {quoted(name)} AS {_rows(connection, table)}")
    Path(job.folder).mkdir(parents=True, exist_ok=True)
    rows = Path(job.folder, "rows.parquet")
    connection.execute(f"COPY ({job.statement}) TO {_text(str(rows))} (FORMAT parquet)")


def _rows(connection: duckdb.DuckDBPyConnection, table: EngineTable) -> str:
    if not table.files:
        nothing = ", ".join(f"CAST(NULL AS {_TYPES[kind]}) AS {quoted(name)}" for name, kind in table.columns.items())
        return f"SELECT {nothing} WHERE FALSE"
    files = ", ".join(map(_text, table.files))
    source = f"read_parquet([{files}], union_by_name = true, hive_partitioning = false)"
    there = connection.sql(f"FROM {source}").columns
    columns = ", ".join(
        f"CAST({quoted(name) if name in there else 'NULL'} AS {_TYPES[kind]}) AS {quoted(name)}"
        for name, kind in table.columns.items()
    )
    return f"FROM {source} SELECT {columns}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
