"""The Blobs port in a folder, in memory, and on a real S3 endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondol.adapters.blobs import ObjectBlobs
from ondol.adapters.stores import parse_store
from ondol.kernel.errors import Conflict, Invalid
from ondol.ports.blobs import Blobs
from ondol.testing.blobs import BlobsSuite


class TestFolder(BlobsSuite):
    @pytest.fixture
    def blobs(self, tmp_path: Path) -> Blobs:
        return ObjectBlobs(str(tmp_path / "some folder"))


class TestMemory(BlobsSuite):
    @pytest.fixture
    def blobs(self) -> Blobs:
        return ObjectBlobs("memory://")


@pytest.mark.s3
class TestS3(BlobsSuite):
    @pytest.fixture
    def blobs(self, s3_url: str) -> Blobs:
        return ObjectBlobs(s3_url)


def test_a_folder_is_written_as_plain_files(tmp_path: Path) -> None:
    ObjectBlobs(tmp_path.as_uri()).put("models/1/model.txt", b"tree")
    assert (tmp_path / "models/1/model.txt").read_bytes() == b"tree"


def test_a_blob_cannot_stand_where_a_folder_is(tmp_path: Path) -> None:
    blobs = ObjectBlobs(str(tmp_path))
    blobs.put("a/b", b"x")
    for path in ("a", "a/b/c"):
        with pytest.raises(Conflict):
            blobs.put(path, b"x")


def test_an_address_gives_up_its_options_and_keeps_no_secret() -> None:
    store = parse_store("s3://bucket/some/prefix/?endpoint=http://127.0.0.1:1&secret_access_key=x&aws_region=eu")
    assert store.url == "s3://bucket/some/prefix"
    assert store.options == {"aws_endpoint": "http://127.0.0.1:1", "aws_secret_access_key": "x", "aws_region": "eu"}
    assert store.allow_http


@pytest.mark.parametrize("address", ["ftp://host/x", "s3://", "s3:///no-bucket"])
def test_addresses_that_nothing_opens_are_invalid(address: str) -> None:
    with pytest.raises(Invalid):
        ObjectBlobs(address)
