"""Jobs as processes: they end with the house, and nothing is mistaken for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ondol.adapters.process import ProcessExecutor
from ondol.kernel.errors import Unavailable
from ondol.ports.executor import Task

WAITING_TASK = """
import subprocess, time
from ondol.adapters.process import die_with_parent
die_with_parent()
child = subprocess.Popen(["sleep", "60"])
print("started", child.pid, flush=True)
time.sleep(60)
"""
HOUSE = """
import sys, time
from ondol.adapters.process import ProcessExecutor
from ondol.ports.executor import Task
executor = ProcessExecutor()
print(executor.start(Task(job_id="j", arguments=[sys.executable, "-c", sys.argv[1]], log_path=sys.argv[2])), flush=True)
time.sleep(60)
"""


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    opened = ProcessExecutor()
    yield opened
    opened.close()


def _task(program: str, log: Path) -> Task:
    return Task(job_id="job_1", arguments=[sys.executable, "-c", program], log_path=str(log))


def _until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def _started(log: Path) -> int:
    """The number of the process that the waiting task started, as soon as it says so."""
    _until(lambda: log.exists() and log.read_text().endswith("\n"))
    return int(log.read_text().split()[1])


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_task_writes_its_log_and_leaves_its_exit_code(executor: ProcessExecutor, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "job.log"
    handle = executor.start(_task("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)", log))
    _until(lambda: executor.exit_code(handle) is not None)
    assert executor.exit_code(handle) == 3
    assert sorted(log.read_text().split()) == ["err", "out"]


def test_a_task_knows_the_environment_it_was_given(tmp_path: Path) -> None:
    executor = ProcessExecutor(environment={"ONDOL_HOME": "한글"})
    handle = executor.start(_task("import os; print(os.environ['ONDOL_HOME'])", tmp_path / "log"))
    _until(lambda: executor.exit_code(handle) is not None)
    assert (tmp_path / "log").read_text() == "한글\n"
    executor.close()


def test_a_program_that_does_not_exist_is_unavailable(executor: ProcessExecutor, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="job_1"):
        executor.start(Task(job_id="job_1", arguments=["/no/such/program"], log_path=str(tmp_path / "log")))


def test_no_more_tasks_run_than_there_is_room_for(tmp_path: Path) -> None:
    executor = ProcessExecutor(limit=1)
    first = executor.start(_task("import time; time.sleep(60)", tmp_path / "log"))
    with pytest.raises(Unavailable):
        executor.start(_task("pass", tmp_path / "log"))
    executor.stop(first)
    _until(lambda: executor.exit_code(first) is not None)
    executor.start(_task("pass", tmp_path / "log"))
    executor.close()


def test_stopping_ends_a_task_and_what_it_started(executor: ProcessExecutor, tmp_path: Path) -> None:
    handle = executor.start(_task(WAITING_TASK, tmp_path / "log"))
    child = _started(tmp_path / "log")
    executor.stop(handle)
    _until(lambda: executor.exit_code(handle) is not None)
    assert executor.exit_code(handle) == -signal.SIGTERM
    _until(lambda: not _runs(child))
    executor.stop(handle)


def test_a_task_that_does_not_listen_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ondol.adapters.process.GRACE_SECONDS", 0.2)
    executor = ProcessExecutor()
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    handle = executor.start(_task(f"{deaf}\n{WAITING_TASK}", tmp_path / "log"))
    _started(tmp_path / "log")
    executor.stop(handle)
    _until(lambda: executor.exit_code(handle) is not None)
    assert executor.exit_code(handle) == -signal.SIGKILL
    executor.close()


def test_closing_stops_everything_and_starts_nothing_more(tmp_path: Path) -> None:
    executor = ProcessExecutor()
    handle = executor.start(_task(WAITING_TASK, tmp_path / "log"))
    _started(tmp_path / "log")
    executor.close()
    executor.close()
    assert executor.exit_code(handle) == -signal.SIGTERM
    with pytest.raises(Unavailable):
        executor.start(_task("pass", tmp_path / "log"))


def test_a_task_and_what_it_started_end_when_the_house_is_killed(executor: ProcessExecutor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with subprocess.Popen(
        [sys.executable, "-c", HOUSE, WAITING_TASK, str(log)], stdout=subprocess.PIPE, text=True
    ) as house:
        assert house.stdout is not None
        handle = house.stdout.readline().strip()
        child = _started(log)
        assert executor.exit_code(handle) is None, "another process of the house can ask about it"
        house.kill()
    _until(lambda: executor.exit_code(handle) == -1)
    _until(lambda: not _runs(child))


def test_a_number_that_was_used_again_is_not_the_task(executor: ProcessExecutor) -> None:
    assert executor.exit_code(f"{os.getpid()}:1") == -1
    for handle in ("", "nonsense", "1", "1:", "999999999:5"):
        assert executor.exit_code(handle) == -1
        executor.stop(handle)


WARM_PROGRAM = """
import importlib, os, sys
from ondol.adapters.process import die_with_parent
from ondol.adapters.spare import wait_for_task
die_with_parent()
words = sys.argv[1:]
if words[:1] == ["--wait"]:
    for name in words[2:]:
        importlib.import_module(name)
    words = wait_for_task(float(words[1]))
    if words is None:
        sys.exit()
