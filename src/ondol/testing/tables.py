"""What every `Tables` adapter must do. To check yours:

    class TestMyTables(TablesSuite):
        @pytest.fixture
        def opener(self, tmp_path):
            return functools.partial(MyTables, str(tmp_path))

`opener()` opens the same empty lake each time it is called; it is sent to other
processes, so it must be picklable.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ondol.kernel.errors import Invalid, NotFound, Refused, Unavailable
from ondol.ports.tables import Tables

Opener = Callable[[], Tables]

_PROCESSES = multiprocessing.get_context("spawn")
_PATIENCE_SECONDS = 120
_BATCHES = 6
_MOMENT = datetime(2013, 6, 1, 12, 30, 0, 123456, tzinfo=UTC)
ROWS = pl.DataFrame(
    {
        "id": [1, 2, None],
        "delay": [0.5, None, -3.25],
        "late": [True, False, None],
        "carrier": ["UA", None, "대한항공"],
        "day": [date(2013, 6, 1), None, date(1969, 12, 31)],
        "at": [_MOMENT, None, _MOMENT - timedelta(days=20_000)],
    },
    schema_overrides={"at": pl.Datetime("us", "UTC")},
)


class TablesSuite:
    """Subclass it and give the fixture `opener`."""

    @pytest.fixture
    def opener(self) -> Opener:
        raise RuntimeError("a subclass of TablesSuite must define the fixture `opener`")

    @pytest.fixture
    def tables(self, opener: Opener) -> Tables:
        return opener()

    def test_rows_come_back_as_they_were(self, tables: Tables) -> None:
        assert not tables.exists("silver/flights")
        version = tables.append("silver/flights", ROWS)
        assert tables.exists("silver/flights")
        assert tables.version("silver/flights") == version
        assert_frame_equal(_rows(tables, "silver/flights"), ROWS, check_row_order=False)
        assert list(tables.schema("silver/flights")) == ROWS.columns

    def test_an_append_adds_one_version(self, tables: Tables) -> None:
        versions = [tables.append("t", ROWS) for _ in range(3)]
        assert versions == [versions[0], versions[0] + 1, versions[0] + 2]
        assert _rows(tables, "t").height == 9

    def test_what_is_not_there_is_not_found(self, tables: Tables) -> None:
        for call in (tables.version, tables.scan, tables.history, tables.schema, tables.compact):
            with pytest.raises(NotFound, match="nowhere"):
                call("nowhere")
        tables.append("t", ROWS)
        with pytest.raises(NotFound, match="99"):
            tables.scan("t", version=99)

    @pytest.mark.parametrize("name", ["", "../t", "/t", "a//b", "a\\b", "a/../b", "_delta_log/../x"])
    def test_bad_names_are_invalid(self, tables: Tables, name: str) -> None:
        with pytest.raises(Invalid):
            tables.append(name, ROWS)

    def test_older_versions_stay_as_they_were(self, tables: Tables) -> None:
        first = tables.append("t", pl.DataFrame({"n": [1]}))
        second = tables.append("t", pl.DataFrame({"n": [2]}))
        third = tables.overwrite("t", pl.DataFrame({"n": [9]}))
        tables.compact("t")
        found = [sorted(_rows(tables, "t", version)["n"].to_list()) for version in (first, second, third)]
        assert found == [[1], [1, 2], [9]]

    def test_a_scan_keeps_its_version_while_others_write(self, tables: Tables) -> None:
        tables.append("t", pl.DataFrame({"n": [1]}))
        scan = tables.scan("t")
        tables.append("t", pl.DataFrame({"n": [2]}))
        assert scan.collect()["n"].to_list() == [1]

    def test_a_key_appends_once(self, tables: Tables, opener: Opener) -> None:
        first = tables.append("t", pl.DataFrame({"n": [1]}), key="batch-1")
        tables.append("t", pl.DataFrame({"n": [2]}), key="batch-2")
        assert tables.append("t", pl.DataFrame({"n": [1]}), key="batch-1") == first
        assert opener().append("t", pl.DataFrame({"n": [1]}), key="batch-1") == first
        assert sorted(_rows(tables, "t")["n"].to_list()) == [1, 2]

    def test_a_key_is_remembered_after_compaction(self, tables: Tables, opener: Opener) -> None:
        for number in range(12):
            tables.append("t", pl.DataFrame({"n": [number]}), key=f"batch-{number}")
        tables.compact("t")
        for store in (tables, opener()):
            store.append("t", pl.DataFrame({"n": [3]}), key="batch-3")
        assert _rows(tables, "t").height == 12

    @pytest.mark.parametrize(
        ("column", "value"),
        [("id", 1.7), ("id", "1"), ("id", True), ("delay", "late"), ("delay", 2**53 + 1), ("late", 1), ("day", _MOMENT),
         ("at", "2013"), ("small", 70_000), ("single", 0.1), ("many", [1.5])],
    )  # fmt: skip
    def test_narrowing_is_refused_and_names_the_column(self, tables: Tables, column: str, value: object) -> None:
        more = pl.DataFrame(
            {"small": [1, 2, 3], "single": [0.5, 1.0, 2.0], "many": [[1], [2], []]},
            schema={"small": pl.Int16, "single": pl.Float32, "many": pl.List(pl.Int64)},
        )
        version = tables.append("t", ROWS.hstack(more))
        with pytest.raises(Refused, match=f"'{column}'"):
            tables.append("t", pl.DataFrame({column: [value]}), evolve=True)
        assert tables.version("t") == version

    def test_integers_go_into_a_column_of_floats(self, tables: Tables) -> None:
        tables.append("t", pl.DataFrame({"delay": [0.5]}))
        tables.append("t", pl.DataFrame({"delay": [3]}))
        assert sorted(_rows(tables, "t")["delay"].to_list()) == [0.5, 3.0]

    def test_missing_columns_are_null(self, tables: Tables) -> None:
        tables.append("t", ROWS)
        tables.append("t", pl.DataFrame({"id": [7]}))
        added = _rows(tables, "t").filter(pl.col("id") == 7).row(0)
        assert added == (7, None, None, None, None, None)

    def test_unknown_columns_are_refused_unless_the_table_may_evolve(self, tables: Tables) -> None:
        tables.append("t", pl.DataFrame({"n": [1]}))
        with pytest.raises(Refused, match="gate"):
            tables.append("t", pl.DataFrame({"n": [2], "gate": ["B7"]}))
        tables.append("t", pl.DataFrame({"n": [2], "gate": ["B7"]}), evolve=True)
        assert _rows(tables, "t").sort("n")["gate"].to_list() == [None, "B7"]

    def test_instants_are_kept_in_utc_microseconds(self, tables: Tables) -> None:
        moments = pl.Series("at", [_MOMENT])
        for frame in (
            moments.dt.replace_time_zone(None).to_frame(),
            moments.dt.convert_time_zone("Asia/Seoul").to_frame(),
            moments.dt.cast_time_unit("ns").to_frame(),
        ):
            tables.append("t", frame)
        assert _rows(tables, "t")["at"].to_list() == [_MOMENT] * 3

    def test_an_overwrite_may_change_the_columns(self, tables: Tables) -> None:
        tables.append("t", pl.DataFrame({"n": [1]}))
        tables.overwrite("t", pl.DataFrame({"n": ["one"], "m": [1.5]}))
        assert _rows(tables, "t").to_dicts() == [{"n": "one", "m": 1.5}]
        tables.overwrite("fresh", pl.DataFrame({"n": [1]}))
        assert _rows(tables, "fresh").height == 1

    def test_partitions_stay(self, tables: Tables) -> None:
        days = pl.DataFrame({"n": [1, 2], "day": ["a", "b"]})
        tables.append("t", days, partition_by=["day"])
        tables.append("t", days)
        tables.overwrite("t", days)
        with pytest.raises(Refused):
            tables.append("t", days, partition_by=["n"])
        assert _rows(tables, "t").filter(pl.col("day") == "b")["n"].to_list() == [2]

    def test_partition_values_may_be_any_text(self, tables: Tables) -> None:
        values = ["plain", "two words", "대한항공", "a/b", "50%", "x=y", "", None]
        frame = pl.DataFrame({"n": range(len(values)), "part": values})
        tables.append("t", frame, partition_by=["part"])
        found = _rows(tables, "t").sort("n")
        assert found["n"].to_list() == list(range(len(values)))
        assert found["part"].to_list()[:6] == values[:6]

    def test_an_empty_frame_makes_an_empty_table(self, tables: Tables) -> None:
        tables.append("t", ROWS.head(0))
        assert _rows(tables, "t").height == 0
        tables.append("t", ROWS)
        assert _rows(tables, "t").height == 3

    def test_history_is_newest_first(self, tables: Tables) -> None:
        tables.append("t", ROWS)
        tables.append("t", ROWS.head(1))
        newest, *_ = history = tables.history("t")
        assert [entry.version for entry in history] == [1, 0]
        assert (newest.rows, newest.table) == (1, "t")
        assert abs(newest.at - datetime.now(UTC)) < timedelta(minutes=2)
        assert len(tables.history("t", limit=1)) == 1

    def test_compaction_changes_no_row(self, tables: Tables) -> None:
        for number in range(10):
            tables.append("t", pl.DataFrame({"n": [number]}))
        tables.compact("t")
        tables.append("t", pl.DataFrame({"n": [10]}))
        assert sorted(_rows(tables, "t")["n"].to_list()) == list(range(11))

    def test_appenders_of_four_processes_lose_nothing_and_repeat_nothing(self, opener: Opener) -> None:
        writers = [_PROCESSES.Process(target=_append_elsewhere, args=(opener, number)) for number in range(4)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(_PATIENCE_SECONDS)
            assert writer.exitcode == 0
            writer.close()
        found = _rows(opener(), "shared")
        assert found.filter(pl.col("writer") >= 0).unique().height == 4 * _BATCHES
        assert found.height == 4 * _BATCHES + _BATCHES


def _rows(tables: Tables, name: str, version: int | None = None) -> pl.DataFrame:
    return tables.scan(name, version=version).collect()


def _append_elsewhere(opener: Opener, writer: int) -> None:
    tables = opener()
    for number in range(_BATCHES):
        tables.append("shared", pl.DataFrame({"writer": [writer], "n": [number]}), key=f"{writer}-{number}")
        tables.append("shared", pl.DataFrame({"writer": [-1], "n": [number]}), key=f"everybody-{number}")
        if number == _BATCHES // 2:
            with suppress(Unavailable):  # another process is at it
                tables.compact("shared")
