"""One SELECT, parsed, judged and made ready for Polars: only frames that we hand it can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ondol.kernel.errors import Invalid, Refused
from ondol.kernel.lazy import lazy
from ondol.sqlml.rules.calls import DIALECT

if TYPE_CHECKING:
    import polars as pl
    import sqlglot
    from sqlglot import expressions as exp
else:
    pl = lazy("polars")
    sqlglot = lazy("sqlglot")
    exp = lazy("sqlglot.expressions")

_WRITES = ("Insert", "Update", "Delete", "Merge", "Create", "Drop", "Alter", "Command", "Into", "Copy", "Set", "Use")
_WORDS = {
    "String": "string",
    "Boolean": "boolean",
    "Date": "date",
    "Datetime": "timestamp",
    "Float32": "double",
    "Float64": "double",
}


def parse(text: str) -> exp.Expression:
    """The tree of the one SELECT in `text`; `Invalid` says where it is not understood, `Refused` what it may not do."""
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect=DIALECT) if tree is not None]
    except sqlglot.errors.ParseError as error:
        raise _not_understood(error) from error
    except sqlglot.errors.TokenError as error:
        raise Invalid("The SQL has a quote or a comment that is not closed.") from error
    if len(trees) != 1:
        raise Invalid(f"Send one statement; these are {len(trees)}.")
    (tree,) = trees
    writes = next(
        (node for name in _WRITES if (kind := getattr(exp, name, None)) for node in tree.find_all(kind)), None
    )
    if writes is not None or not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        word = type(writes or tree).__name__.upper()
        raise Refused(f"{word} is not allowed: SQL only reads here.", hint="Send one SELECT.")
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            raise Refused(
                f"{table.this.sql(dialect=DIALECT)} is not a table: SQL reads datasets only.",
                hint="Declare a dataset with the file as its source.",
            )
    return tree


def tables_of(tree: exp.Expression) -> Iterator[tuple[str, str, exp.Table]]:
    """Every place that names a stored table: its schema (or nothing), its name, the node. Names of CTEs are none."""
    from sqlglot.optimizer.scope import traverse_scope

    found: dict[int, exp.Table] = {}
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                found[id(source)] = source
    for table in found.values():
        yield table.db, table.name, table


def rename(table: exp.Table, name: str) -> None:
    """Let a place read the frame `name`; columns go on naming it as they did."""
    alias = table.alias_or_name
    table.set("this", exp.to_identifier(name))
    table.set("db", None)
    table.set("catalog", None)
    table.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))


def to_polars(tree: exp.Expression, now: datetime) -> str:
    """SQL as Polars reads it: 64-bit parts of moments, moments with a zone, the clock of the house, named columns."""

    def translate(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Extract):
            return exp.cast(node, "bigint")
        if isinstance(node, exp.Cast) and node.to.this in (exp.DType.TIMESTAMP, exp.DType.DATETIME):
            node.set("to", exp.DataType.build("timestamptz", dialect=DIALECT))
        if isinstance(node, exp.CurrentTimestamp):
            return exp.cast(exp.Literal.string(now.isoformat()), "timestamptz")
        return node

    _name_columns(tree)
    return str(tree.transform(translate).sql(dialect=DIALECT, normalize_functions=False))


def _name_columns(tree: exp.Expression) -> None:
    """`avg(x)` is called `avg(x)`: Polars would call it `x`, and two of them the same."""
    for select in tree.find_all(exp.Select):
        named = []
        for column in select.expressions:
            plain = isinstance(column, exp.Alias | exp.Column | exp.Star) or column.is_star
            named.append(column if plain else exp.alias_(column, column.sql(dialect=DIALECT).lower()[:60], quoted=True))
        select.set("expressions", named)


def word_of(dtype: pl.DataType) -> str:
    """The type as a person says it: string, integer, double, boolean, timestamp, date; others as Polars calls them."""
    if dtype.is_integer():
        return "integer"
    return _WORDS.get(dtype.base_type().__name__, str(dtype).lower())


def why(error: Exception) -> str:
    """What Polars found wrong, in one line."""
    return str(error).partition("\n")[0].rstrip(".:") + "."


def _not_understood(error: sqlglot.errors.ParseError) -> Invalid:
    if not error.errors:
        return Invalid("The SQL is not understood.")
    first = error.errors[0]
    at = f"line {first['line']}, column {max(first['col'] - len(first['highlight'] or '') + 1, 1)}"
    told = re.sub(r"\s*for <class '[\w.]+\.(\w+)'>", r" in \1", first["description"] or "")
    return Invalid(
        f"The SQL is not understood at {at}, near {first['highlight']!r}: {told.rstrip('.')}.",
        details={"line": first["line"], "column": first["col"]},
    )
