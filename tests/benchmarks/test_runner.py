"""The benchmarks run, and say ratios."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

RUNNER = Path(__file__).parents[2] / "benchmarks" / "run.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(RUNNER), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


def test_a_tiny_run_prints_ratios_for_programs():
    answer = run("--only", "kernel/db", "--scale", "0.01", "--repeat", "1", "--json")
    assert answer.returncode == 0, answer.stderr
    printed = json.loads(answer.stdout)
    assert [result["name"] for result in printed["results"]] == ["kernel/db/log", "kernel/db/get"]
    for result in printed["results"]:
        for ratio in (result["ratio"], result["cpu_ratio"]):
            assert 0 < ratio["low"] <= ratio["median"] <= ratio["high"]


def test_a_name_that_nothing_has_is_told_what_there_is():
    answer = run("--only", "roof")
    assert answer.returncode == 1
    assert "kernel/db/log" in answer.stderr
