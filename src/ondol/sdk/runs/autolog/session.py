"""One training that is looked at: the outermost call, the run it logs to, and what all libraries have in common."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import msgspec

from ondol.sdk.runs import state
from ondol.sdk.runs.autolog.hooks import options
from ondol.sdk.runs.channel import warn_once
from ondol.sdk.runs.run import Run, StepsRun
from ondol.sdk.runs.start import start_run

MOST_PARAMS = 200
MOST_COLUMNS = 1_000


@dataclass
class Session:
    """`boosts`: an inner call of the library's own training function belongs to it."""

    run: Run
    boosts: bool = False


_current: ContextVar[Session | None] = ContextVar("ondol_autolog_session", default=None)
_running: list[Session] = []
_lock = threading.Lock()
_used: weakref.WeakSet[Run] = weakref.WeakSet()
"""Runs that hold a training already: another one goes into a run below."""


def current() -> Session | None:
    return _current.get()


def nested() -> bool:
    """Whether this training is a part of another: inside it, or in a thread that it has started."""
    if _current.get() is not None:
        return True
    return bool(_running) and threading.current_thread() is not threading.main_thread() and not state.has_own_run()


@contextmanager
def session(name: str, tags: Mapping[str, str], *, boosts: bool = False) -> Iterator[Session]:
    """A training: into the open run if it is the first there, else into one of its own that ends with it."""
    above = state.active_run()
    own = above is None or above in _used or isinstance(above, StepsRun)
    run = start_run(name=name) if own or above is None else above
    _used.add(run)
    made = Session(run, boosts=boosts)
    token = _current.set(made)
    with _lock:
        _running.append(made)
    try:
        run.set_tags(tags)
        yield made
    except BaseException as error:
        if own:
            run.fail(error)
        raise
    finally:
        _current.reset(token)
        with _lock:
            _running.remove(made)
    if own:
        # The next training need not wait until this one's logs have arrived.
        run.finish(wait=False)


def quietly(about: str, work: Callable[[], None]) -> None:
    """Look at a training without being able to hurt it."""
    try:
        work()
    except Exception as error:
        warn_once(f"autolog {about}", f"autolog could not keep the {about}: {type(error).__name__}: {error}")


def log_params(run: Run, params: Mapping[str, Any]) -> None:
    simple = {key: value for key, value in params.items() if not callable(value)}
    run.log_params(dict(list(simple.items())[:MOST_PARAMS]))


def log_json(run: Run, content: Any, path: str) -> None:
    run.log_bytes(msgspec.json.format(msgspec.json.encode(content), indent=1), path)


def keep_model(run: Run, write: Callable[[], tuple[str, bytes] | None]) -> None:
    """With the person's consent: the model as a file of a format that executes no code."""
    if options.models and (found := write()):
        name, content = found
        run.log_bytes(content, f"model/{name}")


def signature(rows: Any, target: Any = None) -> dict[str, Any]:
    """The columns that a model was given, with their types, and the type of what it was to learn."""
    found: dict[str, Any] = {"inputs": _columns(rows)}
    if target is not None:
        found["output"] = str(getattr(target, "dtype", type(target).__name__))
    if (shape := getattr(rows, "shape", None)) is not None:
        found["rows"] = int(shape[0])
    return found


def _columns(rows: Any) -> list[dict[str, str]]:
    names = getattr(rows, "columns", None)
    kinds = getattr(rows, "dtypes", None)
    if names is not None and kinds is not None:
        pairs = list(zip(names, kinds, strict=False))[:MOST_COLUMNS]
        return [{"name": str(name), "type": str(kind)} for name, kind in pairs]
    shape = getattr(rows, "shape", None)
    if shape is None or len(shape) < 2:
        return []
    kind = str(getattr(rows, "dtype", ""))
    return [{"name": f"column_{number}", "type": kind} for number in range(min(int(shape[1]), MOST_COLUMNS))]
