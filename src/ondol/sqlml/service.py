"""SQL over datasets, training sets and models. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ondol.evals import service as evals
from ondol.features import service as features
from ondol.features.types import GetTrainingSet, ListTrainingSets
from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lake import service as lake
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.registry.types import FindVersion
from ondol.sqlml.rules import calls, statement
from ondol.sqlml.types import Query, QueryResult

if TYPE_CHECKING:
    import polars as pl
    from sqlglot import expressions as exp
else:
    pl = lazy("polars")

ROW_LIMIT = 10_000
_SCHEMAS = "Tables are datasets (flights), silver.flights, bronze.flights and training.<feature service or set>."


@operation("sql.query", "POST", "/v1/sql", scope="read", long=True)
def query(tools: Tools, request: Query) -> QueryResult:
    """Run one SELECT over datasets and training sets, with `ML.PREDICT` and `ML.EVALUATE` in it."""
    if not 1 <= request.limit <= ROW_LIMIT:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {ROW_LIMIT}.")
    read: dict[str, int] = {}
    frame = _collected(_frame(tools, request.sql, read, "__ml").head(request.limit + 1))
    shown = frame.head(request.limit)
    return QueryResult(
        columns={name: statement.word_of(dtype) for name, dtype in shown.schema.items()},
        rows=[list(row) for row in shown.iter_rows()],
        truncated=frame.height > request.limit,
        tables=read,
    )


def _frame(tools: Tools, text: str, read: dict[str, int], prefix: str) -> pl.LazyFrame:
    """The result of a statement, lazily; `read` collects the versions of the tables it names."""
    plain, found = calls.cut_calls(text, prefix)
    tree = statement.parse(plain)
    answers = {call.placeholder: call for call in found}
    frames: dict[str, pl.LazyFrame] = {}
    for number, (schema, name, table) in enumerate(list(statement.tables_of(tree))):
        if not schema and name in answers:
            frames[name] = _answer(tools, answers[name], read)
            continue
        place = f"__t{number}"
        frames[place] = _table(tools, schema, name, read)
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


def _table(tools: Tools, schema: str, name: str, read: dict[str, int]) -> pl.LazyFrame:
    """One version of a table, the same one wherever the statement names it."""
    if schema == "training":
        return _training_set(tools, name, read)
    if schema not in ("", "silver", "bronze"):
        raise NotFound(f"There is no schema {schema!r}.", hint=_SCHEMAS)
    if schema == "bronze":
        lake.spec_of(tools, name)
        table = f"bronze/{name}"
        read.setdefault(table, tools.tables.version(table))
        return tools.tables.scan(table, version=read[table])
    table = f"silver/{name}"
    read.setdefault(table, lake.current_version(tools, name))
    return lake.scan(tools, name, read[table])


def _training_set(tools: Tools, name: str, read: dict[str, int]) -> pl.LazyFrame:
    """By its id, or the newest of a feature service."""
    with tools.transaction(write=False) as inner:
        if name.startswith("ts_"):
            found = features.get_training_set(inner, GetTrainingSet(training_set=name))
        else:
            newest = features.list_training_sets(inner, ListTrainingSets(service=name, limit=1))
            if not newest:
                raise NotFound(f"No training set of {name!r} has been built.", hint="ondol training-sets build")
            found = newest[0]
    read[found.table] = found.table_version
    return tools.tables.scan(found.table, version=found.table_version)


def _answer(tools: Tools, call: calls.Call, read: dict[str, int]) -> pl.LazyFrame:
    """The rows of the inner query with `predicted`, or one row of metrics."""
    with tools.transaction(write=False) as inner:
        version = registry.find_version(inner, FindVersion(model=call.model, reference=call.reference))
    rows = _collected(_frame(tools, call.query, read, f"{call.placeholder}_"))
    missing = [name for name in version.features if name not in rows.columns]
    if missing:
        raise Invalid(
            f"{version.model} {version.number} needs the columns {', '.join(missing[:20])}.",
            hint=f"They are in its training sets: TABLE training.{version.service}." if version.service else "",
        )
    predicted = registry.load(tools, version.id).predict(rows) if rows.height else []
    scored = rows.with_columns(pl.Series("predicted", predicted, dtype=pl.Float64))
    if call.function == "PREDICT":
        return scored.lazy()
    if "label" not in rows.columns:
        raise Invalid("ML.EVALUATE needs a column `label` in its rows.", hint="TABLE training.<service> has one.")
    known = scored.filter(pl.col("label").is_not_null()).cast({"label": pl.Float64})
    metrics = evals.scores(known["label"], known["predicted"])
    return pl.LazyFrame([{"model": version.model, "version": version.number, **msgspec.structs.asdict(metrics)}])
