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
_MERGES = 2
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
        for call in (tables.version, tables.scan, tables.history, tables.schema, tables.compact, tables.count):
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

    def test_a_part_is_replaced_and_the_rest_stays(self, tables: Tables) -> None:
        days = pl.DataFrame({"n": [1, 2, 3, 4], "day": [1, 1, 2, 3]})
        first = tables.append("t", days, partition_by=["day"])
        version = tables.replace("t", pl.DataFrame({"n": [7], "day": [1]}), where={"day": [1, 3]})
        assert version == first + 1
        assert sorted(_rows(tables, "t").rows()) == [(3, 2), (7, 1)]
        assert _rows(tables, "t", first).height == 4
        tables.replace("t", days.clear(), where={"day": [2]})
        assert _rows(tables, "t").rows() == [(7, 1)]

    def test_rows_outside_of_the_replaced_part_are_refused(self, tables: Tables) -> None:
        days = pl.DataFrame({"n": [1, 2], "day": ["a", "it's"]})
        version = tables.append("t", days, partition_by=["day"])
        with pytest.raises(Refused):
            tables.replace("t", days, where={"day": ["a"]})
        with pytest.raises(Invalid):
            tables.replace("t", days, where={"n": [1]})
        assert tables.version("t") == version
        tables.replace("t", pl.DataFrame({"n": [3], "day": ["it's"]}), where={"day": ["it's"]})
        assert sorted(_rows(tables, "t")["n"].to_list()) == [1, 3]

    def test_a_merge_replaces_what_is_there_and_adds_what_is_not(self, tables: Tables) -> None:
        frame = pl.DataFrame({"id": ["a", "b", "c"], "part": [1, 1, 2], "n": [1.0, 2.0, None]})
        tables.append("t", frame, partition_by=["part"])
        # A row may move to another partition, and a column that is not given becomes null.
        tables.merge("t", pl.DataFrame({"id": ["b", "d"], "part": [2, 2], "n": [9, 4]}), on=["id"], key="m")
        expected = [("a", 1, 1.0), ("b", 2, 9.0), ("c", 2, None), ("d", 2, 4.0)]
        assert sorted(_rows(tables, "t").select("id", "part", "n").rows()) == expected
        version = tables.version("t")
        assert tables.merge("t", pl.DataFrame({"id": ["a"], "part": [5]}), on=["id"], key="m") == version
        with pytest.raises(Refused):
            tables.merge("t", pl.DataFrame({"id": ["x", "x"], "part": [5, 5]}), on=["id"])
        with pytest.raises(Refused, match="gate"):
            tables.merge("t", pl.DataFrame({"id": ["a"], "part": [1], "gate": ["B7"]}), on=["id"])
        assert sorted(_rows(tables, "t").select("id", "part", "n").rows()) == expected

    def test_merging_and_replacing_may_evolve_the_table(self, tables: Tables) -> None:
        tables.append("t", pl.DataFrame({"id": [1], "part": [1]}), partition_by=["part"])
        tables.merge("t", pl.DataFrame({"id": [1], "part": [1], "gate": ["B7"]}), on=["id"], evolve=True)
        more = pl.DataFrame({"id": [2], "part": [2], "gate": ["C1"], "tail": [7]})
        tables.replace("t", more, where={"part": [2]}, evolve=True)
        found = _rows(tables, "t").sort("id").select("id", "gate", "tail").rows()
        assert found == [(1, "B7", None), (2, "C1", 7)]

    def test_a_key_overwrites_and_replaces_once(self, tables: Tables) -> None:
        tables.append("t", pl.DataFrame({"n": [1], "day": [1]}), partition_by=["day"])
        first = tables.replace("t", pl.DataFrame({"n": [2], "day": [1]}), where={"day": [1]}, key="again")
        assert tables.replace("t", pl.DataFrame({"n": [3], "day": [1]}), where={"day": [1]}, key="again") == first
        second = tables.overwrite("t", pl.DataFrame({"n": [4], "day": [1]}), key="all")
        assert tables.overwrite("t", pl.DataFrame({"n": [5], "day": [1]}), key="all") == second
        assert _rows(tables, "t")["n"].to_list() == [4]

    def test_an_older_version_comes_back_as_a_new_one(self, tables: Tables) -> None:
        first = tables.append("t", pl.DataFrame({"n": [1]}))
        tables.append("t", pl.DataFrame({"n": [2], "gate": ["A1"]}), evolve=True)
        third = tables.overwrite("t", pl.DataFrame({"n": [3]}))
        assert tables.restore("t", first) == third + 1
        assert _rows(tables, "t").to_dicts() == [{"n": 1}]
        tables.append("t", pl.DataFrame({"n": [5]}))
        assert sorted(_rows(tables, "t")["n"].to_list()) == [1, 5]
        assert _rows(tables, "t", third)["n"].to_list() == [3]
        with pytest.raises(NotFound, match="99"):
            tables.restore("t", 99)

    def test_what_only_one_of_two_versions_has(self, tables: Tables) -> None:
        before = tables.append("t", pl.DataFrame({"n": [1, 2], "day": [1, 2]}), partition_by=["day"])
        tables.append("t", pl.DataFrame({"n": [3], "day": [1]}))
        after = tables.replace("t", pl.DataFrame({"n": [9], "day": [2]}), where={"day": [2]})
        gone, come = tables.difference("t", before, after)
        lost, found = set(gone.collect()["n"].to_list()), set(come.collect()["n"].to_list())
        assert (lost - found, found - lost) == ({2}, {3, 9})
        nothing, none = tables.difference("t", after, after)
        assert (nothing.collect().height, none.collect().height) == (0, 0)
        filtered = tables.difference("t", before, after)[1].filter(pl.col("n") > 5)
        assert filtered.collect()["n"].to_list() == [9]

    def test_vacuum_keeps_the_newest_version_and_those_that_are_asked_for(self, tables: Tables) -> None:
        versions = [tables.append("t", pl.DataFrame({"n": [0]}))]
        versions += [tables.overwrite("t", pl.DataFrame({"n": [number]})) for number in range(1, 4)]
        would = tables.vacuum("t", keep=[versions[1]], grace_hours=-1)
        assert would["files"] == 2
        assert would["gone"] == [versions[0], versions[2]]
        assert tables.vacuum("t", keep=[versions[1]], grace_hours=24, dry_run=False)["files"] == 0
        assert [_rows(tables, "t", version)["n"].to_list() for version in versions] == [[0], [1], [2], [3]]
        assert tables.vacuum("t", keep=[versions[1]], grace_hours=-1, dry_run=False) == would
        assert _rows(tables, "t", versions[1])["n"].to_list() == [1]
        assert _rows(tables, "t")["n"].to_list() == [3]
        with pytest.raises((NotFound, FileNotFoundError, pl.exceptions.PolarsError)):
            _rows(tables, "t", versions[0])
        tables.append("t", pl.DataFrame({"n": [4]}))
        assert sorted(_rows(tables, "t")["n"].to_list()) == [3, 4]

    def test_rows_are_counted_at_a_version(self, tables: Tables) -> None:
        first = tables.append("t", ROWS)
        tables.append("t", ROWS)
        assert (tables.count("t", version=first), tables.count("t")) == (3, 6)

    def test_filters_find_instants_finer_than_the_statistics(self, tables: Tables) -> None:
        for _ in range(2):
            tables.append("t", ROWS)
        assert tables.scan("t").filter(pl.col("at") >= _MOMENT).collect().height == 2
        assert tables.scan("t").filter(pl.col("delay") < -3).collect().height == 2
        assert tables.scan("t").filter(pl.col("carrier") == "UA", pl.col("late")).collect().height == 2
        odd = pl.DataFrame({"delay": [float("nan"), float("inf")], "carrier": ["x" * 200, "\U0010ffff" * 90]})
        tables.append("t", odd)
        assert tables.scan("t").filter(pl.col("delay") > 1e300).collect().height >= 1
        assert tables.scan("t").filter(pl.col("carrier") > "가").collect().height >= 3

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
        merged = _rows(opener(), "merged")
        assert sorted(merged["id"]) == sorted(
            ["all", *(f"{writer}-{n}" for writer in range(4) for n in range(_MERGES))]
        )


def _rows(tables: Tables, name: str, version: int | None = None) -> pl.DataFrame:
    return tables.scan(name, version=version).collect()


def _append_elsewhere(opener: Opener, writer: int) -> None:
    tables = opener()
    for number in range(_BATCHES):
        tables.append("shared", pl.DataFrame({"writer": [writer], "n": [number]}), key=f"{writer}-{number}")
        tables.append("shared", pl.DataFrame({"writer": [-1], "n": [number]}), key=f"everybody-{number}")
        if number < _MERGES:
            both = pl.DataFrame({"id": [f"{writer}-{number}", "all"], "n": [number, writer]})
            tables.merge("merged", both, on=["id"], key=f"{writer}-{number}")
        if number == _BATCHES // 2:
            with suppress(Unavailable):  # another process is at it
                tables.compact("shared")
