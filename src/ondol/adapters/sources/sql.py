"""Tables of SQL databases, read in the order of a watermark and a key."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import sqlalchemy as sa

from ondol.adapters.sources.secrets import resolved
from ondol.kernel.errors import Invalid, NotFound, Refused, Unavailable
from ondol.kernel.spans import parse_duration
from ondol.ports.sources import Piece, SourceRequest

ROWS_AT_ONCE = 20_000
TIES_REMEMBERED = 50_000
"""With more rows of one watermark than this, their keys must grow in the order in which they are added."""
_CONNECT_SECONDS = 10
# The addresses people know, by the driver that we test.
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
_PIP = {"psycopg": "pip install 'ondol[postgres]'", "pymysql": "pip install 'ondol[mysql]'"}


def read(request: SourceRequest) -> Iterator[Piece]:
    """Rows from the watermark of the position on, `ROWS_AT_ONCE` a piece, in the order of (watermark, key).

    The key makes the order total, so rows that share a watermark are neither lost nor repeated between two pieces.
    Between two looks somebody may add rows with the watermark that was read last, and any key: those rows are looked
    through again, and the ones that were read (the position has hashes of their keys) are dropped.
    """
    how, where = request.how, _place(request.how)
    engine = _engine(request)
    try:
        with _told(where), engine.connect() as connection:
            table = _table(connection, how["table"], where)
            order = _order(table, request, where)
            _check_watermark(connection, table, how["watermark"], where)
            reader = _Reader(order, bool(how["watermark"]), request.position)
            while True:
                rows = connection.execute(_query(table, reader.where(), order, request)).all()
                connection.rollback()  # A reader must not hold back what others write between two pieces.
                if new := reader.take(rows):
                    yield Piece(
                        rows=_objects([column.name for column in table.c], new),
                        position=reader.position(),
                        origin=f"{where} up to {reader.words()}",
                    )
                if len(rows) < ROWS_AT_ONCE:
                    return
    finally:
        engine.dispose()


class _Reader:
    """How far a table has been read."""

    def __init__(self, order: list[sa.Column[Any]], watermarked: bool, position: dict[str, Any]) -> None:
        self._order = order
        self._places = [list(order[0].table.c).index(column) for column in order]
        self._watermarked = watermarked
        self._last: list[Any] = _decoded(position)
        self._again = bool(self._last) and "tied" in position
        """Whether the rows with the last watermark are looked through again."""
        self._read_at = self._last[0] if self._again else None
        self._read_before = frozenset(position.get("tied", []))
        self._tied: set[str] | None = set(self._read_before) if watermarked and (self._again or not position) else None

    def where(self) -> sa.ColumnElement[bool] | None:
        if not self._last:
            return None
        return self._order[0] >= self._last[0] if self._again else _after(self._order, self._last)

    def take(self, rows: Sequence[sa.Row[Any]]) -> list[sa.Row[Any]]:
        """Those that were not read before; all of them count as read now."""
        if not rows:
            return []
        first = self._places[0]
        new = [row for row in rows if row[first] != self._read_at or self._mark(row) not in self._read_before]
        before, self._last, self._again = self._last, [rows[-1][place] for place in self._places], False
        if self._watermarked:
            tied = {self._mark(row) for row in rows if row[first] == self._last[0]}
            if not before or before[0] != self._last[0]:
                self._tied = tied
            elif self._tied is not None:
                self._tied |= tied
            if self._tied is not None and len(self._tied) > TIES_REMEMBERED:
                self._tied = None
        return new

    def _mark(self, row: sa.Row[Any]) -> str:
        key = _encoded([row[place] for place in self._places[1:]])
        return hashlib.sha256(msgspec.json.encode(key)).hexdigest()[:16]

    def position(self) -> dict[str, Any]:
        tied = {"tied": sorted(self._tied)} if self._tied is not None and self._watermarked else {}
        return {"after": _encoded(self._last), **tied}

    def words(self) -> str:
        return ", ".join(f"{column.name} {value}" for column, value in zip(self._order, self._last, strict=True))


def _place(how: dict[str, Any]) -> str:
    """Scheme, host and table; never a user or a password."""
    url = how["url"]
    if url.startswith("env:"):
        return f"{url} {how['table']}"
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split('[?#]', rest.rpartition('@')[2])[0]} {how['table']}"


def _engine(request: SourceRequest) -> sa.Engine:
    address = resolved(request.how["url"], "source.url", quote=not request.how["url"].startswith("env:"))
    where = _place(request.how)
    try:
        url = sa.make_url(address)
    except sa.exc.ArgumentError as error:
        raise Invalid(f"{where}: this is no address of a database.", hint="postgresql://reader@host/name") from error
    url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
    if url.get_backend_name() == "sqlite":
        url = url.set(database=_below(request.root, url.database or ""))
    try:
        return sa.create_engine(url, poolclass=sa.NullPool, connect_args=_patience(url))
    except (ModuleNotFoundError, sa.exc.NoSuchModuleError) as error:
        driver = getattr(error, "name", "") or url.drivername
        raise Invalid(
            f"{where}: the driver {driver} is not installed.", hint=_PIP.get(driver, f"pip install {driver}")
        ) from error


def _patience(url: sa.URL) -> dict[str, Any]:
    return {"connect_timeout": _CONNECT_SECONDS} if url.get_driver_name() in ("psycopg", "pymysql") else {}


def _below(root: str, database: str) -> str:
    """The SQLite file below the project's folder; a file that is not there must not come into being."""
    home = Path(root).resolve()
    file = (home / database).resolve()
    if not root or not file.is_relative_to(home):
        raise Invalid(f"source.url: {database!r} must lie below the project's folder.", hint="sqlite:///data/shop.db")
    if not file.is_file():
        raise NotFound(f"There is no database {database!r} below {root}.", hint="Look at `source.url` of the dataset.")
    return str(file)


