"""Trees of files: versioned by content, checked out, compared, at the cost of what has changed."""

from __future__ import annotations

import os
import struct
import time
import zlib
from datetime import timedelta
from pathlib import Path

import pytest
from blake3 import blake3

from ondol.kernel.errors import Conflict, Invalid, NotFound, Refused
from ondol.lake import service
from ondol.lake.service import packs, tree_index, trees, versions
from ondol.lake.types import GetDataset
from ondol.lake.types.files import AddFiles, CheckOutFiles, GetFile
from ondol.lake.types.versions import CompareDatasetVersions, RollBack, VacuumDataset
from tests.lake.shore import START, Lake


def png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0" * 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    (root / "a" / "deep").mkdir(parents=True)
    for number in range(60):
        (root / "a" / f"{number}.txt").write_text(f"text {number}")
    (root / "a" / "deep" / "사진.png").write_bytes(png(640, 480))
    (root / "copy.txt").write_text("text 7")
    (root / "empty").write_bytes(b"")
    age(root)
    return root


def age(root: Path) -> None:
    """As if everything had been written a while ago."""
    past = time.time_ns() - 10_000_000_000
    for file in root.rglob("*"):
        if file.is_file():
            os.utime(file, ns=(past, past))


def add(lake: Lake, folder: Path):
    return lake.call(trees.add_files, AddFiles(dataset="photos", folder=str(folder)))


