"""SQL over datasets, training sets, logs, the records of the house, and models. Only reads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from ondol.evals import service as evals
from ondol.features import service as features
from ondol.features.types import ListServices, ListTrainingSets
from ondol.kernel.content import Content
from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lake import service as lake
from ondol.lake.types import ListDatasets
from ondol.ports.sql_engine import SqlEngine, SqlFiles, SqlTable
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.registry.types import FindVersion
from ondol.sqlml.rules import calls, statement
from ondol.sqlml.service import records, tables
from ondol.sqlml.types import ExportQuery, ListSqlTables, Query, QueryResult, SqlTableInfo

if TYPE_CHECKING:
    import polars as pl
    from sqlglot import expressions as exp
else:
    pl = lazy("polars")

ROW_LIMIT = 10_000
EXPORT_LIMIT = 1_000_000
_INNER_LIMIT = 10_000_000


@operation("sql.query", "POST", "/v1/sql", scope="read", long=True)
def query(tools: Tools, request: Query) -> QueryResult:
    """Run one SELECT over datasets and training sets, with `ML.PREDICT` and `ML.EVALUATE` in it."""
    _check_limit(request.limit, ROW_LIMIT)
    read: dict[str, int] = {}
    began = time.perf_counter()
    frame = _answered(tools, request.sql, read, "__ml", request.limit + 1)
    shown = frame.head(request.limit)
    return QueryResult(
        columns={name: statement.word_of(dtype) for name, dtype in shown.schema.items()},
        rows=[[_told(value) for value in row] for row in shown.iter_rows()],
        truncated=frame.height > request.limit,
        tables=read,
        engine="polars" if tools.sql is None else "duckdb",
        seconds=round(time.perf_counter() - began, 4),
    )


@operation("sql.export", "POST", "/v1/sql/csv", scope="read", long=True)
def export(tools: Tools, request: ExportQuery) -> Content:
    """The rows of one SELECT as CSV."""
    _check_limit(request.limit, EXPORT_LIMIT)
    frame = _answered(tools, request.sql, {}, "__ml", request.limit)
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    flat = frame.with_columns(
        pl.Series(name, [msgspec.json.encode(value).decode() for value in frame[name].to_list()]) for name in nested
    )
    return Content(name="result.csv", media_type="text/csv", body=flat.write_csv().encode())


@operation("sql.tables", "GET", "/v1/sql/tables", scope="read", long=True)
def list_tables(tools: Tools, request: ListSqlTables) -> list[SqlTableInfo]:
    """What SQL can read, and under which names."""
    with tools.transaction(write=False) as inner:
        datasets = lake.list_datasets(inner, ListDatasets())
        services = features.list_services(inner, ListServices())
        newest = [features.list_training_sets(inner, ListTrainingSets(service=each.name, limit=1)) for each in services]
    found = [
        SqlTableInfo(
            name=each.name,
            kind="dataset",
            columns=dict(each.spec.columns),
            description=each.spec.description,
            version=each.version,
        )
        for each in datasets
    ]
    found += [
        SqlTableInfo(
            name=f"training.{made.service}",
            kind="training set",
            columns=_columns(tools, made.table, made.table_version),
            description=f"{made.rows:,} rows until {made.until:%Y-%m-%d}",
            version=made.table_version,
        )
        for sets in newest
        for made in sets
    ]
    if tools.sql is not None:
        found += records.infos()
    return found


def _columns(tools: Tools, table: str, version: int) -> dict[str, str]:
    schema = tools.tables.scan(table, version=version).collect_schema()
    return {name: statement.word_of(dtype) for name, dtype in schema.items()}


def _check_limit(limit: int, most: int) -> None:
    if not 1 <= limit <= most:
        raise Invalid(f"limit is {limit}; it may be 1 to {most}.")


def _told(value: Any) -> Any:
    """As JSON has it: bytes and durations as text."""
    return str(value) if isinstance(value, bytes) or type(value).__name__ == "timedelta" else value


def _answered(tools: Tools, text: str, read: dict[str, int], prefix: str, limit: int) -> pl.DataFrame:
    """The first rows of a statement; `read` collects the versions of the tables it names."""
    if tools.sql is not None:
        return _by_engine(tools, tools.sql, text, read, prefix, limit)
    return _collected(_frame(tools, text, read, prefix).head(limit))


def _by_engine(
    tools: Tools, engine: SqlEngine, text: str, read: dict[str, int], prefix: str, limit: int
) -> pl.DataFrame:
    plain, found = calls.cut_calls(text, prefix) if "ml" in text.lower() else (text, [])
    said = engine.parse(plain)
    answers = {call.placeholder: call for call in found}
    mine = [table for table in said.tables if not table.schema and table.name in answers]
    others = [table for table in said.tables if table not in mine]
    given = _stored(tools, others, said.columns, read)
    for table in mine:
        given[table.place] = _answer(tools, answers[table.name], read)
    return engine.run(said, given, limit=limit, now=tools.now())


def _stored(
    tools: Tools, named: list[SqlTable], columns: frozenset[str] | None, read: dict[str, int]
) -> dict[tuple[str, str], SqlFiles | pl.DataFrame]:
    """Every version is chosen in one look at the database, before anything is read: the rows fit together."""
    chosen: dict[tuple[str, str], tables.Chosen] = {}
    given: dict[tuple[str, str], SqlFiles | pl.DataFrame] = {}
    with tools.transaction(write=False) as inner:
        for table in named:
            if table.schema == records.SCHEMA:
                given[table.place] = records.frame(inner, table.name)
                continue
            try:
                chosen[table.place] = tables.choose(inner, table, read)
            except NotFound:
                if not table.maybe:
                    raise
    return given | {place: tables.open_table(tools, what, columns) for place, what in chosen.items()}


def _frame(tools: Tools, text: str, read: dict[str, int], prefix: str) -> pl.LazyFrame:
    """The result of a statement by Polars, lazily."""
    plain, found = calls.cut_calls(text, prefix)
    tree = statement.parse(plain)
    answers = {call.placeholder: call for call in found}
    frames: dict[str, pl.LazyFrame] = {}
    for number, (schema, name, table) in enumerate(list(statement.tables_of(tree))):
        if not schema and name in answers:
            frames[name] = _answer(tools, answers[name], read).lazy()
            continue
        place = f"__t{number}"
        with tools.transaction(write=False) as inner:
            chosen = tables.choose(inner, SqlTable(schema=schema, name=name, place=(schema, name)), read)
        frames[place] = tables.scan(tools, chosen)
        statement.rename(table, place)
    return _executed(tree, frames, tools)


def _executed(tree: exp.Expression, frames: dict[str, pl.LazyFrame], tools: Tools) -> pl.LazyFrame:
    try:
        return pl.SQLContext(frames, eager=False).execute(statement.to_polars(tree, tools.now()))
    except pl.exceptions.PolarsError as error:
        raise Invalid(statement.why(error)) from error


def _collected(frame: pl.LazyFrame) -> pl.DataFrame:
    try:
        return frame.collect()
    except pl.exceptions.PolarsError as error:
        raise Invalid(statement.why(error)) from error


def _answer(tools: Tools, call: calls.Call, read: dict[str, int]) -> pl.DataFrame:
    """The rows of the inner query with `predicted`, or one row of metrics."""
    with tools.transaction(write=False) as inner:
        version = registry.find_version(inner, FindVersion(model=call.model, reference=call.reference))
    rows = _answered(tools, call.query, read, f"{call.placeholder}_", _INNER_LIMIT)
    missing = [name for name in version.features if name not in rows.columns]
    if missing:
        raise Invalid(
            f"{version.model} {version.number} needs the columns {', '.join(missing[:20])}.",
            hint=f"They are in its training sets: TABLE training.{version.service}." if version.service else "",
        )
    predicted = registry.load(tools, version.id).predict(rows) if rows.height else []
    scored = rows.with_columns(pl.Series("predicted", predicted, dtype=pl.Float64))
    if call.function == "PREDICT":
        return scored
    if "label" not in rows.columns:
        raise Invalid("ML.EVALUATE needs a column `label` in its rows.", hint="TABLE training.<service> has one.")
    known = scored.filter(pl.col("label").is_not_null()).cast({"label": pl.Float64})
    metrics = evals.scores(known["label"], known["predicted"])
    return pl.DataFrame([{"model": version.model, "version": version.number, **msgspec.structs.asdict(metrics)}])
