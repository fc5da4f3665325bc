"""An expression means the same in every engine: here in Polars and DuckDB, in the lane `spark` on Spark, and elsewhere
by golden files."""

from __future__ import annotations

import duckdb
import polars as pl

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
