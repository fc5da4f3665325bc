"""The runs that this process has open, the channel they share, and how the process may end."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from contextvars import ContextVar
from types import FrameType, TracebackType
from typing import TYPE_CHECKING

from ondol.kernel.config import Config
from ondol.sdk.runs.channel import Channel, settings, warn_once
from ondol.sdk.runs.records import Began, Points

if TYPE_CHECKING:
    from ondol.sdk.runs.run import Run

_lock = threading.RLock()
_open: list[Run] = []
_active: ContextVar[Run | None] = ContextVar("ondol_active_run", default=None)
_channel: Channel | None = None
_stopped_by: signal.Signals | None = None
_hooked = False


class Stopped(SystemExit):
    """SIGTERM came: unwinds the script as `sys.exit` does, so that its runs end with a word."""


def active_run() -> Run | None:
    """The innermost run that is open here; in a thread that has none of its own, the outermost of the process."""
    run = _active.get()
    while run is not None and run.status != "running":
        run = next((each for each in _open if each.id == run.parent), None) if run.parent else None
    if run is not None:
        return run
    with _lock:
        return _open[0] if _open else None


def has_own_run() -> bool:
    """Whether a run was started in this thread, and is open."""
    run = _active.get()
    return run is not None and run.status == "running"


def log_late(run: Run, metrics: dict[str, float]) -> None:
    """Metrics of a run, whether it is still open or not."""
    if run.status == "running":
        run.log(metrics)
        return
    with _lock:
        way = join(run)
        way.put(Points(run=run.id, at=time.time_ns() // 1_000_000, step=run.next_step(), values=metrics))


def join(run: Run) -> Channel:
    """The channel for a run that others began and will end."""
    with _lock:
        _hook()
        way = channel(run.config)
        way.put(joined(run.began))
    return way


def joined(began: Began) -> Began:
    """The run, for a writer that does not own it."""
    return Began(run=began.run, experiment=began.experiment, name=began.name, at=began.at, own=False)


def steps_run(identity: str) -> Run | None:
    """The open handle on a pipeline's run."""
    with _lock:
        return next((run for run in _open if run.id == identity), None)


def channel(config: Config | None = None) -> Channel:
    """The channel of this process; opened with its first run, closed with its last. `OSError` without any disk."""
    global _channel
    with _lock:
        if _channel is None:
            _channel = Channel(config or settings())
        return _channel


def enter(run: Run, *, script: bool) -> None:
    """A run has begun; of a script's own, or of a process that others start and stop."""
    with _lock:
        _hook()
        if script:
            _mind_sigterm()
        _open.append(run)
    _active.set(run)


def leave(run: Run, *, wait: bool) -> None:
    """A run has ended. The last one takes the channel along, if it may wait until things have arrived."""
    with _lock:
        if run in _open:
            _open.remove(run)
    if wait:
        close()


def close() -> None:
    """Close the channel, when no run is open any more, and wait while things arrive."""
    global _channel
    with _lock:
        if _open or _channel is None:
            return
        last, _channel = _channel, None
    if not last.close():
        warn_once(
            "left",
            f"What has not arrived waits in {last.spool}. `ondol up` there, or `ondol spool deliver`, delivers it.",
        )


def is_stop(error: BaseException) -> bool:
    """Whether a person or the system stopped the script, rather than a mistake."""
    return isinstance(error, KeyboardInterrupt | Stopped)


def words_for(error: BaseException) -> str:
    return "stopped from the keyboard" if isinstance(error, KeyboardInterrupt) else "stopped by SIGTERM"


def _hook() -> None:
    """Take notice of how the script ends. Handlers that others have set stay; ours come before them."""
    global _hooked
    if _hooked:
        return
    _hooked = True
    atexit.register(_at_exit)
    before = sys.excepthook

    def failed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        # Said first: the end of a run may wait, and the console of the run should hold it.
        before(kind, error, trace)
        for run in reversed(list(_open)):
            run.fail(error)

    sys.excepthook = failed
    os.register_at_fork(after_in_child=_in_child)


def _mind_sigterm() -> None:
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _stop)


def _stop(number: int, _: FrameType | None) -> None:
    global _stopped_by
    _stopped_by = signal.Signals(number)
    raise Stopped(128 + number)


def _at_exit() -> None:
    for run in reversed(list(_open)):
        if _stopped_by is not None:
            run.fail(Stopped())
        else:
            run.finish()
    close()


def _in_child() -> None:
    """After a fork: the thread is the parent's, and so is the folder. What the child logs goes its own way."""
    global _channel, _lock
    _lock = threading.RLock()
    parent, _channel = _channel, None
    if parent is None:
        return
    if signal.getsignal(signal.SIGTERM) is _stop:
        # Pools of workers end their children so.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent.writer.abandon()
    for run in _open:
        run.lend()
    _open.clear()
