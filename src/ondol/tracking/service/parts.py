"""Uploads in parts: a client sends pieces of a large file at once, and says when they are all there.

A store that hands out addresses gets the pieces itself and joins them. On any other they come through us, wait beside
the files of the proxy and are joined in constant memory. Call all of it outside a transaction.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from queue import Queue

from ondol.kernel.errors import Invalid, NotFound
from ondol.ports.blobs import Direct
from ondol.ports.tools import Tools
from ondol.tracking.service import artifacts

PARTS_LIMIT = 10_000
PIECES_AHEAD = 4
PART_SECONDS = 3600
"""So long the store takes a part at its address."""
_DIRECT = "direct:"
"""Ids of uploads that the store itself keeps start with it."""
_FOLDER = f"{artifacts.ELSEWHERE}-uploads"
_ID = re.compile(r"upload_[0-9a-z]{26}")


def begin(tools: Tools, count: int, where: str) -> tuple[str, list[str]]:
    """The id of a new upload of `count` parts, which are numbered from 1, and where the store takes them; no
    addresses when they come through us."""
    if not 1 <= count <= PARTS_LIMIT:
        raise Invalid(f"Invalid value {count} for parameter 'num_parts' supplied. It may be 1 to {PARTS_LIMIT}.")
    direct = artifacts.direct(tools)
    if direct is None or not direct.in_parts:
        return tools.new_id("upload"), []
    upload = direct.begin(where)
    addresses = [direct.part_address(where, upload, number, PART_SECONDS) for number in range(1, count + 1)]
    return _DIRECT + upload, addresses


def place(upload: str, number: int) -> str:
    """Where a part waits among the blobs."""
    if not 1 <= number <= PARTS_LIMIT:
        raise Invalid(f"Invalid value {number} for parameter 'part_number' supplied. It may be 1 to {PARTS_LIMIT}.")
    return f"{_folder(upload)}/{number:05d}"


def _folder(upload: str) -> str:
    if not _ID.fullmatch(upload):
        raise Invalid(f"Invalid value {upload[:80]!r} for parameter 'upload_id' supplied.")
    return f"{_FOLDER}/{upload}"


def complete(tools: Tools, upload: str, parts: Mapping[int, str], where: str) -> None:
    """Join the parts to the file `where`, in the order of their numbers; `NotFound` when one is missing. `parts` is
    what each was answered with when it was sent."""
    if upload.startswith(_DIRECT):
        _direct(tools).finish(where, upload.removeprefix(_DIRECT), sorted(parts.items()))
        return
    wanted = [place(upload, number) for number in sorted(parts)]
    known = {blob.path for blob in tools.blobs.list(_folder(upload))}
    if not wanted or not known.issuperset(wanted):
        raise NotFound(f"The upload {upload} has {len(known)} parts; {len(wanted)} were named.")

    tools.blobs.put(where, _joined(tools, wanted))
    abort(tools, upload, where)


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


def abort(tools: Tools, upload: str, where: str) -> None:
    """Forget an upload and its parts."""
    if upload.startswith(_DIRECT):
        _direct(tools).abandon(where, upload.removeprefix(_DIRECT))
        return
    for blob in list(tools.blobs.list(_folder(upload))):
        tools.blobs.delete(blob.path)


def _direct(tools: Tools) -> Direct:
    if tools.blobs.direct is None:
        raise NotFound("There is no such upload: the store has changed since.")
    return tools.blobs.direct
