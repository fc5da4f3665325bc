"""SQL that only reads: what it answers, and what it refuses."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ondol.kernel.errors import Invalid, NotFound, OndolError, Refused
from ondol.sqlml import service
from ondol.sqlml.types import Query, QueryResult
from tests.lake.shore import Lake


def _ask(lake: Lake, sql: str, **fields: Any) -> QueryResult:
    return service.query(lake.tools, Query(sql=sql, **fields))


def test_a_select_over_a_dataset(lake: Lake):
    found = _ask(lake, "SELECT carrier, count(*) AS flights, avg(distance) FROM flights GROUP BY carrier")
    assert found.columns == {"carrier": "string", "flights": "integer", "avg(distance)": "double"}
    assert found.rows == [["UA", 60, 129.5]]
    assert (found.truncated, found.tables) == (False, {"silver/flights": 1})
    msgspec.json.encode(found)


def test_bronze_silver_joins_and_ctes(lake: Lake):
    found = _ask(
        lake,
        """
        WITH late AS (SELECT flight_id, distance FROM silver.flights WHERE arrival_delay > 28),
             flights AS (SELECT * FROM late)
        SELECT f.flight_id, b.distance FROM flights f JOIN bronze.flights b ON f.flight_id = b.flight_id
        WHERE f.flight_id IN (SELECT flight_id FROM late) ORDER BY 1
        """,
    )
    assert found.rows == [["f29", "129"], ["f59", "159"]]
    assert found.tables == {"silver/flights": 1, "bronze/flights": 1}


def test_unions(lake: Lake):
    assert _ask(lake, "SELECT 1 AS n FROM flights UNION SELECT 2 AS n FROM flights ORDER BY n").rows == [[1], [2]]


def test_rows_are_limited(lake: Lake):
    found = _ask(lake, "SELECT flight_id FROM flights", limit=7)
    assert (len(found.rows), found.truncated) == (7, True)
    assert not _ask(lake, "SELECT flight_id FROM flights", limit=60).truncated
    with pytest.raises(Invalid, match="limit"):
        _ask(lake, "SELECT 1", limit=0)


def test_moments_are_moments(lake: Lake):
    assert _ask(lake, "SELECT max(extract(hour from departs_at) * 60) AS minutes FROM flights").rows == [[300]]
    since = "SELECT count(*) AS n FROM flights WHERE departs_at >= "
    assert _ask(lake, since + "timestamp '2013-01-02 05:30:00'").rows == [[30]]
    assert _ask(lake, since + "'2013-01-02 05:30'").rows == [[30]]
    assert _ask(lake, since + "current_timestamp").rows == [[0]]
    assert _ask(lake, "SELECT departs_at FROM flights").columns == {"departs_at": "timestamp"}


def test_two_columns_of_one_origin_keep_their_names(lake: Lake):
    found = _ask(lake, "SELECT min(distance), max(distance) FROM flights")
    assert list(found.columns) == ["min(distance)", "max(distance)"]


@pytest.mark.parametrize(
    ("sql", "kind", "told"),
    [
        ("SELECT * FROM flight", NotFound, "no dataset 'flight'"),
        ("SELECT * FROM gold.flights", NotFound, "not kept in gold"),
        ("SELECT * FROM training.nothing", OndolError, "nothing"),
        ("SELECT distanze FROM flights", Invalid, "distanze"),
        ("SELECT *\nFROM flights WHERE WHERE x", Invalid, "line 2, column 20"),
        ("SELECT 'open FROM flights", Invalid, "not closed"),
        ("SELECT 1; SELECT 2", Invalid, "one statement; these are 2"),
        ("", Invalid, "one statement"),
        ("DROP TABLE flights", Refused, "DROP is not allowed"),
        ("INSERT INTO flights SELECT * FROM flights", Refused, "INSERT is not allowed"),
        ("CREATE TABLE x AS SELECT * FROM flights", Refused, "CREATE is not allowed"),
        ("SELECT * INTO x FROM flights", Refused, "INTO is not allowed"),
        ("WITH x AS (DELETE FROM flights RETURNING *) SELECT * FROM x", Refused, "DELETE is not allowed"),
        ("SELECT * FROM read_csv('secrets.csv')", Refused, "is not a table"),
        ("SELECT * FROM read_parquet('secrets.parquet')", Refused, "is not a table"),
        ("SELECT * FROM flights, read_csv('secrets.csv') s", Refused, "is not a table"),
        ("SELECT (SELECT max(x) FROM read_csv('secrets.csv'))", Refused, "is not a table"),
        ("SELECT * FROM 'secrets.csv'", NotFound, "no dataset 'secrets.csv'"),
        ("SELECT * FROM ML.PREDICT(MODEL x)", Invalid, "not complete"),
        ("SELECT * FROM ML.PREDICT(MODEL x, flights)", Invalid, "needs TABLE name or a query"),
        ("SELECT * FROM ML.PREDICT(MODEL x, (SELECT 1)", Invalid, "line 1, column 25 is not closed"),
    ],
)
def test_what_is_wrong_is_said(lake: Lake, sql: str, kind: type[OndolError], told: str):
    with pytest.raises(kind) as caught:
        _ask(lake, sql)
    assert told in caught.value.message


def test_an_unknown_table_is_told_with_the_nearest_one(lake: Lake):
    with pytest.raises(NotFound) as caught:
        _ask(lake, "SELECT * FROM flight")
    assert caught.value.hint == "Did you mean 'flights'?"
