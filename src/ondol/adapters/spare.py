"""A process that has loaded what its task will need, and waits for it: the task begins seconds earlier."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from pathlib import Path

from ondol.ports.executor import Task

WAIT_OPTION = "--wait"


class Spare:
    """The side of the executor. Until its task comes, the process costs memory only."""

    def __init__(
        self, arguments: list[str], loads: list[str], seconds: float, environment: dict[str, str], parent: int
    ) -> None:
        self._arguments = arguments
        self._loads = loads
        self._process = subprocess.Popen(
            [*arguments, WAIT_OPTION, str(seconds), *loads],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            pass_fds=(parent,),
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def waits_for(self, arguments: list[str], loads: list[str]) -> bool:
        return (arguments, loads) == (self._arguments, self._loads) and self._process.poll() is None

    def take(self, task: Task) -> subprocess.Popen[bytes] | None:
        """Give it the task; None when the task is another one, or the process is gone."""
        beginning = len(self._arguments)
        if task.arguments[:beginning] != self._arguments or self._process.poll() is not None:
            return None
        assert self._process.stdin is not None
        Path(task.log_path).parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"arguments": task.arguments[beginning:], "log": task.log_path})
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.close()
        except OSError:
            return None
        return self._process

    def dismiss(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()


def wait_for_task(seconds: float) -> list[str] | None:
    """The side of the process: the arguments of its task, whose log takes all output from now on.

    None when nothing came in that time, or whoever could have sent it is gone.
    """
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    line = sys.stdin.readline() if ready else ""
    if not line.endswith("\n"):
        return None
    task = json.loads(line)
    log = os.open(task["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.close(nothing)
    return list(task["arguments"])
