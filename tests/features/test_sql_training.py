"""The compiled statement against our own join and against the definition itself."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import polars as pl
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.features.rules.warehouse import dialects
from ondol.features.rules.warehouse.dialects import DIALECTS
from tests.features import sql_golden
from tests.features import sql_worlds as worlds

SINCE = worlds.START + timedelta(hours=5)


def by_duckdb(folder, tables, sql):
    """The statement's rows, in a session of another time zone."""
    with duckdb.connect() as connection:
        connection.sql("set TimeZone = 'America/New_York'")
        for name, frame in tables.items():
            frame.write_parquet(folder / f"{name}.parquet")
            connection.sql(f"create view {name} as from '{folder}/{name}.parquet'")
        connection.sql(f"copy ({sql}) to '{folder}/found.parquet'")
    return pl.read_parquet(folder / "found.parquet")


@pytest.mark.parametrize("frames", [True, False])
@pytest.mark.parametrize("since", [None, SINCE])
def test_a_statement_gives_the_training_set(tmp_path, monkeypatch, since, frames):
    monkeypatch.setattr(dialects, "has_range_frames", lambda dialect: frames)
    tables, span = worlds.world(seed=1), (since, worlds.UNTIL)
    found = by_duckdb(tmp_path, tables, worlds.statement(span, "duckdb"))
    ours = worlds.by_us(tables, span)
    assert worlds.unlike(ours, found.cast({"at": ours.schema["at"]})) == []
    letter = worlds.by_the_letter(tables, span)
    assert worlds.unlike(letter, found.select(letter.columns)) == []
    assert ours["newest"].null_count() > 10  # some have expired, and their rows stay
    assert ours.height > 40


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "redshift"])
def test_the_text_for_a_warehouse_read_as_that_warehouse_does_gives_the_training_set(tmp_path, dialect):
    tables, span = worlds.world(seed=2), (SINCE, worlds.UNTIL)
    read = sqlglot.transpile(worlds.statement(span, dialect), read=dialect, write="duckdb")[0]
    found, ours = by_duckdb(tmp_path, tables, read), worlds.by_us(tables, span)
    found = found.rename({name: name.lower() for name in found.columns})  # Snowflake's names are upper case
    assert worlds.unlike(ours, found.cast({"at": ours.schema["at"]})) == []


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 1 << 32), st.integers(0, 30), st.integers(1, 3), st.booleans())
def test_a_statement_gives_the_training_set_of_any_rows(tmp_path_factory, seed, readings, places, with_since):
    tables = worlds.world(seed, readings=readings, asked=8, places=places)
    span = (SINCE if with_since else None, worlds.UNTIL)
    found = by_duckdb(tmp_path_factory.getbasetemp(), tables, worlds.statement(span, "duckdb"))
    letter = worlds.by_the_letter(tables, span)
    assert worlds.unlike(letter, found.select(letter.columns)) == []


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", sql_golden.KINDS)
def test_the_statement_of_each_engine_is_the_one_that_was_read_by_people(kind, dialect):
    assert sql_golden.KINDS[kind](dialect) == (sql_golden.GOLDEN / f"{kind}.{dialect}.sql").read_text()
