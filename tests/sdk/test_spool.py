"""The spool on disk: what is read of it, in which order, by whom."""

from __future__ import annotations

import contextlib
import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ondol.sdk.runs import spool
from ondol.sdk.runs.records import Facts, Points, encode
from ondol.sdk.runs.spool import Destination, Reader, Writer, left_behind
from tests.sdk.training import Place


@pytest.fixture
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 300)
    with contextlib.closing(Writer(tmp_path, Destination())) as found:
        yield found


@pytest.fixture
def reader(writer: Writer) -> Iterator[Reader]:
    with contextlib.closing(Reader(writer.folder)) as found:
        yield found


def point(step: int) -> Points:
    return Points(run="run_1", at=1, step=step, values={"loss": 0.5})


def steps(records: Any) -> list[int]:
    return [record.step for record in records]


def test_records_are_read_in_their_order_over_segments_while_they_are_written(writer, reader):
    read = []
    for step in range(100):
        writer.append(encode(point(step)))
        if step % 7 == 0:
            read += steps(reader.take(1_000))
            reader.done()
    read += steps(reader.take(1_000))
    assert read == list(range(100))
    reader.done()
    assert len(list(writer.folder.glob("*.log"))) == 1


def test_a_reader_takes_at_most_a_batch_and_what_was_not_done_again(writer, reader):
    for step in range(10):
        writer.append(encode(point(step)))
    assert steps(reader.take(4)) == [0, 1, 2, 3]
    reader.done()
    assert steps(reader.take(4)) == [4, 5, 6, 7]
    reader.again()
    assert steps(reader.take(4)) == [4, 5, 6, 7]
    reader.close()
    assert steps(reader.take(100)) == [4, 5, 6, 7, 8, 9]


def test_a_record_larger_than_a_segment_has_one_of_its_own(writer, reader):
    writer.append(encode(point(0)))
    writer.append(encode(Facts(run="run_1", tags={"long": "x" * 1_000})))
    writer.append(encode(point(1)))
    found = list(reader.take(100))
    assert [type(record).__name__ for record in found] == ["Points", "Facts", "Points"]


def test_a_record_that_was_cut_in_half_is_none(writer, reader):
    writer.append(encode(point(0)))
    file = writer.folder / "00000001.log"
    content = file.read_bytes().rstrip(b"\0")
    file.write_bytes(content + b"\x20\0\0\0half")
    assert steps(reader.take(100)) == [0]


def test_the_folder_of_a_living_writer_is_nobody_elses(writer):
    with left_behind(writer.folder) as ours:
        assert not ours
    writer.close()
    with left_behind(writer.folder) as ours:
        assert ours
        with left_behind(writer.folder) as again:
            assert not again


def test_a_full_disk_is_said_and_not_tried_with_every_point(writer, reader, monkeypatch):
    def full(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    for step in range(4):
        writer.append(encode(point(step)))
    monkeypatch.setattr(spool.mmap, "mmap", full)
    long = encode(Facts(run="run_1", tags={"long": "x" * 1_000}))
    with pytest.raises(OSError, match="No space left"):
        writer.append(long)
    with pytest.raises(OSError, match="no room"):
        writer.append(long)
    assert steps(reader.take(1_000)) == [0, 1, 2, 3]


def test_a_training_goes_on_where_nothing_can_be_written(tmp_path, monkeypatch):
    place = Place(tmp_path)
    (tmp_path / "file").write_text("no folder")
    status, out, err = place.run(
        """
        import tempfile
        tempfile.tempdir = "file"
        with od.start_run(params={"a": 1}) as run:
            run.log({"loss": 1})
            run.log_text("x", "y.txt")
            assert not run.flush()
        print("trained")
        """,
        ONDOL_SPOOL="file/below",
    )
    assert (status, out) == (0, "trained\n"), err
    assert "Nothing of the run can be kept" in err


def test_a_house_takes_what_waits_when_it_comes_up_and_a_command_does_it_at_once(tmp_path):
    place = Place(tmp_path)
    assert place.run('od.start_run("first", capture=False).log({"loss": 1})')[0] == 0
    house = subprocess.Popen(
        [sys.executable, "-m", "ondol", "up", "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    try:
        assert "is up" in house.stdout.readline()
        script = place.start("import os\nrun = od.start_run('second', capture=False)\nos.kill(os.getpid(), 9)")
        script.communicate(timeout=30)
        command = [sys.executable, "-m", "ondol", "spool", "deliver"]
        answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert "delivered" in answer.stdout or "nothing waits" in answer.stdout
        listed = subprocess.run(
            [sys.executable, "-m", "ondol", "runs", "list", "--json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert '"first"' in listed.stdout
        assert '"killed"' in listed.stdout
    finally:
        house.terminate()
        house.communicate(timeout=20)
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert answer.stdout == "nothing waits\n"
