"""The SELECT that a dataset is computed by: which datasets it reads, and what Polars makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ondol.kernel.errors import Invalid
from ondol.kernel.lazy import lazy
from ondol.lake.rules import casting
from ondol.lake.types import DatasetSpec

if TYPE_CHECKING:
    import polars as pl
    import sqlglot
    from sqlglot import expressions as exp
else:
    pl = lazy("polars")
    sqlglot = lazy("sqlglot")
    exp = lazy("sqlglot.expressions")

_DIALECT = "postgres"


def origins(text: str) -> list[str]:
    """The datasets that a query names, in the order of their names. `Invalid` when it is no SELECT of datasets."""
    return sorted({table.name for table in _tables(_parse(text))})


def run(text: str, frame_of: Callable[[str], pl.LazyFrame]) -> pl.LazyFrame:
    """The result, lazily; parts of moments are 64-bit integers, and nothing but these frames can be read."""
    tree = _parse(text)
    frames = {}
    for table in _tables(tree):
        frames[table.name] = frame_of(table.name)
        table.set("db", None)
    widened = tree.transform(lambda node: exp.cast(node, "bigint") if isinstance(node, exp.Extract) else node)
    try:
        return pl.SQLContext(frames, eager=False).execute(widened.sql(dialect=_DIALECT, normalize_functions=False))
    except pl.exceptions.PolarsError as error:
        raise Invalid(f"query: {str(error).partition(chr(10))[0]}") from error


def check(spec: DatasetSpec, known: Mapping[str, DatasetSpec]) -> None:
    """Whether the query reads declared datasets, none of which is computed from this one, and gives its columns."""
    for name in origins(spec.query):
        if name not in known:
            raise Invalid(f"query: there is no dataset {name!r}.", hint="Declare it before what is computed from it.")
        if spec.name == name or spec.name in _all_origins(name, known):
            raise Invalid(f"query: {spec.name!r} would be computed from itself, by {name!r}.")
    if spec.source or spec.files or spec.mode == "upsert":
        raise Invalid(f"query: {spec.name!r} is computed; it has no source, and no corrections are sent to it.")
    try:
        found = run(spec.query, lambda name: casting.empty_frame(known[name].columns).lazy()).collect_schema().names()
    except pl.exceptions.PolarsError as error:
        raise Invalid(f"query: {str(error).partition(chr(10))[0]}") from error
    if sorted(found) != sorted(spec.columns):
        raise Invalid(
            f"query: it gives {', '.join(found)}; {spec.name!r} declares {', '.join(spec.columns)}.",
            hint="Name each column with AS.",
        )


def _all_origins(name: str, known: Mapping[str, DatasetSpec]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        spec = known.get(waiting.pop())
        for origin in origins(spec.query) if spec and spec.query else []:
            if origin not in found:
                found.add(origin)
                waiting.append(origin)
    return found


def _parse(text: str) -> exp.Expression:
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect=_DIALECT) if tree is not None]
    except sqlglot.errors.SqlglotError as error:
        raise Invalid(f"query: {text[:80]!r} is not SQL: {str(error).partition(chr(10))[0]}") from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Select | exp.SetOperation):
        raise Invalid("query: it must be one SELECT.")
    return trees[0]


def _tables(tree: exp.Expression) -> list[exp.Table]:
    """Those that are stored: neither names of common table expressions nor functions that read elsewhere."""
    named = {expression.alias for expression in tree.find_all(exp.CTE)}
    found = []
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.catalog or table.db not in ("", "silver", "gold"):
            raise Invalid(f"query: {table.sql(dialect=_DIALECT)} is not a dataset.")
        if table.db or table.name not in named:
            found.append(table)
    return found