print(os.getpid(), "colorsys" in sys.modules, *words, flush=True)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    file = tmp_path / "program.py"
    file.write_text(WARM_PROGRAM)
    return file


def _expected_task(program: Path, log: Path, *words: str) -> Task:
    return Task(job_id="job_1", arguments=[sys.executable, str(program), *words], log_path=str(log))


def test_a_task_that_was_expected_finds_its_libraries_loaded(program: Path, tmp_path: Path) -> None:
    executor = ProcessExecutor(warm_seconds=60)
    executor.warm([sys.executable, str(program)], ["colorsys"])
    handle = executor.start(_expected_task(program, tmp_path / "logs" / "first.log", "job", "한글"))
    _until(lambda: executor.exit_code(handle) == 0)
    assert (tmp_path / "logs" / "first.log").read_text().split() == [handle.split(":")[0], "True", "job", "한글"]
    cold = executor.start(_expected_task(program, tmp_path / "second.log", "job"))
    _until(lambda: executor.exit_code(cold) == 0)
    assert (tmp_path / "second.log").read_text().split()[1:] == ["False", "job"]
    executor.close()


def test_a_task_of_another_program_starts_cold_and_nobody_waits_any_longer(program: Path, tmp_path: Path) -> None:
    executor = ProcessExecutor(warm_seconds=60)
    executor.warm([sys.executable, str(program)], [])
    spare = executor._spare
    assert spare is not None
    handle = executor.start(_task("print('cold')", tmp_path / "log"))
    _until(lambda: executor.exit_code(handle) == 0)
    assert (tmp_path / "log").read_text() == "cold\n"
    assert not _runs(spare.pid)
    executor.close()


def test_nobody_waits_longer_than_the_house_or_its_time(program: Path, tmp_path: Path) -> None:
    patient = ProcessExecutor(warm_seconds=60)
    patient.warm([sys.executable, str(program)], [])
    assert patient._spare is not None
    pid = patient._spare.pid
    patient.close()
    assert not _runs(pid)

    hasty = ProcessExecutor(warm_seconds=0.1)
    hasty.warm([sys.executable, str(program)], [])
    assert hasty._spare is not None
    left = hasty._spare.pid
    _until(lambda: not _runs(left))
    handle = hasty.start(_expected_task(program, tmp_path / "log", "job"))
    _until(lambda: hasty.exit_code(handle) == 0)
    assert (tmp_path / "log").read_text().endswith("False job\n")
    hasty.close()
