"""A run in a script, a notebook or a step."""

from __future__ import annotations

import functools
import io
import shutil
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec

from ondol.kernel.config import Config
from ondol.sdk.runs import state
from ondol.sdk.runs.channel import Channel, warn_once
from ondol.sdk.runs.records import Began, Ended, Ending, Facts, File, Points, Value, encode
from ondol.tracking.rules import json_number

Arguments = ParamSpec("Arguments")

LONGEST_VALUE = 8_000
"""Characters of a parameter or a tag; longer ones are cut."""


def _safely(function: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """What goes wrong in logging is said once, and never reaches the training."""

    @functools.wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception as error:
            warn_once(function.__name__, f"run.{function.__name__}: {type(error).__name__}: {error}")

    return call


class Run:
    """What `od.start_run` gives. Methods return at once, may be called from any thread, and never raise.

    What `log`, `log_params` and `set_tags` were told is safe from `kill -9` when they return.
    """

    def __init__(self, began: Began, channel: Channel | None, *, parent: str = "") -> None:
        self.id = began.run
        self.name = began.name
        self.experiment = began.experiment
        self.parent = parent
        self.status: str = "running"
        self.began = began
        self.config = channel.config if channel else None
        """Where its logs go."""
        self.borrowed = False
        """Somebody else ends it: the pipeline, or the process that we were forked from."""
        self._channel = channel
        self._append: Callable[[bytes], None] = channel.writer.append if channel else self._first
        self._next_step = 0
        self._params: dict[str, Value] = {}
        self._closers: list[Callable[[], None]] = []

    @property
    def channel(self) -> Channel:
        if self._channel is None:
            if not self.borrowed:
                raise OSError("there is no place for what is logged")
            # Only now: most steps and most workers never log.
            self._channel = state.join(self)
            self._append = self._channel.writer.append
        return self._channel

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Values of metrics. Without a `step` it is the one after the last."""
        try:
            if step is None:
                step = self._next_step
            if step >= self._next_step:
                self._next_step = step + 1
            values = {key: value if value.__class__ is float else float(value) for key, value in metrics.items()}
            point = Points(run=self.id, at=time.time_ns() // 1_000_000, step=step, values=values)
            self._append(encode(point))
        except Exception as error:
            warn_once("log", f"run.log: {type(error).__name__}: {error}")

    @_safely
    def log_params(self, params: Mapping[str, Any]) -> None:
        """Parameters, which keep their first value. What is no number, text or truth is kept as its text."""
        fresh = {}
        for key, value in params.items():
            kept = _plain(value)
            first = self._params.setdefault(key, kept)
            if first != kept:
                warn_once(f"param {key}", f"Parameter {key!r} keeps its first value {first!r}; {kept!r} is not kept.")
            else:
                fresh[key] = kept
        self._put(Facts(run=self.id, params=fresh))

    @_safely
    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Tags, which may be set again."""
        self._put(Facts(run=self.id, tags={key: str(value)[:LONGEST_VALUE] for key, value in tags.items()}))

    @_safely
    def log_artifact(self, file: str | Path, path: str = "") -> None:
        """A file, or a folder with all that is in it, under its own name or under `path`. It is copied first, so it
        may change afterwards."""
        source = Path(file)
        if source.is_dir():
            for part in sorted(each for each in source.rglob("*") if each.is_file()):
                self._copy(part, f"{path or source.name}/{part.relative_to(source).as_posix()}")
        else:
            self._copy(source, path or source.name)

    @_safely
    def log_text(self, text: str, path: str) -> None:
        self._keep(text.encode(errors="replace"), path)

    @_safely
    def log_bytes(self, content: bytes, path: str) -> None:
        self._keep(content, path)

    @_safely
    def log_figure(self, figure: Any, path: str) -> None:
        """A figure of Matplotlib (`.png`, `.svg` ...) or of Plotly (`.html`)."""
        if hasattr(figure, "savefig"):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=path.rpartition(".")[2] or "png")
            self._keep(buffer.getvalue(), path)
        elif hasattr(figure, "to_html"):
            self._keep(figure.to_html(include_plotlyjs="cdn").encode(), path)
        else:
            raise TypeError(f"{type(figure).__name__} is no figure of Matplotlib or Plotly")

    def finish(self, status: Ending = "finished", *, wait: bool = True) -> None:
        """End the run and, if it is the last one, wait while what was logged arrives; what cannot arrive is
        delivered later."""
        if self.status != "running":
            return
        self.status = status
        try:
            for close in reversed(self._closers):
                close()
            self._end(status)
        except Exception as error:
            warn_once("finish", f"run.finish: {type(error).__name__}: {error}")
        finally:
            state.leave(self, wait=wait)

    def fail(self, error: BaseException) -> None:
        """End the run as failed, or as killed when somebody stopped it, with what happened."""
        if self.status != "running":
            return
        if killed := state.is_stop(error):
            self.set_tags({"error": state.words_for(error)})
        else:
            text = "".join(traceback.format_exception(error))
            self.set_tags({"error": traceback.format_exception_only(error)[-1].strip()[:500]})
            self.log_text(text, "error.txt")
        self.finish("killed" if killed else "failed")

    def flush(self) -> bool:
        """Wait until everything logged so far has arrived; False when the house does not take it now."""
        return self._channel.flush() if self._channel is not None else self.borrowed

    def next_step(self) -> int:
        step = self._next_step
        self._next_step += 1
        return step

    def on_close(self, close: Callable[[], None]) -> None:
        self._closers.append(close)

    def lend(self) -> None:
        """In a forked child: log on, through a channel of its own if there is anything to log."""
        self.borrowed, self._channel, self._append = True, None, self._first
        self._closers.clear()

    def __reduce__(self) -> tuple[Any, ...]:
        return revived, (self.began, self.config, self.parent)

    def _first(self, body: bytes) -> None:
        self.channel.writer.append(body)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if error is None or (isinstance(error, SystemExit) and not error.code):
            self.finish()
        else:
            self.fail(error)

    def _end(self, status: Ending) -> None:
        if not self.borrowed:
            self._put(Ended(run=self.id, status=status, at=time.time_ns() // 1_000_000))

    def _put(self, record: Facts | File | Ended) -> None:
        self.channel.put(record)

    def _copy(self, source: Path, path: str) -> None:
        copy = self.channel.writer.file()
        shutil.copyfile(source, copy)
        self._sent(copy, path)

    def _keep(self, content: bytes, path: str) -> None:
        copy = self.channel.writer.file()
        copy.write_bytes(content)
        self._sent(copy, path)

    def _sent(self, copy: Path, path: str, *, live: bool = False) -> None:
        file = copy.relative_to(self.channel.writer.folder).as_posix()
        self._put(File(run=self.id, path=path, file=file, live=live))

    def log_growing(self, path: str) -> Path:
        """An artifact that may be written to until the run ends; where to write."""
        copy = self.channel.writer.file()
        copy.touch()
        self._sent(copy, path, live=True)
        return copy


class StepsRun(Run):
    """The run of a pipeline, from inside one of its steps: the step and the pipeline end it, not we."""

    def __init__(self, began: Began, config: Config, *, note: Callable[[str, float], None]) -> None:
        super().__init__(began, None)
        self.config, self.borrowed = config, True
        self._note = note

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """With a `step`: points of a curve. Without one: the step's own numbers."""
        try:
            if step is not None:
                super().log(metrics, step)
                return
            for key, value in metrics.items():
                self._note(key, float(value))
        except Exception as error:
            warn_once("log", f"run.log: {type(error).__name__}: {error}")

    def fail(self, error: BaseException) -> None:
        self.finish()


def revived(began: Began, config: Config | None, parent: str) -> Run:
    """The run in another process, to which it was sent: logs go to it, and its own process ends it."""
    run = Run(began, None, parent=parent)
    run.config, run.borrowed = config, True
    return run


def _plain(value: Any) -> Value:
    if isinstance(value, float):
        return json_number(value)
    if value is None or isinstance(value, bool | int):
        return value
    # Numbers of NumPy and the like are Python's.
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return _plain(value.item())
    return str(value)[:LONGEST_VALUE]
