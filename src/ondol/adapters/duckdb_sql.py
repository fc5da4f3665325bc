"""SQL by DuckDB, in memory and locked: it reads the files of a statement's tables and reaches nothing else."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import duckdb
import msgspec
import polars as pl

from ondol.adapters.duckdb_text import at_as_name, quoted, shorthand, tables_of, text_of, words_of
from ondol.kernel.errors import Invalid, OndolError, Refused, TooLarge, Unavailable
from ondol.ports.sql_engine import SqlFiles, SqlStatement

_TYPES = {
    "String": "VARCHAR",
    "Boolean": "BOOLEAN",
    "Int8": "TINYINT",
    "Int16": "SMALLINT",
    "Int32": "INTEGER",
    "Int64": "BIGINT",
    "Float32": "REAL",
    "Float64": "DOUBLE",
    "Date": "DATE",
    "Binary": "BLOB",
    "Datetime(time_unit='us', time_zone='UTC')": "TIMESTAMPTZ",
    "Datetime(time_unit='us', time_zone=None)": "TIMESTAMP",
}
# What has no value of its own in JSON, or none that Polars can take, is told as text.
_AS_TEXT = ("interval", "bit", "time with time zone", "union", "blob", "map", "bignum", "varint", "geometry", "variant")
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "temp_directory": "",
}


class _Stream:
    """Nothing but an Arrow stream, so that either side reads it without pyarrow and without another look at it."""

    def __init__(self, source: pl.DataFrame | duckdb.DuckDBPyRelation) -> None:
        self._source = source

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._source.__arrow_c_stream__(requested_schema)


class DuckdbSql:
    """The `SqlEngine` port. Every statement gets a database of its own in memory."""

    def __init__(self, *, memory: str = "1GB", threads: int = 2, seconds: float = 60) -> None:
        self._settings = _SETTINGS | {"memory_limit": memory, "threads": str(threads)}
        self._seconds = seconds

    def parse(self, text: str) -> SqlStatement:
        written = shorthand(text)
        with duckdb.connect(":memory:", config=self._settings) as connection:
            found = connection.execute("SELECT json_serialize_sql(?)", [written]).fetchone()
        tree: dict[str, Any] = msgspec.json.decode(found[0]) if found else {}
        if tree.get("error"):
            raise _not_read(text, tree)
        statements = tree["statements"]
        if len(statements) != 1:
            raise Invalid(f"Send one statement; these are {len(statements)}.")
        for name, node in tables_of(statements[0]):
            if name.catalog:
                raise Invalid(f"{name.catalog}.{name.schema}.{name.name} names three things; write schema.table.")
            written = at_as_name(written, name, node)
        tables = [name.table for name, _ in tables_of(statements[0])]
        return SqlStatement(text=written, tables=tables, columns=words_of(statements[0]))

    def run(
        self,
        statement: SqlStatement,
        tables: Mapping[tuple[str, str], SqlFiles | pl.DataFrame],
        *,
        limit: int,
        now: datetime,
    ) -> pl.DataFrame:
        ended = threading.Event()
        with duckdb.connect(":memory:", config=self._settings) as connection:
            _lock(connection, [given.files for given in tables.values() if isinstance(given, SqlFiles)])
            for place, given in tables.items():
                _hand(connection, place, given)
            for line in _clock(now):
                connection.execute(line)
            connection.execute("SET lock_configuration = true")
            watch = threading.Timer(self._seconds, _end, (connection, ended))
            watch.daemon = True
            watch.start()
            try:
                return _rows(connection, statement.text, limit)
            except duckdb.Error as error:
                raise _said(statement.text, error, self._seconds if ended.is_set() else 0) from error
            finally:
                watch.cancel()


def _end(connection: duckdb.DuckDBPyConnection, ended: threading.Event) -> None:
    ended.set()
    connection.interrupt()


def _lock(connection: duckdb.DuckDBPyConnection, files: list[Any]) -> None:
    paths = ", ".join(text_of(path) for each in files for path in each.paths)
    for line in (
        "SET TimeZone = 'UTC'",
        "SET errors_as_json = true",
        f"SET allowed_paths = [{paths}]",
        "SET enable_external_access = false",
    ):
        connection.execute(line)


def _clock(now: datetime) -> Iterator[str]:
    """The clock of the house under the names that SQL has for it."""
    moment = f"TIMESTAMPTZ {text_of(now.isoformat())}"
    for name in ("get_current_timestamp", "now", "transaction_timestamp"):
        yield f"CREATE OR REPLACE MACRO {name}() AS {moment}"
    for name in ("current_date", "today"):
        yield f"CREATE OR REPLACE MACRO {name}() AS ({moment})::DATE"


def _hand(connection: duckdb.DuckDBPyConnection, place: tuple[str, str], given: SqlFiles | pl.DataFrame) -> None:
    schema, name = place
    if schema:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
    where = f"{quoted(schema or 'main')}.{quoted(name)}"
    if isinstance(given, SqlFiles):
        connection.execute(f"CREATE VIEW {where} AS {_select(given)}")
        return
    held = f"__frame{abs(hash(place))}"
    connection.register(held, _Stream(given))
    connection.execute(f"CREATE TABLE {where} AS SELECT * FROM {quoted(held)}")  # noqa: S608 - our own names
    connection.unregister(held)


def _select(given: SqlFiles) -> str:
    """The wanted columns with their types; an empty relation of all of them stands first, so that a column which
    came later is null in older files, and one that is in no file at all is null everywhere."""
    typed = {name: kind for name, dtype in given.columns.items() if (kind := _TYPES.get(dtype))}
    wanted = ", ".join(quoted(name) for name in given.columns)
    nothing = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in typed.items())
    if not given.files.paths:
        return f"SELECT {nothing} WHERE false"
    paths = ", ".join(text_of(path) for path in given.files.paths)
    options = "union_by_name = true, hive_partitioning = false"
    if given.files.partitions:
        kinds = {name: _TYPES.get(given.files.columns[name], "VARCHAR") for name in given.files.partitions}
        types = ", ".join(f"{text_of(name)}: {kind}" for name, kind in kinds.items())
        options = f"union_by_name = true, hive_partitioning = true, hive_types = {{{types}}}"
    rows = f"SELECT * FROM read_parquet([{paths}], {options})"  # noqa: S608 - quoted
    return f"SELECT {wanted} FROM (SELECT {nothing} WHERE false UNION ALL BY NAME {rows})"  # noqa: S608 - quoted


def _rows(connection: duckdb.DuckDBPyConnection, text: str, limit: int) -> pl.DataFrame:
    try:
        found = connection.sql(text).limit(limit)
    except (duckdb.BinderException, duckdb.CatalogException):
        # Asked this way, the error tells its place.
        connection.execute(text)
        raise
    kinds = [str(kind).lower() for kind in found.types]
    if any(kind.startswith(_AS_TEXT) for kind in kinds):
        places = [f"CAST(#{n} AS VARCHAR)" if kind.startswith(_AS_TEXT) else f"#{n}" for n, kind in enumerate(kinds, 1)]
        named = zip(places, found.columns, strict=True)
        found = found.project(", ".join(f"{place} AS {quoted(name)}" for place, name in named))
    return _numbers(pl.DataFrame(_Stream(found)))


def _numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """Sums of integers are integers again; other decimals are doubles."""
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Decimal):
            try:
                frame = frame.with_columns(pl.col(name).cast(pl.Int64 if dtype.scale == 0 else pl.Float64))
            except pl.exceptions.PolarsError:
                frame = frame.with_columns(pl.col(name).cast(pl.Float64))
    return frame


def _not_read(text: str, tree: dict[str, Any]) -> OndolError:
    if tree.get("error_type") == "not implemented":
        word = (re.findall(r"[A-Za-z]+", text) or ["This"])[0].upper()
        return Refused(f"{word} is not allowed: SQL only reads here.", hint="Send one SELECT.")
    return _placed(text, str(tree.get("error_message", "")), tree.get("location"))


def _said(text: str, error: duckdb.Error, seconds: float) -> OndolError:
    if seconds:
        return Unavailable(f"The statement took longer than {seconds:g} s.", hint="Ask for fewer rows, or for a part.")
    kind, _, rest = str(error).partition(": ")
    try:
        told = msgspec.json.decode(rest)
    except msgspec.DecodeError:
        told = {"exception_message": rest or kind}
    message = str(told.get("exception_message", kind))
    if isinstance(error, duckdb.OutOfMemoryException):
        return TooLarge("The statement needs more memory than it may have.", hint="Ask for fewer rows or columns.")
    if isinstance(error, duckdb.PermissionException):
        return Refused(f"{message}.", hint="SQL reads datasets; declare one with the file as its source.")
    return _placed(text, message, told.get("location"))


def _placed(text: str, message: str, location: str | None) -> Invalid:
    """`location` is `[first byte,length]` of what is wrong."""
    said = " ".join(message.split("\n")).rstrip(".:")
    if not location:
        return Invalid(f"{said}.")
    offset, _, length = location.strip("[]").partition(",")
    before = text.encode()[: int(offset)].decode(errors="ignore")
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    details = {"line": line, "column": column, "length": int(length or 1)}
    return Invalid(f"{said} (line {line}, column {column}).", details=details)
