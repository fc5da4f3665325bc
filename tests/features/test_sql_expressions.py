"""An expression means the same in every engine: here in Polars and DuckDB, in the lane `spark` on Spark, and elsewhere
by golden files and by reading the text back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl
import pytest
import sqlglot
from polars.testing import assert_frame_equal

from ondol.features.rules.columns import TYPES
from ondol.features.rules.expressions import value_expression
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


ZONES = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns", "UTC"]
ON_A_WALL = [
    "extract({part} from {clock})", "extract(epoch from {clock} - timestamp '2000-01-01' at time zone 'UTC')",
    "cast({clock} as date) - date '2000-01-01'",
    "extract(epoch from date_trunc('{unit}', {clock}) - timestamp '2000-01-01' at time zone 'UTC')",
]  # fmt: skip


def test_clocks_on_walls_show_the_same_through_every_change_of_summer_time(tmp_path):
    changes = ["1967-04-30", "1999-10-31", "2013-03-10", "2013-03-31", "2013-04-06", "2013-10-05", "2013-10-27",
               "2013-11-03", "2024-02-29", "2024-12-30"]  # fmt: skip
    days = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in changes]
    moments = [day + timedelta(minutes=30 * number, microseconds=number) for day in days for number in range(-12, 49)]
    parts = ["hour", "minute", "second", "day", "dow", "isodow", "doy", "week", "isoyear", "month", "quarter", "year"]
    units = ["hour", "day", "week", "month", "quarter", "year"]
    texts = {
        shape.format(part=part, unit=unit, clock=f"(t at time zone '{zone}')")
        for zone in ZONES
        for shape in ON_A_WALL
        for part, unit in zip(parts, units * 2, strict=True)
    }
    frame = pl.DataFrame({"t": moments}, schema={"t": TYPES["timestamp"]}).with_row_index("row")
    statement = sql_cases.statement(sorted(texts), {"t": "timestamp"}, "moments", "duckdb", "row")
    found = by_duckdb(tmp_path, frame, "moments", statement)
    expected = frame.select(
        value_expression(text, {"t": "timestamp"}, "x").alias(f"v{number}") for number, text in enumerate(sorted(texts))
    )
    # Polars divides by a number as it multiplies by its inverse: the last digit of an epoch may differ.
    assert_frame_equal(found, expected, rel_tol=1e-15, abs_tol=0)