def rewrite(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    past = time.time_ns() - 5_000_000_000
    os.utime(file, ns=(past, past))


def index_of(lake: Lake, version: int | None = None) -> dict[str, dict]:
    return {row["path"]: row for row in service.scan(lake.tools, "photos", version).collect().to_dicts()}


def test_a_folder_becomes_an_index_with_hashes_and_sizes_of_images(lake: Lake, folder: Path):
    added = add(lake, folder)
    assert (added.version, added.files, added.added, added.read) == (0, 63, 63, 63)
    rows = index_of(lake)
    picture = rows["a/deep/사진.png"]
    assert (picture["width"], picture["height"], picture["media_type"]) == (640, 480, "image/png")
    assert rows["a/3.txt"]["blake3"] == blake3(b"text 3").hexdigest()
    assert (rows["a/3.txt"]["bytes"], rows["a/3.txt"]["media_type"], rows["a/3.txt"]["width"]) == (
        6,
        "text/plain",
        None,
    )
    # The same bytes are stored once.
    assert (rows["copy.txt"]["pack"], rows["copy.txt"]["start"]) == (rows["a/7.txt"]["pack"], rows["a/7.txt"]["start"])
    assert added.stored_bytes == added.bytes - 6
    dataset = lake.call(service.get_dataset, GetDataset(dataset="photos"))
    assert (dataset.rows, dataset.version) == (63, 0)


def test_a_second_look_reads_only_what_may_have_changed(lake: Lake, folder: Path):
    add(lake, folder)
    again = add(lake, folder)
    assert (again.version, again.read, again.added, again.changed, again.removed) == (0, 0, 0, 0, 0)
    rewrite(folder / "a" / "5.txt", b"another")
    (folder / "a" / "6.txt").unlink()
    rewrite(folder / "new.bin", b"text 9")
    third = add(lake, folder)
    assert (third.read, third.added, third.changed, third.removed, third.files) == (2, 1, 1, 1, 63)
    assert third.stored_bytes == len(b"another")
    rows = index_of(lake)
    assert rows["a/5.txt"]["blake3"] == blake3(b"another").hexdigest()
    assert "a/6.txt" not in rows
    assert len(index_of(lake, 0)) == 63
    found = lake.call(versions.compare_versions, CompareDatasetVersions(dataset="photos", before=0))
    assert (found.added, found.changed, found.removed) == (1, 1, 1)
    assert found.changed_rows[0].key == {"path": "a/5.txt"}


def test_a_touched_file_is_read_and_is_no_new_version(lake: Lake, folder: Path):
    add(lake, folder)
    os.utime(folder / "a" / "5.txt", ns=(1_000_000_000, 1_000_000_000))
    assert (add(lake, folder).version, add(lake, folder).read) == (0, 0)


def test_a_file_that_was_written_just_now_is_read_again(lake: Lake, folder: Path):
    (folder / "racy").write_text("one")
    add(lake, folder)
    before = (folder / "racy").stat()
    (folder / "racy").write_text("two")
    os.utime(folder / "racy", ns=(before.st_atime_ns, before.st_mtime_ns))
    again = add(lake, folder)
    assert (again.read, again.changed) == (1, 1)


def test_without_the_local_index_files_are_read_and_nothing_is_stored_twice(lake: Lake, folder: Path):
    add(lake, folder)
    for file in (lake.tools.config.home_path / "files").iterdir():
        file.unlink()
    again = add(lake, folder)
    assert (again.version, again.read, again.stored_bytes) == (0, 63, 0)
    assert add(lake, folder).read == 0


def test_a_version_is_written_out_again(lake: Lake, folder: Path, tmp_path: Path):
    add(lake, folder)
    rewrite(folder / "a" / "5.txt", b"another")
    (folder / "a" / "6.txt").unlink()
    add(lake, folder)
    out = tmp_path / "out"
    request = CheckOutFiles(dataset="photos", folder=str(out), version=0)
    assert lake.call(trees.check_out, request).written == 63
    assert (out / "a" / "5.txt").read_text() == "text 5"
    assert (out / "a" / "deep" / "사진.png").read_bytes() == png(640, 480)
    (out / "mine").write_text("stays")
    (out / "a" / "9.txt").write_text("broken")
    newest = lake.call(trees.check_out, CheckOutFiles(dataset="photos", folder=str(out)))
    assert (newest.version, newest.written, newest.kept, newest.removed) == (1, 2, 60, 0)
    clean = lake.call(trees.check_out, CheckOutFiles(dataset="photos", folder=str(out), clean=True))
    assert (clean.written, clean.removed) == (0, 2)
    names = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def test_one_file_of_a_version(lake: Lake, folder: Path):
    add(lake, folder)
    found = lake.call(trees.get_file, GetFile(dataset="photos", path="a/12.txt"))
    assert (found.body, found.media_type, found.name) == (b"text 12", "text/plain", "12.txt")
    assert lake.call(trees.get_file, GetFile(dataset="photos", path="empty")).body == b""
    with pytest.raises(NotFound):
        lake.call(trees.get_file, GetFile(dataset="photos", path="nothing"))


def test_large_files_lie_by_themselves(lake: Lake, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(packs, "_LARGE_BYTES", 1000)
    monkeypatch.setattr(packs, "PACK_BYTES", 100)
    content = bytes(range(256)) * 40
    rewrite(folder / "large.bin", content)
    add(lake, folder)
    row = index_of(lake)["large.bin"]
    assert (row["blake3"], row["start"]) == (blake3(content).hexdigest(), 0)
    assert len({one["pack"] for one in index_of(lake).values()}) > 4
    lake.call(trees.check_out, CheckOutFiles(dataset="photos", folder=str(tmp_path / "out")))
    assert (tmp_path / "out" / "large.bin").read_bytes() == content


def test_going_back_and_deleting_what_nobody_needs(lake: Lake, folder: Path, tmp_path: Path):
    add(lake, folder)
    rewrite(folder / "a" / "5.txt", b"another")
    add(lake, folder)
    back = lake.call(versions.roll_back, RollBack(dataset="photos", version=0))
    assert index_of(lake)["a/5.txt"]["blake3"] == blake3(b"text 5").hexdigest()
    lake.clock.set(START + timedelta(days=1))
    asked = VacuumDataset(dataset="photos", older_than="1h", grace_hours=-1, dry_run=False)
    done = lake.call(versions.vacuum_dataset, asked)
    assert done.gone == [1]
    assert len(list(lake.tools.blobs.list("files/photos"))) == 1
    out = lake.call(trees.check_out, CheckOutFiles(dataset="photos", folder=str(tmp_path / "out")))
    assert (out.version, out.written) == (back.version, 63)
    third = add(lake, folder)
    assert (third.changed, third.stored_bytes) == (1, len(b"another"))


def test_who_dies_between_the_table_and_the_books_is_made_good_by_the_next(lake: Lake, folder: Path, monkeypatch):
    add(lake, folder)
    rewrite(folder / "a" / "5.txt", b"another")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(trees, "_note", dies)
        with pytest.raises(KeyboardInterrupt):
            add(lake, folder)
    assert index_of(lake)["a/5.txt"]["blake3"] == blake3(b"text 5").hexdigest()
    rewrite(folder / "a" / "5.txt", b"text 5")
    third = add(lake, folder)
    assert (third.files, lake.call(service.get_dataset, GetDataset(dataset="photos")).version) == (63, third.version)
    assert lake.tools.tables.count("silver/photos") == 63
    assert index_of(lake)["a/5.txt"]["blake3"] == blake3(b"text 5").hexdigest()


def test_what_cannot_be_versioned_is_told(lake: Lake, folder: Path):
    (folder / "link").symlink_to(folder / "copy.txt")
    with pytest.raises(Refused, match="link is a link"):
        add(lake, folder)
    with pytest.raises(Invalid, match="relative"):
        lake.call(trees.add_files, AddFiles(dataset="others", folder="photos"))
    with pytest.raises(NotFound, match="no folder"):
        add(lake, folder / "nowhere")
    lake.declare()
    with pytest.raises(Conflict, match="no tree of files"):
        lake.call(trees.add_files, AddFiles(dataset="flights", folder=str(folder)))


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (png(3, 4), (3, 4)),
        (b"GIF89a" + struct.pack("<HH", 5, 6), (5, 6)),
        (b"BM" + b"\0" * 16 + struct.pack("<ii", 7, -8), (7, 8)),
        (
            b"\xff\xd8\xff\xe0\0\x10" + b"\0" * 14 + b"\xff\xc0\0\x11\x08" + struct.pack(">HH", 10, 9) + b"\0" * 9,
            (9, 10),
        ),
        (b"RIFF\0\0\0\0WEBPVP8X" + b"\0" * 8 + b"\x0a\0\0\x0b\0\0", (11, 12)),
        (b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 10 + struct.pack("<HH", 13, 14), (13, 14)),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"text", None),
        (b"\xff\xd8\xff", None),
    ],
)
def test_sizes_of_images_stand_in_their_first_bytes(head: bytes, size: tuple[int, int] | None):
    from ondol.lake.rules.media import image_size

    assert image_size(head) == size


def test_an_index_that_cannot_be_read_is_none(lake: Lake, folder: Path):
    add(lake, folder)
    (file,) = (lake.tools.config.home_path / "files").iterdir()
    file.write_bytes(b"broken")
    assert tree_index.load(lake.tools.config.home_path, "photos", 0) is None
    assert add(lake, folder).read == 63
