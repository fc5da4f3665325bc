"""The Tables port on Delta Lake, in a folder and on a real S3 endpoint."""

from __future__ import annotations

import functools
import json
import struct
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from ondol.adapters.delta import DeltaTables
from ondol.kernel.errors import Refused, Unavailable
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


def test_rows_are_in_even_when_their_files_cannot_be_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise DeltaError("somebody was faster")

    monkeypatch.setattr(DeltaTables, "_tidy", fails)
    tables = DeltaTables(str(tmp_path))
    for number in range(102):
        tables.append("t", pl.DataFrame({"n": [number]}))
    assert sorted(tables.scan("t").collect()["n"].to_list()) == list(range(102))


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


def _rewrite_first_commit(table: Path, change) -> None:
    file = table / "_delta_log" / f"{0:020}.json"
    actions = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(change(action)) + "\n" for action in actions))


def _map_columns(version: int):
    """What Spark writes for `delta.columnMapping.mode = name`: the schema's names are not those in the files."""

    def change(action):
        if "protocol" in action:
            features = (
                {"readerFeatures": ["columnMapping"], "writerFeatures": ["columnMapping"]} if version == 3 else {}
            )
            action["protocol"] = {"minReaderVersion": version, "minWriterVersion": 5 if version == 2 else 7, **features}
        if "metaData" in action:
            schema = json.loads(action["metaData"]["schemaString"])
            for number, (field, name) in enumerate(zip(schema["fields"], ["id", "name"], strict=True), 1):
                field["metadata"] = {
                    "delta.columnMapping.id": number, "delta.columnMapping.physicalName": field["name"]
                }  # fmt: skip
                field["name"] = name
            names = {"col-1": "id", "col-2": "name"}
            action["metaData"]["partitionColumns"] = [names[one] for one in action["metaData"]["partitionColumns"]]
            action["metaData"]["schemaString"] = json.dumps(schema)
            options = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "2"}
            action["metaData"]["configuration"] = options
        return action

    return change


@pytest.mark.parametrize("version", [2, 3])
def test_mapped_columns_are_read_by_their_names_and_never_written_to(tmp_path: Path, version: int) -> None:
    DeltaTables(str(tmp_path)).append("t", pl.DataFrame({"col-1": [1, 2], "col-2": ["x", "y"]}))
    _rewrite_first_commit(tmp_path / "t", _map_columns(version))
    tables = DeltaTables(str(tmp_path))
    assert tables.scan("t").collect().to_dicts() == [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}]
    assert tables.scan("t").filter(pl.col("id") > 1).select("name").collect().item() == "y"
    assert tables.count("t") == 2
    more = pl.DataFrame({"id": [3], "name": ["z"]})
    for write in (tables.append, tables.overwrite, functools.partial(tables.merge, on=["id"])):
        with pytest.raises(Refused, match="columnMapping"):
            write("t", more)
    for touch in (tables.compact, functools.partial(tables.restore, version=0)):
        with pytest.raises(Refused, match="columnMapping"):
            touch("t")
    assert tables.version("t") == 0


def test_mapped_columns_in_partitions_are_refused_and_not_read_as_null(tmp_path: Path) -> None:
    frame = pl.DataFrame({"col-1": [1, 2], "col-2": ["x", "y"]})
    DeltaTables(str(tmp_path)).append("t", frame, partition_by=["col-2"])
    _rewrite_first_commit(tmp_path / "t", _map_columns(2))
    with pytest.raises(Refused, match="columnMapping"):
        DeltaTables(str(tmp_path)).scan("t")


