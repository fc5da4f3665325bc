"""The Tables port on Delta Lake, in a folder and on a real S3 endpoint."""

from __future__ import annotations

import functools
from pathlib import Path

import polars as pl
import pytest

from ondol.adapters.delta import DeltaTables
from ondol.kernel.errors import Refused
from ondol.testing.tables import Opener, TablesSuite


class TestFolder(TablesSuite):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return functools.partial(DeltaTables, str(tmp_path / "my 호수"))


@pytest.mark.s3
class TestS3(TablesSuite):
    @pytest.fixture
    def opener(self, s3_url: str) -> Opener:
        return functools.partial(DeltaTables, s3_url)


def test_many_small_appends_are_joined_on_the_way(tmp_path: Path) -> None:
    tables = DeltaTables(str(tmp_path))
    for number in range(105):
        tables.append("t", pl.DataFrame({"n": [number]}), key=str(number))
    operations = [entry.operation for entry in tables.history("t", 200)]
    assert operations.count("OPTIMIZE") == 1
    assert sorted(tables.scan("t").collect()["n"].to_list()) == list(range(105))
    assert tables.append("t", pl.DataFrame({"n": [3]}), key="3") == 3


def test_two_compactions_at_once_keep_each_row_once(tmp_path: Path) -> None:
    tables, others = DeltaTables(str(tmp_path)), DeltaTables(str(tmp_path))
    for number in range(4):
        tables.append("t", pl.DataFrame({"n": [number]}))
    others.version("t")
    tables.compact("t")
    others.compact("t")
    assert tables.scan("t").collect().height == 4


def test_an_overwrite_that_met_a_compaction_leaves_nothing_of_the_old_rows(tmp_path: Path) -> None:
    tables, others = DeltaTables(str(tmp_path)), DeltaTables(str(tmp_path))
    for number in range(4):
        tables.append("t", pl.DataFrame({"n": [number]}))
    others.version("t")
    tables.compact("t")
    others.overwrite("t", pl.DataFrame({"n": [9]}))
    assert tables.scan("t").collect()["n"].to_list() == [9]


def test_what_delta_cannot_keep_is_refused_by_name(tmp_path: Path) -> None:
    durations = pl.DataFrame({"n": [1]}).select(pl.duration(hours=pl.col("n")).alias("took"))
    with pytest.raises(Refused, match="'took'"):
        DeltaTables(str(tmp_path)).append("t", durations)


def test_unsigned_and_categorical_columns_find_a_type_that_holds_them(tmp_path: Path) -> None:
    tables = DeltaTables(str(tmp_path))
    frame = pl.DataFrame({"u": [4_000_000_000], "c": ["UA"]}, schema={"u": pl.UInt32, "c": pl.Categorical})
    tables.append("t", frame)
    assert tables.schema("t") == {"u": "Int64", "c": "String"}
    assert tables.scan("t").collect().row(0) == (4_000_000_000, "UA")
