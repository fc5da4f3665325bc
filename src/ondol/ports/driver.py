"""The driver's own SQL, for statements that run thousands of times a second.

A statement through SQLAlchemy's Core costs 40 to 150 us, through here 5 to 10. Texts use `?` for values and must mean
the same to SQLite and Postgres; what is asked once a page or less often is written with Core.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa


def rows(connection: sa.Connection, text: str, *values: Any) -> list[Any]:
    """The rows of a query, as tuples."""
    return _execute(connection, text, values).fetchall()  # type: ignore[no-any-return]


def stream(connection: sa.Connection, text: str, *values: Any) -> Iterator[Any]:
    """The same one by one; cheaper for thousands of them, because none waits for the others in memory."""
    found: Iterator[Any] = _execute(connection, text, values)
    return found


def stream_in(connection: sa.Connection, text: str, numbers: Sequence[int], order: str = "1") -> Iterator[Any]:
    """The rows of a query that ends with `IN`, ordered by these columns."""
    if not numbers:
        return iter(())
    if connection.dialect.name == "postgresql":
        # One text for all lists, so that it is parsed and planned once.
        asked = text.rstrip().removesuffix("IN")
        return stream(connection, f"{asked} = ANY(?::bigint[]) ORDER BY {order}", list(numbers))
    # Written out: SQLite limits how many values a statement takes.
    return stream(connection, f"{text} ({','.join([str(int(number)) for number in numbers])}) ORDER BY {order}")


def run(connection: sa.Connection, text: str, *values: Any) -> int:
    """Run a statement; how many rows it touched."""
    return int(_execute(connection, text, values).rowcount)


def run_many(connection: sa.Connection, text: str, values: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement once for each tuple of values."""
    if len(values) == 1:
        _execute(connection, text, values[0])
    elif values:
        said = _in_dialect(connection, text)
        try:
            connection.connection.cursor().executemany(said, values)
        except connection.dialect.loaded_dbapi.Error as error:
            raise _translated(connection, said, error) from error


def _execute(connection: sa.Connection, text: str, values: Sequence[Any]) -> Any:
    said = _in_dialect(connection, text)
    driver: Any = connection.connection.driver_connection
    try:
        return driver.execute(said, values)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _translated(connection, said, error) from error


def _in_dialect(connection: sa.Connection, text: str) -> str:
    return text if connection.dialect.paramstyle == "qmark" else text.replace("?", "%s")


def _translated(connection: sa.Connection, text: str, error: Exception) -> BaseException:
    """The error as SQLAlchemy would raise it, so that the Db port knows a lost database when it sees one."""
    dialect = connection.dialect
    raw: Any = connection.connection.driver_connection
    lost = dialect.is_disconnect(error, raw, None)  # type: ignore[arg-type]
    return sa.exc.DBAPIError.instance(
        text, None, error, dialect.loaded_dbapi.Error, connection_invalidated=lost, dialect=dialect
    )


def listed(name: str) -> sa.BindParameter[Any]:
    """A list of our own integers inside an IN, written out: databases limit how many parameters a statement has."""
    return sa.bindparam(name, expanding=True, literal_execute=True, type_=sa.BigInteger)


def insert(connection: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that may say what happens on a conflict; only the dialect that is used is loaded."""
    return importlib.import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert(table)