def test_a_feature_nobody_here_knows_is_refused(tmp_path: Path) -> None:
    DeltaTables(str(tmp_path)).append("t", pl.DataFrame({"n": [1]}))

    def change(action):
        if "protocol" in action:
            features = {"readerFeatures": ["typeWidening"], "writerFeatures": ["typeWidening"]}
            action["protocol"] = {"minReaderVersion": 3, "minWriterVersion": 7, **features}
        return action

    _rewrite_first_commit(tmp_path / "t", change)
    with pytest.raises(Exception, match="typeWidening") as caught:
        DeltaTables(str(tmp_path)).scan("t")
    assert isinstance(caught.value, Refused | Unavailable)


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def _deletion_vector(rows: list[int]) -> dict[str, object]:
    """An inline one: a RoaringBitmapArray of one bitmap with one array container, in Z85."""
    bitmap = (
        struct.pack("<II", 12346, 1) + struct.pack("<HHI", 0, len(rows) - 1, 16) + struct.pack(f"<{len(rows)}H", *rows)
    )
    data = struct.pack("<iqi", 1681511377, 1, 0) + bitmap
    padded, text = data + b"\0" * (-len(data) % 4), ""
    for start in range(0, len(padded), 4):
        number = int.from_bytes(padded[start : start + 4], "big")
        text += "".join(_DIGITS[number // 85**power % 85] for power in (4, 3, 2, 1, 0))
    return {"storageType": "i", "pathOrInlineDv": text, "sizeInBytes": len(data), "cardinality": len(rows)}


def _delete_by_vector(table: Path, rows: list[int]) -> None:
    """What Spark commits for a DELETE on a table with deletion vectors."""
    first = (table / "_delta_log" / f"{0:020}.json").read_text().splitlines()
    add = next(json.loads(line)["add"] for line in first if line.startswith('{"add"'))
    features = ["deletionVectors"]
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}
    actions = [
        {"commitInfo": {"timestamp": 1, "operation": "DELETE"}},
        {"protocol": protocol},
        {"remove": {"path": add["path"], "deletionTimestamp": 1, "dataChange": True}},
        {"add": {**add, "deletionVector": _deletion_vector(rows)}},
    ]
    (table / "_delta_log" / f"{1:020}.json").write_text("".join(json.dumps(action) + "\n" for action in actions))


def _append(tables: DeltaTables) -> list[int]:
    tables.append("t", pl.DataFrame({"n": [99]}), key="k")
    return [99]


def _compact(tables: DeltaTables) -> list[int]:
    tables.append("t", pl.DataFrame({"n": [98]}))
    tables.compact("t")
    return [98]


def _merge(tables: DeltaTables) -> list[int]:
    tables.merge("t", pl.DataFrame({"n": [3, 50]}), on=["n"])
    return [50]


@pytest.mark.parametrize("then", [None, _append, _compact, _merge])
def test_deletion_vectors_count_in_reads_and_counts_and_survive_writes(tmp_path: Path, then) -> None:
    DeltaTables(str(tmp_path)).append("t", pl.DataFrame({"n": range(10)}))
    _delete_by_vector(tmp_path / "t", [2, 5])
    tables = DeltaTables(str(tmp_path))
    more = then(tables) if then else []
    assert sorted(tables.scan("t").collect()["n"].to_list()) == [0, 1, 3, 4, 6, 7, 8, 9, *more]
    assert tables.count("t") == 8 + len(more)
    assert tables.scan("t").filter(pl.col("n") < 6).select(pl.len()).collect().item() == 4
    assert tables.count("t", version=0) == 10
    gone, come = tables.difference("t", 0, 1)
    assert set(gone.collect()["n"]) - set(come.collect()["n"]) == {2, 5}


def test_what_is_committed_by_hand_is_what_delta_rs_and_others_read(tmp_path: Path) -> None:
    tables = DeltaTables(str(tmp_path))
    frame = pl.DataFrame({"n": [1, 2, 3], "day": [1, 1, 2], "name": ["a", None, "대"]})
    for number in range(30):
        tables.append("t", frame, key=f"batch-{number}", partition_by=["day"])
    with_delta = DeltaTable(tmp_path / "t")
    assert with_delta.version() == 29
    assert with_delta.transaction_version("batch-7") == 1
    actions = pl.DataFrame(with_delta.get_add_actions(flatten=True))
    assert actions["num_records"].sum() == 90
    assert actions["partition.day"].unique().sort().to_list() == [1, 2]
    assert (actions["min.n"].min(), actions["max.n"].max()) == (1, 3)
    assert with_delta.history(1)[0]["engineInfo"] == "ondol"
    assert (tmp_path / "t" / "_delta_log" / f"{25:020}.checkpoint.parquet").exists()
    from deltalake import QueryBuilder

    found = (
        QueryBuilder().register("t", with_delta).execute("select sum(n) as n, count(name) as names from t").read_all()
    )
    assert pl.DataFrame(found).row(0) == (180, 60)


def test_an_append_follows_what_others_have_changed(tmp_path: Path) -> None:
    tables, others = DeltaTables(str(tmp_path)), DeltaTables(str(tmp_path))
    tables.append("t", pl.DataFrame({"n": [1]}), key="a")
    others.append("t", pl.DataFrame({"n": [2]}), key="b")
    tables.append("t", pl.DataFrame({"n": [2]}), key="b")
    others.append("t", pl.DataFrame({"n": [3], "gate": ["A1"]}), evolve=True)
    tables.append("t", pl.DataFrame({"n": [4]}))
    tables.append("t", pl.DataFrame({"n": [5], "gate": ["B1"]}))
    others.overwrite("t", pl.DataFrame({"n": ["one"]}))
    with pytest.raises(Refused, match="'n'"):
        tables.append("t", pl.DataFrame({"n": [6]}))
    others.restore("t", 4)
    tables.append("t", pl.DataFrame({"n": [6]}), key="c")
    assert sorted(tables.scan("t").collect()["n"].to_list()) == [1, 2, 3, 4, 5, 6]
