"""Uploads in parts: a client sends pieces of a large file at once, and says when they are all there.

The pieces wait beside the files of the proxy and are joined in constant memory. Works on every store, because no
part of it is the store's own. Call all of it outside a transaction.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from queue import Queue

from ondol.kernel.errors import Invalid, NotFound
from ondol.ports.blobs import Blob
from ondol.ports.tools import Tools
from ondol.tracking.service import artifacts

PARTS_LIMIT = 10_000
PIECES_AHEAD = 4
_FOLDER = f"{artifacts.ELSEWHERE}-uploads"
_ID = re.compile(r"upload_[0-9a-z]{26}")


def begin(tools: Tools, count: int) -> str:
    """The id of a new upload of `count` parts, which are numbered from 1."""
    if not 1 <= count <= PARTS_LIMIT:
        raise Invalid(f"Invalid value {count} for parameter 'num_parts' supplied. It may be 1 to {PARTS_LIMIT}.")
    return tools.new_id("upload")


def place(upload: str, number: int) -> str:
    """Where a part waits among the blobs."""
    if not 1 <= number <= PARTS_LIMIT:
        raise Invalid(f"Invalid value {number} for parameter 'part_number' supplied. It may be 1 to {PARTS_LIMIT}.")
    return f"{_folder(upload)}/{number:05d}"


def _folder(upload: str) -> str:
    if not _ID.fullmatch(upload):
        raise Invalid(f"Invalid value {upload[:80]!r} for parameter 'upload_id' supplied.")
    return f"{_FOLDER}/{upload}"


def complete(tools: Tools, upload: str, numbers: Iterable[int], where: str) -> Blob:
    """Join the parts to the file `where`, in the order of their numbers; `NotFound` when one is missing."""
    wanted = [place(upload, number) for number in sorted(set(numbers))]
    known = {blob.path for blob in tools.blobs.list(_folder(upload))}
    if not wanted or not known.issuperset(wanted):
        raise NotFound(f"The upload {upload} has {len(known)} parts; {len(wanted)} were named.")

    made = tools.blobs.put(where, _joined(tools, wanted))
    abort(tools, upload)
    return made


def _joined(tools: Tools, paths: list[str]) -> Iterator[bytes]:
    """The bytes of several blobs, read by a thread of their own: the store's library cannot read within a write."""
    waiting: Queue[bytes | Exception | None] = Queue()
    room = threading.Semaphore(PIECES_AHEAD)
    given_up = threading.Event()

    def read() -> None:
        try:
            for path in paths:
                for piece in tools.blobs.stream(path):
                    room.acquire()
                    if given_up.is_set():
                        return
                    waiting.put(piece)
            waiting.put(None)
        except Exception as error:
            waiting.put(error)

    threading.Thread(target=read, name="ondol-parts", daemon=True).start()
    try:
        while (piece := waiting.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece
            room.release()
    finally:
        given_up.set()
        room.release()


def abort(tools: Tools, upload: str) -> None:
    """Forget an upload and its parts."""
    for blob in list(tools.blobs.list(_folder(upload))):
        tools.blobs.delete(blob.path)