def _table(connection: sa.Connection, name: str, where: str) -> sa.Table:
    schema, _, table = name.rpartition(".")
    try:
        found = sa.Table(table, sa.MetaData(), schema=schema or None, autoload_with=connection, resolve_fks=False)
    except sa.exc.NoSuchTableError as error:
        raise NotFound(f"{where}: there is no such table.", hint="Look at `source.table` of the dataset.") from error
    if connection.dialect.name == "sqlite":
        # Its columns hold what was put in, whatever they are declared as: taken as it stands, and ordered as it is.
        for column in found.c:
            column.type = sa.types.NullType()
    return found


def _order(table: sa.Table, request: SourceRequest, where: str) -> list[sa.Column[Any]]:
    watermark = request.how["watermark"]
    names = [name for name in dict.fromkeys([watermark, *request.key]) if name]
    for name in names:
        if name not in table.c:
            raise Invalid(
                f"{where}: it has no column {name!r}, and is read in the order of {', '.join(names)}.",
                hint=f"It has {', '.join(table.c.keys())}.",
            )
    return [table.c[name] for name in names]


def _check_watermark(connection: sa.Connection, table: sa.Table, watermark: str, where: str) -> None:
    """A row without a watermark would never be read, and nobody would know."""
    if watermark and table.c[watermark].nullable:
        missing = sa.select(table.c[watermark].is_(None)).where(table.c[watermark].is_(None)).limit(1)
        if connection.execute(missing).first():
            raise Refused(
                f"{where}: there are rows without {watermark}; they would never be read.",
                hint="Give them a value (and make the column NOT NULL), or declare the source without `watermark`.",
            )


def _query(
    table: sa.Table, where: sa.ColumnElement[bool] | None, order: list[sa.Column[Any]], request: SourceRequest
) -> sa.Select[Any]:
    query = sa.select(table).order_by(*order).limit(ROWS_AT_ONCE)
    if where is not None:
        query = query.where(where)
    if request.how["lag"]:
        until = request.now - parse_duration(request.how["lag"])
        query = query.where(order[0] <= _moment(order[0], until.astimezone(UTC)))
    return query


def _moment(column: sa.Column[Any], moment: datetime) -> datetime | str:
    """As the column holds moments: with a zone, without one (then UTC), or as text."""
    if isinstance(column.type, sa.types.NullType):
        return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
    return moment if getattr(column.type, "timezone", False) else moment.replace(tzinfo=None)


def _after(order: Sequence[sa.Column[Any]], position: Sequence[Any]) -> sa.ColumnElement[bool]:
    """(a, b) > (x, y), written so that every database uses its index: a > x or (a = x and b > y)."""
    first: sa.ColumnElement[Any] = order[0]
    value = position[0]
    later: sa.ColumnElement[bool] = first > value
    if len(order) == 1:
        return later
    return sa.and_(first >= value, sa.or_(later, _after(order[1:], position[1:])))


def _objects(names: list[str], rows: Sequence[sa.Row[Any]]) -> list[dict[str, Any]]:
    found = [dict(zip(names, row, strict=True)) for row in rows]
    for place, name in enumerate(names):
        if not {type(row[place]) for row in rows} <= _JSON_TYPES:
            for each in found:
                each[name] = _plain(each[name])
    return found


_JSON_TYPES = {str, int, float, bool, type(None), datetime, date}


def _plain(value: Any) -> Any:
    """What JSON has, so that bronze holds what a person would have written."""
    if isinstance(value, Decimal | UUID | time):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    return value


_CODES: dict[str, Any] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "Decimal": Decimal,
    "UUID": UUID,
    "bytes": base64.b64decode,
}


def _encoded(values: list[Any]) -> list[Any]:
    """Exactly, with its type: a moment must come back with every microsecond."""
    made: list[Any] = []
    for value in values:
        kind = type(value).__name__
        if isinstance(value, bytes):
            made.append([kind, base64.b64encode(value).decode()])
        elif isinstance(value, datetime | date):
            made.append([kind, value.isoformat()])
        elif kind in _CODES:
            made.append([kind, str(value)])
        elif isinstance(value, int | float | str):
            made.append(value)
        else:
            raise Invalid(f"A source cannot be read in the order of a {kind}.", hint="Take a number, a text or a time.")
    return made


def _decoded(position: dict[str, Any]) -> list[Any]:
    return [_CODES[each[0]](each[1]) if isinstance(each, list) else each for each in position.get("after", [])]


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Errors of the database in the words of the house; its messages may hold what was sent, so only their kind."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError) as error:
        kind = type(error.orig).__name__ if error.orig else type(error).__name__
        raise Unavailable(
            f"{where} cannot be read now: {kind}.", hint="Is it up, and may this user read it? The next look goes on."
        ) from error
    except sa.exc.SQLAlchemyError as error:
        raise Refused(
            f"{where}: the database refuses to be read so: {type(error).__name__}.",
            hint="May this user read the table, and are watermark and key of types that can be compared?",
        ) from error
    except (TypeError, ValueError, OverflowError) as error:
        raise Refused(
            f"{where}: a value is not what its column says: {type(error).__name__}.", hint="Mend it at the source."
        ) from error
    except ModuleNotFoundError as error:
        name = error.name or ""
        raise Invalid(f"{where}: {name} is not installed.", hint=_PIP.get(name, f"pip install {name}")) from error
