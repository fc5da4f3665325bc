"""What every `Blobs` adapter must do. To check yours:

class TestMyBlobs(BlobsSuite):
    @pytest.fixture
    def blobs(self, tmp_path):
        return MyBlobs(str(tmp_path))
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from ondol.kernel.errors import Invalid, NotFound
from ondol.ports.blobs import Blobs

BAD_PATHS = ["", ".", "..", "../x", "a/../b", "a/./b", "/a", "a/", "a//b", "a\\b", "a\0b", "a\nb"]
GOOD_PATHS = ["a", "a/b/c.txt", "with space.txt", "한글/파일.json", "50%/x+y=z&q~.bin", ".hidden", "a..b", "ends.", "-"]


class BlobsSuite:
    """Subclass it and give the fixture `blobs`: an empty store."""

    @pytest.fixture
    def blobs(self) -> Blobs:
        raise RuntimeError("a subclass of BlobsSuite must define the fixture `blobs`")

    @pytest.mark.parametrize("path", GOOD_PATHS)
    def test_bytes_come_back_under_any_good_path(self, blobs: Blobs, path: str) -> None:
        stored = blobs.put(path, b"\x00\xffbytes")
        assert (stored.path, stored.size) == (path, 7)
        assert blobs.get(path) == b"\x00\xffbytes"
        assert [blob.path for blob in blobs.list()] == [path]

    @pytest.mark.parametrize("path", BAD_PATHS)
    def test_paths_that_leave_the_store_or_confuse_it_are_invalid(self, blobs: Blobs, path: str) -> None:
        for call in (blobs.get, blobs.head, blobs.delete, blobs.stream):
            with pytest.raises(Invalid):
                call(path)
        with pytest.raises(Invalid):
            blobs.put(path, b"")
        with pytest.raises(Invalid):
            blobs.put_new(path, b"")

    def test_what_is_not_there_is_not_found(self, blobs: Blobs) -> None:
        blobs.put("folder/blob", b"x")
        for path in ("nothing", "folder"):
            for call in (blobs.get, blobs.head, blobs.stream):
                with pytest.raises(NotFound):
                    call(path)

    def test_a_put_replaces(self, blobs: Blobs) -> None:
        blobs.put("a", b"long before")
        blobs.put("a", b"new")
        assert blobs.get("a") == b"new"
        assert blobs.head("a").size == 3

    def test_an_empty_blob_is_a_blob(self, blobs: Blobs) -> None:
        blobs.put("empty", b"")
        assert blobs.get("empty") == b""
        assert b"".join(blobs.stream("empty")) == b""

    def test_the_time_of_a_blob_is_about_now_in_utc(self, blobs: Blobs) -> None:
        stored = blobs.put("a", b"x")
        assert abs(datetime.now(UTC) - stored.modified_at) < timedelta(minutes=2)
        assert blobs.head("a") == stored

    def test_pieces_are_put_together(self, blobs: Blobs) -> None:
        stored = blobs.put("pieces", (bytes([number % 251]) * 70_000 for number in range(300)))
        assert stored.size == 21_000_000
        assert b"".join(blobs.stream("pieces")) == b"".join(bytes([number % 251]) * 70_000 for number in range(300))

    def test_a_put_that_fails_half_way_leaves_the_old_bytes(self, blobs: Blobs) -> None:
        def broken() -> Iterator[bytes]:
            yield b"x" * 9_000_000
            yield b"y" * 9_000_000
            raise ZeroDivisionError

        blobs.put("a", b"old")
        with pytest.raises(ZeroDivisionError):
            blobs.put("a", broken())
        with pytest.raises(ZeroDivisionError):
            blobs.put("b", broken())
        assert blobs.get("a") == b"old"
        assert [blob.path for blob in blobs.list()] == ["a"]

    @pytest.mark.parametrize(
        ("start", "end", "found"),
        [(0, None, b"0123456789"), (3, None, b"3456789"), (2, 5, b"234"), (0, 1, b"0"), (4, 4, b""), (7, 99, b"789"),
         (10, None, b""), (50, 60, b"")],
    )  # fmt: skip
    def test_a_range_is_cut_at_the_end(self, blobs: Blobs, start: int, end: int | None, found: bytes) -> None:
        blobs.put("digits", b"0123456789")
        assert b"".join(blobs.stream("digits", start, end)) == found

    def test_put_new_writes_once(self, blobs: Blobs) -> None:
        assert blobs.put_new("lock", b"first") is True
        assert blobs.put_new("lock", b"second") is False
        assert blobs.get("lock") == b"first"

    def test_put_new_has_one_winner_among_many(self, blobs: Blobs) -> None:
        start = threading.Barrier(8)

        def try_it(number: int) -> bool:
            start.wait()
            return blobs.put_new("lock", str(number).encode())

        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(try_it, range(8)))
        assert won.count(True) == 1
        assert blobs.get("lock") == str(won.index(True)).encode()

    def test_a_reader_sees_old_or_new_bytes_never_a_mixture(self, blobs: Blobs) -> None:
        versions = [bytes([letter]) * 300_000 for letter in b"ab"]
        blobs.put("a", versions[0])
        done = threading.Event()

        def write() -> None:
            for number in range(20):
                blobs.put("a", versions[number % 2])
            done.set()

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            while not done.is_set() and not writing.done():
                assert blobs.get("a") in versions
            writing.result()

    def test_a_listing_is_sorted_and_by_folder(self, blobs: Blobs) -> None:
        for path in ("b/2", "a/z", "ab/1", "a/b/c", "b/10", "a.txt"):
            blobs.put(path, path.encode())
        assert [blob.path for blob in blobs.list()] == ["a.txt", "a/b/c", "a/z", "ab/1", "b/10", "b/2"]
        assert [blob.path for blob in blobs.list("a")] == ["a/b/c", "a/z"]
        assert [blob.path for blob in blobs.list("a/")] == ["a/b/c", "a/z"]
        assert [blob.size for blob in blobs.list("b")] == [4, 3]
        assert list(blobs.list("nothing")) == []

    def test_deleting_is_idempotent(self, blobs: Blobs) -> None:
        blobs.put("a/b", b"x")
        blobs.delete("a/b")
        blobs.delete("a/b")
        with pytest.raises(NotFound):
            blobs.get("a/b")

    def test_the_address_shows_no_secret(self, blobs: Blobs) -> None:
        assert "://" in blobs.url
        assert "?" not in blobs.url
        assert "@" not in blobs.url
