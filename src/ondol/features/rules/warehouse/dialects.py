"""How each engine writes what `canonical` means. Everything in which engines differ stands here.

Timestamps are instants: DuckDB's `TIMESTAMPTZ`, Spark's and BigQuery's `TIMESTAMP`,
Snowflake's `TIMESTAMP_TZ` or `TIMESTAMP_LTZ`, Redshift's `TIMESTAMPTZ`. No text depends on the
time zone of a session. Columns hold no NaN, as in the lake.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache

import sqlglot
from sqlglot import exp

from ondol.features.rules.warehouse.engines import COMMON, OF_ENGINE
from ondol.features.rules.warehouse.neutral import (
    FINITE,
    MOMENT,
    Kind,
    as_double,
    finite,
    neutral,
)

DIALECTS = ("duckdb", "spark", "bigquery", "snowflake", "redshift")


def fit(tree: exp.Expr, dialect: str) -> exp.Expr:
    """A canonical tree as one of the engine's own."""
    rules = COMMON | OF_ENGINE[dialect]
    holder = exp.Paren(this=tree.copy())
    for node in reversed(list(holder.walk())):  # the innermost first
        rule = rules.get(node.name if isinstance(node, exp.Anonymous) else type(node).__name__)
        if rule is None or node is holder:
            continue
        arguments = node.expressions if isinstance(node, exp.Anonymous) else [node]
        node.replace(rule(*(argument.copy() for argument in arguments)))
    return holder.this  # type: ignore[no-any-return]


def text_of(tree: exp.Expr, dialect: str) -> str:
    """The statement of a canonical tree in an engine's SQL, laid out to be read."""
    writer = _writer(dialect)(dialect=dialect, pretty=True, max_text_width=100)
    return writer.generate(_named(fit(tree, dialect), dialect), copy=False)


def value_of(tree: exp.Expr, kind: Kind) -> exp.Expr:
    """A canonical expression as what a feature is: a finite double or null."""
    value = as_double(tree.unnest(), kind)
    sure = isinstance(value, exp.Cast | exp.Column) or value.name == FINITE
    return value if sure else finite(value)


def moment(at: datetime) -> exp.Expr:
    return neutral(MOMENT, exp.Literal.string(at.isoformat(sep=" ")))


def has_range_frames(dialect: str) -> bool:
    """Whether a window may reach back by a number: `RANGE BETWEEN 7 PRECEDING AND ...`."""
    return dialect != "redshift"


def _named(tree: exp.Expr, dialect: str) -> exp.Expr:
    """Names quoted where an engine would not take them bare. Snowflake's own names are upper case."""
    for identifier in tree.find_all(exp.Identifier):
        name = identifier.name
        plain = name.isidentifier() and name.isascii() and name.islower() and name.upper() not in _words()
        identifier.set("quoted", not plain)
        if not plain and dialect == "snowflake":
            identifier.set("this", name.upper())
    return tree


@cache
def _words() -> frozenset[str]:
    """What any of the engines might read as more than a name."""
    found: set[str] = set()
    for dialect in DIALECTS:
        engine = sqlglot.Dialect.get_or_raise(dialect)
        found |= {str(word).upper() for word in engine.tokenizer_class.KEYWORDS}
        found |= {word.upper() for word in engine.generator_class.RESERVED_KEYWORDS}
    return frozenset(found)


@cache
def _writer(dialect: str) -> type[sqlglot.Generator]:
    """The engine's generator, with parentheses kept on their line, and `is not null` as people write it."""
    generator = sqlglot.Dialect.get_or_raise(dialect).generator_class

    def paren_sql(self: sqlglot.Generator, expression: exp.Paren) -> str:
        return f"({self.sql(expression, 'this')})"

    def not_sql(self: sqlglot.Generator, expression: exp.Not) -> str:
        held = expression.this
        if isinstance(held, exp.Is) and isinstance(held.args["expression"], exp.Null):
            return f"{self.sql(held, 'this')} IS NOT NULL"
        return f"NOT {self.sql(expression, 'this')}"

    return type("Writer", (generator,), {"paren_sql": paren_sql, "not_sql": not_sql})
