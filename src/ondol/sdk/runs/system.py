"""How busy the machine is: what /proc and nvidia-smi say, without a package for it.

What a machine does not have is left out: on macOS there is the memory of the process and the disk.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

SECONDS = 10.0
MB = 1e6
_GPU = ("utilization.gpu", "memory.used", "memory.total", "power.draw", "temperature.gpu")
_GPU_NAMES = ("percent", "memory_mb", "memory_total_mb", "power_watts", "celsius")
PATIENCE_SECONDS = 5.0
GIVEN_UP_AFTER = 3
"""So many times in a row nvidia-smi may fail before it is not asked any more."""
SECTOR = 512
"""Bytes; /proc/diskstats counts in these whatever the disk says."""


class System:
    """Call `read` from time to time: shares and rates are those since the call before."""

    def __init__(self) -> None:
        self._smi = shutil.which("nvidia-smi")
        self._failures = 0
        self._before = self._counters()

    def read(self) -> dict[str, float]:
        now, before = self._counters(), self._before
        self._before = now
        seconds = max(now["at"] - before["at"], 1e-3)
        found = {"system/process_cpu_percent": 100 * (now["process"] - before["process"]) / seconds}
        total = now.get("total", 0) - before.get("total", 0)
        if total > 0:
            found["system/cpu_percent"] = 100 * (now["busy"] - before["busy"]) / total
        for name in ("disk_read", "disk_write", "network_in", "network_out"):
            if name in now and name in before:
                found[f"system/{name}_mb_per_s"] = (now[name] - before[name]) / MB / seconds
        return found | _memory() | _disk() | self._gpus()

    def _counters(self) -> dict[str, float]:
        times = os.times()
        found = {"at": time.monotonic(), "process": times.user + times.system}
        for read in (_cpu, _disks, _network):
            try:
                found |= read()
            except (OSError, ValueError, IndexError):
                continue
        return found

    def _gpus(self) -> dict[str, float]:
        if not self._smi or self._failures >= GIVEN_UP_AFTER:
            return {}
        command = [self._smi, f"--query-gpu={','.join(_GPU)}", "--format=csv,noheader,nounits"]
        try:
            answer = subprocess.run(
                command, capture_output=True, encoding="utf-8", errors="replace", timeout=PATIENCE_SECONDS, check=True
            )
        except (OSError, subprocess.SubprocessError):
            # A driver that nobody keeps loaded may take its time once; one that is broken stays so.
            self._failures += 1
            return {}
        self._failures = 0
        return to_gpu_metrics(answer.stdout)


def to_gpu_metrics(lines: str) -> dict[str, float]:
    """Lines of nvidia-smi, one for each GPU; what it says it does not know is left out."""
    found = {}
    for number, line in enumerate(lines.splitlines()):
        for name, text in zip(_GPU_NAMES, line.split(","), strict=False):
            try:
                found[f"system/gpu{number}_{name}"] = float(text)
            except ValueError:
                continue
    return found


def _cpu() -> dict[str, float]:
    # user nice system idle iowait irq softirq steal, in hundredths of a second over all cores
    parts = [float(part) for part in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    return {"total": sum(parts), "busy": sum(parts) - parts[3] - parts[4]}


def _disks() -> dict[str, float]:
    read = write = 0.0
    for line in Path("/proc/diskstats").read_text().splitlines():
        parts = line.split()
        if not parts[2].startswith(("loop", "ram", "dm-")) and Path("/sys/block", parts[2]).exists():
            read, write = read + float(parts[5]), write + float(parts[9])
    return {"disk_read": read * SECTOR, "disk_write": write * SECTOR}


def _network() -> dict[str, float]:
    came = went = 0.0
    for line in Path("/proc/net/dev").read_text().splitlines()[2:]:
        name, _, numbers = line.partition(":")
        if name.strip() != "lo":
            parts = numbers.split()
            came, went = came + float(parts[0]), went + float(parts[8])
    return {"network_in": came, "network_out": went}


def _memory() -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {"system/process_memory_peak_mb": peak / MB if sys.platform == "darwin" else peak * 1024 / MB}
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        found["system/process_memory_mb"] = pages * os.sysconf("SC_PAGE_SIZE") / MB
        lines = Path("/proc/meminfo").read_text().splitlines()
        known = {line.partition(":")[0]: float(line.split()[1]) * 1024 for line in lines}
        found["system/memory_percent"] = 100 * (1 - known["MemAvailable"] / known["MemTotal"])
        found["system/memory_used_mb"] = (known["MemTotal"] - known["MemAvailable"]) / MB
    except (OSError, ValueError, IndexError, KeyError):
        return found
    return found


def _disk() -> dict[str, float]:
    try:
        usage = shutil.disk_usage(Path.cwd())
    except OSError:
        return {}
    return {"system/disk_used_percent": 100 * usage.used / usage.total}
