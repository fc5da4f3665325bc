"""One at a time between processes and machines: a lock beside the files it guards."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ondol.adapters.blobs import ObjectBlobs
from ondol.kernel.errors import NotFound

LEASE_SECONDS = 900


@contextmanager
def file_turn(file: Path) -> Iterator[bool]:
    """True when this process has the turn until the block ends; the system gives it back when the process dies."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        taken = _try_lock(handle)
        yield taken


def _try_lock(handle: Any) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def blob_turn(blobs: ObjectBlobs, path: str) -> Iterator[bool]:
    """The same in an object store, by a blob that only one can create.

    A turn that was not given back is free again after `LEASE_SECONDS`; work done under
    it must end well before.
    """
    mine = f"{os.uname().nodename}:{os.getpid()}:{uuid.uuid4()}".encode()
    taken = blobs.put_new(path, mine) or (_expired(blobs, path) and blobs.put_new(path, mine))
    try:
        yield taken
    finally:
        with contextlib.suppress(NotFound):
            if taken and blobs.get(path) == mine:
                blobs.delete(path)


def _expired(blobs: ObjectBlobs, path: str) -> bool:
    """Whether a turn nobody gave back was cleared away."""
    try:
        if time.time() - blobs.head(path).modified_at.timestamp() < LEASE_SECONDS:
            return False
    except NotFound:
        return True
    blobs.delete(path)
    return True
