"""Blobs in a folder or an object store, through obstore."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, MemoryStore, S3Store, from_url

from ondol.adapters.stores import Store, parse_store
from ondol.kernel.errors import Conflict, Invalid, NotFound, OndolError, Unavailable
from ondol.ports.blobs import Blob, Direct

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

CHUNK_BYTES = 1 << 20
_PART_BYTES = 8 << 20
# The local store writes to `name#1` before it renames, so such names would vanish from listings.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]|#\d+(/|$)")


class ObjectBlobs:
    """The `Blobs` port over an address that `ondol.adapters.stores` understands.

    On a local disk and in S3-compatible stores a put becomes visible at once and as a
    whole; `put_new` is a conditional write of the store itself, so it holds between
    machines.
    """

    def __init__(self, address: str) -> None:
        where = parse_store(address)
        self.url = where.url
        self._store = _open(where)
        self.direct: Direct | None = _direct(self._store)

    def put(self, path: str, content: bytes | Iterable[bytes]) -> Blob:
        checked = check_path(path)
        with _translated(checked):
            if isinstance(content, bytes):
                obstore.put(self._store, checked, content, use_multipart=len(content) > _PART_BYTES)
            else:
                obstore.put(self._store, checked, _blocks(content), chunk_size=_PART_BYTES)
            return _blob(obstore.head(self._store, checked))

    def put_new(self, path: str, content: bytes) -> bool:
        checked = check_path(path)
        with _translated(checked):
            try:
                obstore.put(self._store, checked, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    def get(self, path: str) -> bytes:
        checked = check_path(path)
        with _translated(checked):
            return bytes(obstore.get(self._store, checked).bytes())

    def stream(self, path: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes `[start, end)`, cut at the blob's end; `NotFound` at once, not at the first chunk."""
        checked = check_path(path)
        if start < 0 or (end is not None and end < start):
            raise Invalid(f"[{start}, {end}) is not a range of bytes.")
        if start == 0 and end is None:
            with _translated(checked):
                return _chunks(checked, obstore.get(self._store, checked).stream(CHUNK_BYTES))
        size = self.head(checked).size
        last = size if end is None else min(end, size)
        if start >= last:
            return iter(())
        with _translated(checked):
            found = obstore.get(self._store, checked, options={"range": (start, last)})
            return _chunks(checked, found.stream(CHUNK_BYTES))

    def head(self, path: str) -> Blob:
        checked = check_path(path)
        with _translated(checked):
            return _blob(obstore.head(self._store, checked))

    def list(self, prefix: str = "") -> Iterator[Blob]:
        checked = check_path(prefix.rstrip("/")) if prefix.strip("/") else ""
        with _translated(checked):
            found = [_blob(meta) for batch in obstore.list(self._store, checked or None) for meta in batch]
        return iter(sorted(found, key=lambda blob: blob.path))

    def delete(self, path: str) -> None:
        checked = check_path(path)
        try:
            with _translated(checked):
                obstore.delete(self._store, checked)
        except NotFound:
            return


def check_path(path: str) -> str:
    """The path itself when it is one a blob may have; `Invalid` otherwise."""
    segments = path.split("/")
    if not all(segments) or any(segment in (".", "..") for segment in segments) or _FORBIDDEN.search(path):
        raise Invalid(
            f"{path!r} is not a path of a blob.",
            hint="Write relative paths such as `models/fraud/3/model.txt`: no `..`, no backslash, no empty part.",
        )
    return path


def _open(where: Store) -> ObjectStore:
    if where.scheme == "file":
        Path(where.folder).mkdir(parents=True, exist_ok=True)
        return LocalStore(where.folder)
    if where.scheme == "memory":
        return MemoryStore()
    client = {"allow_http": True} if where.allow_http else {}
    # Its overloads name every option of every cloud; ours come from a URL and are checked by the store.
    open_url: Callable[..., ObjectStore] = from_url
    try:
        return open_url(where.url, config=where.options, client_options=client)
    except (BaseError, ValueError) as error:
        raise Invalid(f"{where.url} cannot be opened: {_first_line(error)}", hint="Check `artifacts`.") from error


def _direct(store: ObjectStore) -> Direct | None:
    if not isinstance(store, S3Store):
        return None
    from ondol.adapters.s3_direct import S3Direct

    # The library takes them from the same places; what it asks the machine for it keeps to itself.
    given = dict(store.config or {}).get("secret_access_key")
    return S3Direct(store, str(given or os.environ.get("AWS_SECRET_ACCESS_KEY", "")))


def _blob(meta: ObjectMeta) -> Blob:
    return Blob(path=meta["path"], size=meta["size"], modified_at=meta["last_modified"])


def _chunks(path: str, stream: Iterable[bytes]) -> Iterator[bytes]:
    with _translated(path):
        for chunk in stream:
            yield bytes(chunk)


def _blocks(content: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks of some size from pieces of any size: each one crosses into the store's threads once."""
    waiting = bytearray()
    for piece in content:
        waiting += piece
        if len(waiting) >= _PART_BYTES:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"Nothing is stored at {path!r}.") from error
    except OndolError:
        raise
    except (PermissionDeniedError, UnauthenticatedError, PermissionError) as error:
        raise Unavailable(f"The store refuses access to {path!r}.", hint="Check its credentials.") from error
    except BaseError as error:
        reason = _first_line(error)
        if "directory (os error" in reason:
            raise Conflict(f"{path!r}: a folder and a blob cannot have the same name.") from error
        raise Unavailable(f"The store failed at {path!r}: {reason}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
