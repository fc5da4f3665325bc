"""Writes of many clients in one commit: whoever waits while one is written is written with the next.

A client that logs a point waits for the disk's log anyway; eight of them wait for it together. Nobody waits for
company: the first write of a quiet moment is committed at once, by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from ondol.home import Call, House
from ondol.kernel.operation import Operation

TOGETHER = 64
"""So many at most in one transaction: other writers of the house want their turn too."""

_Waiting = tuple[Call, "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Turns:
    """One thread that writes; started by the first write, it ends with the process."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._queue: SimpleQueue[_Waiting] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def write(self, operation: Operation, request: msgspec.Struct, actor: str) -> Any:
        """The record of a writing operation once it is committed; raises what it raised."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="ondol-mlflow-writer", daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._queue.put(((operation, request, actor), future, loop))
        return await future

    def _work(self) -> None:
        while True:
            waiting = [self._queue.get()]
            try:
                while len(waiting) < TOGETHER:
                    waiting.append(self._queue.get_nowait())
            except Empty:
                pass
            results = self._house.call_together([call for call, _, _ in waiting])
            # One server, one loop; when it is closed nobody waits any more.
            with contextlib.suppress(RuntimeError):
                waiting[0][2].call_soon_threadsafe(_deliver, waiting, results)


def _deliver(waiting: Sequence[_Waiting], results: Sequence[Any]) -> None:
    for (_, future, _), result in zip(waiting, results, strict=True):
        if future.cancelled():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
