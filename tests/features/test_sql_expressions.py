"""An expression means the same in every engine: here in Polars and DuckDB, in the lane `spark` on Spark, and elsewhere
by golden files and by reading the text back."""

from __future__ import annotations

import duckdb
import polars as pl
import pytest
import sqlglot

from tests.features import sql_cases


def by_duckdb(folder, frame, table, sql):
    frame.write_parquet(folder / "given.parquet")
    with duckdb.connect() as connection:
        connection.sql("set TimeZone = 'America/New_York'")
        connection.sql(f"create view {table} as from '{folder}/given.parquet'")
        connection.sql(f"copy ({sql}) to '{folder}/values.parquet'")
    return pl.read_parquet(folder / "values.parquet")


def test_duckdb_gives_what_polars_gives_in_any_time_zone_of_the_session(tmp_path):
    found = by_duckdb(tmp_path, sql_cases.FRAME, "cases", sql_cases.query("duckdb"))
    assert sql_cases.differences(found) == []


def test_what_each_function_means_it_means_in_duckdb(tmp_path):
    found = by_duckdb(tmp_path, sql_cases.EXAMPLE, "example", sql_cases.examples("duckdb"))
    assert sql_cases.wrong_examples(found) == []


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "redshift"])
def test_the_text_for_a_warehouse_means_the_same_to_somebody_who_reads_it_as_that_warehouse_does(tmp_path, dialect):
    """sqlglot's readers know these dialects from elsewhere; what they read, DuckDB computes."""
    # BigQuery's SAFE., its name for ISO weeks and its numbers of days are unknown to the reader.
    text = sql_cases.query(dialect).replace("SAFE.", "").replace("ISOWEEK", "WEEK")
    read = sqlglot.transpile(text, read=dialect, write="duckdb")[0]
    wrong = sql_cases.differences(by_duckdb(tmp_path, sql_cases.FRAME, "cases", read))
    assert [one for one in wrong if dialect != "bigquery" or "dow from" not in one] == []


def test_clocks_on_walls_show_the_same_through_every_change_of_summer_time(tmp_path):
    found = by_duckdb(tmp_path, sql_cases.MOMENTS, "moments", sql_cases.walls("duckdb"))
    assert sql_cases.wrong_walls(found) == []
