"""SQL by DuckDB over the lake: one version of every table, places of errors, and nothing else within reach."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

import ondol.tracking.repo  # noqa: F401
from ondol.adapters.duckdb_sql import DuckdbSql
from ondol.kernel.errors import Invalid, NotFound, OndolError, Refused, Unavailable
from ondol.sqlml import service
from ondol.sqlml.types import ExportQuery, ListSqlTables, Query, QueryResult
from tests.adapters.test_tables import _delete_by_vector
from tests.lake.shore import FLIGHTS, Lake


@pytest.fixture(scope="module")
def tools(lake: Lake):
    return dataclasses.replace(lake.tools, sql=DuckdbSql())


def _ask(tools: Any, sql: str, **fields: Any) -> QueryResult:
    found = service.query(tools, Query(sql=sql, **fields))
    msgspec.json.encode(found)
    return found


def test_duckdb_answers_in_our_types(tools):
    found = _ask(
        tools, "SELECT carrier, count(*) AS flights, sum(distance) AS far, avg(distance) AS mid FROM flights GROUP BY 1"
    )
    assert found.columns == {"carrier": "string", "flights": "integer", "far": "integer", "mid": "double"}


def test_ctes_layers_and_joins(tools):
    found = _ask(
        tools,
        """
        WITH late AS (SELECT flight_id, distance FROM silver.flights WHERE arrival_delay > 28),
             flights AS (SELECT * FROM late)
        FROM flights f JOIN bronze.flights b USING (flight_id)
        SELECT f.flight_id, b.distance ORDER BY ALL
        """,
    )
    assert found.rows == [["f29", "129"], ["f59", "159"]]
    assert found.tables == {"silver/flights": 1, "bronze/flights": 1}
    assert found.engine == "duckdb"


@pytest.mark.parametrize(
    ("table", "version"),
    [
        ("flights@0", 0),
        ("silver.flights@1 AS flights", 1),
        ('"flights"@0', 0),
        ("flights AT (VERSION => 0)", 0),
        ("silver.flights f AT (VERSION => 0)", 0),
        ("flights AT (TIMESTAMP => '2013-01-03 00:00:00')", 1),
        ("flights@2013-01-03", 1),
        ("flights@2013-01-01", -1),
    ],
)
def test_time_travel(tools, table: str, version: int):
    found = _ask(tools, f"SELECT count(*) AS n FROM {table}")  # noqa: S608
    assert found.rows == [[{-1: 0, 0: 40, 1: 60}[version]]]
    assert list(found.tables.values()) == [version]


def test_two_versions_in_one_statement_are_a_difference(tools):
    found = _ask(tools, "SELECT flight_id FROM flights EXCEPT SELECT flight_id FROM flights@0 ORDER BY 1 LIMIT 2")
    assert found.rows == [["f40"], ["f41"]]
    assert found.tables == {"silver/flights": 1, "silver/flights@0": 0}


def test_the_clock_is_that_of_the_house(tools):
    hour = "extract(hour FROM max(departs_at))"
    found = _ask(tools, f"SELECT current_timestamp AS a, now() AS b, current_date AS c, {hour} FROM flights")  # noqa: S608
    (row,) = found.rows
    assert [str(value)[:10] for value in row] == ["2013-01-03", "2013-01-03", "2013-01-03", "5"]
    assert list(found.columns.values()) == ["timestamp", "timestamp", "date", "integer"]


def test_values_that_json_has_no_word_for(tools):
    odd = ["INTERVAL 1 DAY", "'x'::BLOB", "[1, NULL]", "{'k': 1.5}", "1e30::HUGEINT", "'inf'::DOUBLE", "1.25"]
    found = _ask(tools, f"SELECT {', '.join(odd)}, MAP {{'a': 1}}")
    assert found.rows[0][:4] == ["1 day", "x", [1, None], {"k": 1.5}]
    assert found.rows[0][6] == 1.25


def test_rows_are_limited_and_exported(tools):
    found = _ask(tools, "SELECT flight_id FROM flights ORDER BY distance DESC", limit=2)
    assert (found.rows, found.truncated) == ([["f59"], ["f58"]], True)
    body = service.export(tools, ExportQuery(sql="SELECT flight_id, [distance] AS d FROM flights ORDER BY 1")).body
    assert body.decode().splitlines()[:2] == ["flight_id,d", "f0,[100]"]
    assert len(body.decode().splitlines()) == 61


def test_records_of_the_house_are_tables(tools):
    assert _ask(tools, "SELECT name, rows, version FROM house.datasets").rows == [["flights", 60, 1]]
    found = _ask(tools, "SELECT key, landed_rows FROM house.batches ORDER BY key")
    assert found.rows == [["one", 40], ["two", 20]]
    for each in service.list_tables(tools, ListSqlTables()):
        assert list(_ask(tools, f"FROM {each.name} LIMIT 1").columns) == list(each.columns), each.name


@pytest.mark.parametrize(
    ("sql", "kind", "told", "place"),
    [
        ("SELECT * FROM flight", NotFound, "no dataset 'flight'", None),
        ("SELECT * FROM gold.flights", NotFound, "not kept in gold", None),
        ("SELECT * FROM house.nothing", NotFound, "no table house.nothing", None),
        ("SELECT * FROM flights@9", NotFound, "no version 9", None),
        ("SELECT distance,\n  distanze FROM flights", Invalid, "distanze", (2, 3)),
        ("SELECT '한국', distanze FROM flights", Invalid, "distanze", (1, 14)),
        ("SELECT *\nFROM flights WHERE WHERE x", Invalid, "syntax error", (2, 20)),
        ("SELECT 1; SELECT 2", Invalid, "these are 2", None),
        ("", Invalid, "", None),
        ("DROP TABLE flights", Refused, "DROP is not allowed", None),
        ("COPY flights TO 'x.csv'", Refused, "COPY is not allowed", None),
        ("ATTACH 'x.db'", Refused, "ATTACH is not allowed", None),
        ("SET memory_limit = '100GB'", Refused, "SET is not allowed", None),
        ("INSTALL httpfs", Refused, "INSTALL is not allowed", None),
        ("SELECT * FROM read_csv('/etc/hostname')", Refused, "disabled", None),
        ("SELECT * FROM read_text('/etc/hostname')", Refused, "disabled", None),
        ("SELECT * FROM glob('/*')", Refused, "disabled", None),
        ("SELECT * FROM '/etc/hostname'", NotFound, "no dataset", None),
        ("SELECT * FROM query('COPY (SELECT 1) TO ''x.csv''')", OndolError, "", None),
        ("SELECT getenv('HOME')", Invalid, "getenv", (1, 8)),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tools, sql: str, kind: type[OndolError], told: str, place: Any):
    with pytest.raises(kind) as caught:
        _ask(tools, sql)
    assert told in caught.value.message
    if place:
        assert (caught.value.details["line"], caught.value.details["column"]) == place


def test_a_statement_that_takes_too_long_is_ended(tools):
    hasty = dataclasses.replace(tools, sql=DuckdbSql(seconds=0.3))
    with pytest.raises(Unavailable, match="longer than"):
        _ask(hasty, "SELECT sum(a.range * b.range) FROM range(3000000) a, range(3000000) b")


def test_a_table_whose_files_do_not_tell_its_rows_is_read_by_the_lake(tools, monkeypatch):
    monkeypatch.setattr(tools.tables, "files", lambda table, version: None)
    assert _ask(tools, "SELECT max(f.distance) AS m FROM flights f JOIN bronze.flights b USING (flight_id)").rows == [
        [159]
    ]
    assert _ask(tools, "SELECT count(*) FROM flights").rows == [[60]]


def test_partition_columns_that_came_later_and_names_with_blanks(lake: Lake, tools):
    lake.tools.tables.append("bronze/odd", pl.DataFrame({"a": [1, 2], "p": ["ü %=z", None]}), partition_by=["p"])
    lake.tools.tables.append("bronze/odd", pl.DataFrame({"a": [3], "p": ["x"], "n": [1.5]}), evolve=True)
    lake.declare(msgspec.structs.replace(FLIGHTS, name="odd"))
    found = _ask(tools, "SELECT a, p, n FROM bronze.odd ORDER BY a")
    assert found.rows == [[1, "ü %=z", None], [2, None, None], [3, "x", 1.5]]
    assert _ask(tools, "SELECT count(*), count(distance) FROM odd").rows == [[0, 0]]


def test_rows_that_a_deletion_vector_has_taken_away_are_gone(lake: Lake, tools):
    lake.declare(msgspec.structs.replace(FLIGHTS, name="holes"))
    lake.tools.tables.append("bronze/holes", pl.DataFrame({"n": range(10)}))
    _delete_by_vector(Path(lake.tools.config.home) / "lake/bronze/holes", [2, 5])
    assert _ask(tools, "SELECT count(*) AS n, sum(n) AS s FROM bronze.holes").rows == [[8, 38]]
    assert _ask(tools, "SELECT count(*) AS n FROM bronze.holes@0").rows == [[10]]
