"""Jobs as processes of this machine: the default executor."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

from ondol.adapters.spare import Spare
from ondol.kernel.errors import Unavailable
from ondol.ports.executor import Task

PARENT_VARIABLE = "ONDOL_PARENT_FD"
GRACE_SECONDS = 10.0
PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads of a training that wait give their core away: on a core that is shared, spinning multiplies its time."""
_UNKNOWN = -1
_REMEMBERED = 10_000


class ProcessExecutor:
    """The `Executor` port: a task is a process in a session of its own, its output goes to its log.

    A handle is `pid:start time`, so a number that the system used again is not
    mistaken for the task. Every task inherits the reading end of one pipe, whose number
    stands in `ONDOL_PARENT_FD`; a task that calls `die_with_parent` ends when this
    process does, however it does, because the system closes the writing end.
    """

    def __init__(self, *, limit: int = 0, environment: dict[str, str] | None = None, warm_seconds: float = 0.0) -> None:
        """`limit` processes at most (0: no limit); `environment` is added to ours for each task;
        a process that was made ready by `warm` waits `warm_seconds` for its task (0: none is made)."""
        self._limit = limit
        self._warm_seconds = warm_seconds
        self._spare: Spare | None = None
        self._environment = environment or {}
        self._guard = threading.Lock()
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._reading_end, self._writing_end = os.pipe()
        self._closed = False

    def start(self, task: Task) -> str:
        with self._guard:
            if self._closed:
                raise Unavailable("The executor is shutting down.")
            running = sum(process.poll() is None for process in self._started.values())
            if self._limit and running >= self._limit:
                raise Unavailable(
                    f"{running} jobs are running, which is the limit.", hint="Try again when one has ended."
                )
            process = self._spare_for(task) or self._spawn(task)
            handle = f"{process.pid}:{_start_time(process.pid)}"
            self._started[handle] = process
            self._forget_oldest()
        return handle

    def warm(self, arguments: list[str], loads: list[str]) -> None:
        """At most one process waits; one that waits for something else leaves."""
        if not self._warm_seconds:
            return
        with self._guard:
            if self._closed or (self._spare and self._spare.waits_for(arguments, loads)):
                return
            self._dismiss_spare()
            with contextlib.suppress(OSError):
                self._spare = Spare(
                    arguments, loads, self._warm_seconds, self._environment_of_tasks(), self._reading_end
                )

    def exit_code(self, handle: str) -> int | None:
        process = self._started.get(handle)
        if process is not None:
            return process.poll()
        return None if _alive(handle) else _UNKNOWN

    def stop(self, handle: str) -> None:
        """Returns at once; what is still there after `GRACE_SECONDS` is killed with everything it started."""
        if self.exit_code(handle) is not None:
            return
        _signal(handle, signal.SIGTERM)
        insist = threading.Timer(GRACE_SECONDS, self._kill, (handle,))
        insist.daemon = True
        insist.start()

    def close(self) -> None:
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._dismiss_spare()
        running = [handle for handle, process in self._started.items() if process.poll() is None]
        for handle in running:
            _signal(handle, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for handle in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._started[handle].wait(max(0.0, deadline - time.monotonic()))
            self._kill(handle)
        os.close(self._reading_end)
        os.close(self._writing_end)

    def _environment_of_tasks(self) -> dict[str, str]:
        ours = {PARENT_VARIABLE: str(self._reading_end), "PYTHONUNBUFFERED": "1"}
        return PATIENT | os.environ | self._environment | ours

    def _spare_for(self, task: Task) -> subprocess.Popen[bytes] | None:
        spare, self._spare = self._spare, None
        if spare is None:
            return None
        taken = spare.take(task)
        if taken is None:
            spare.dismiss()
        return taken

    def _dismiss_spare(self) -> None:
        if self._spare:
            self._spare.dismiss()
            self._spare = None

    def _spawn(self, task: Task) -> subprocess.Popen[bytes]:
        log = Path(task.log_path)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            try:
                return subprocess.Popen(
                    task.arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self._environment_of_tasks(),
                    pass_fds=(self._reading_end,),
                    start_new_session=True,
                )
            except OSError as error:
                raise Unavailable(
                    f"The job {task.job_id} cannot be started: {error}", hint=f"Command: {task.arguments[:3]}."
                ) from error

    def _kill(self, handle: str) -> None:
        if self.exit_code(handle) is None:
            _signal(handle, signal.SIGKILL)
            if handle in self._started:
                self._started[handle].wait()

    def _forget_oldest(self) -> None:
        for handle in list(self._started)[: max(0, len(self._started) - _REMEMBERED)]:
            if self._started[handle].poll() is not None:
                del self._started[handle]


def die_with_parent() -> None:
    """Called by a task: when the house that started it is gone, it and everything it started end at once.

    Not `PR_SET_PDEATHSIG`: that fires when the *thread* that started the process ends,
    and servers start jobs from threads that come and go. Does nothing for a process
    that no executor started.
    """
    number = os.environ.get(PARENT_VARIABLE)
    if not number:
        return

    def watch(descriptor: int) -> None:
        with contextlib.suppress(OSError):
            while os.read(descriptor, 1):
                pass
        if os.getpgid(0) == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(137)

    threading.Thread(target=watch, args=(int(number),), name="die-with-parent", daemon=True).start()


def _alive(handle: str) -> bool:
    pid, _, started = handle.partition(":")
    return pid.isdigit() and started != "" and _start_time(int(pid)) == started


def _signal(handle: str, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(int(handle.partition(":")[0]), number)


def _start_time(pid: int) -> str:
    """When a process started, in the system's own words; empty when it is not running."""
    try:
        # The command in parentheses may contain anything, so the fields are counted from its end.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "" if os.path.isdir("/proc/self") else _start_time_by_ps(pid)
    return "" if fields[0] in "ZX" else fields[19]


def _start_time_by_ps(pid: int) -> str:
    found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "-".join(found.stdout.split()).replace(":", ".")
