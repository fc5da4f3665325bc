"""What is kept of a run without a word: the console, the command, the machine."""

from __future__ import annotations

import sys
from pathlib import Path

from ondol.sdk.runs import console, origin, system
from ondol.sdk.runs.console import Console


def test_a_console_keeps_the_beginning_and_the_end_of_much_text(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(console, "HEAD_BYTES", 100)
    monkeypatch.setattr(console, "TAIL_BYTES", 50)
    kept = Console(tmp_path / "console.txt")
    for number in range(100):
        print("line", number)
    kept.close()
    text = (tmp_path / "console.txt").read_text()
    assert text.startswith("line 0\nline 1\n")
    assert text.endswith("line 98\nline 99\n")
    assert "bytes left out" in text
    assert len(text) < 250
    assert capsys.readouterr().out.endswith("line 99\n")


def test_a_stream_that_somebody_has_put_over_ours_stays(tmp_path):
    before = sys.stdout
    kept = Console(tmp_path / "console.txt")
    above = sys.stdout
    try:
        sys.stdout = sys.__stdout__
        kept.close()
        assert sys.stdout is sys.__stdout__
    finally:
        sys.stdout = before
    print("still printed", file=above)


def test_secrets_of_the_command_are_not_kept():
    command = [
        "python",
        "train.py",
        "--api-key=abc",
        "--token",
        "def",
        "--rounds",
        "7",
        "password=x",
        "--tokenizer=bpe",
    ]
    assert " ".join(origin._without_secrets(command)) == (
        "python train.py --api-key=*** --token *** --rounds 7 password=*** --tokenizer=bpe"
    )


def test_a_folder_without_git_is_no_mistake(tmp_path, monkeypatch):
    monkeypatch.setattr(origin, "entry_point", lambda: str(tmp_path / "nowhere.py"))
    monkeypatch.chdir(tmp_path)
    assert origin.code() == ({}, {})


def test_what_a_machine_says_is_shares_and_rates():
    found = system.System()
    values = found.read()
    assert values["system/process_cpu_percent"] >= 0
    assert values["system/process_memory_peak_mb"] > 10
    if Path("/proc/meminfo").exists():
        assert 0 < values["system/memory_percent"] < 100
        assert values["system/disk_used_percent"] > 0


def test_graphics_cards_say_what_they_know():
    assert system.to_gpu_metrics("37, 1024, 81559, 120.50, 44\n0, 0, 81559, [N/A], 30\n") == {
        "system/gpu0_percent": 37.0,
        "system/gpu0_memory_mb": 1024.0,
        "system/gpu0_memory_total_mb": 81559.0,
        "system/gpu0_power_watts": 120.5,
        "system/gpu0_celsius": 44.0,
        "system/gpu1_percent": 0.0,
        "system/gpu1_memory_mb": 0.0,
        "system/gpu1_memory_total_mb": 81559.0,
        "system/gpu1_celsius": 30.0,
    }


def nvidia_smi(folder, monkeypatch, script: str) -> None:
    """A program of that name, which writes down that it was asked."""
    program = folder / "nvidia-smi"
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_gpus_are_asked_as_nvidia_smi_wants_to_be_asked(tmp_path, monkeypatch):
    nvidia_smi(tmp_path, monkeypatch, 'printf "37, 1024, 81559, [Unknown Error], 44\\n"')
    found = system.System().read()
    assert {name: value for name, value in found.items() if "gpu" in name} == {
        "system/gpu0_percent": 37.0,
        "system/gpu0_memory_mb": 1024.0,
        "system/gpu0_memory_total_mb": 81559.0,
        "system/gpu0_celsius": 44.0,
    }
    asked = "--query-gpu=utilization.gpu,memory.used,memory.total,power.draw,temperature.gpu"
    assert (tmp_path / "asked").read_text().split() == [asked, "--format=csv,noheader,nounits"]


def test_a_driver_that_fails_is_asked_three_times(tmp_path, monkeypatch):
    nvidia_smi(tmp_path, monkeypatch, 'echo "NVIDIA-SMI has failed, 1, 2"; exit 9')
    machine = system.System()
    for _ in range(5):
        assert not [name for name in machine.read() if "gpu" in name]
    assert len((tmp_path / "asked").read_text().splitlines()) == 3
