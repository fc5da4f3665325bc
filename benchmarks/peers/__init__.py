"""Environments of other products, each of its own: what they pin must not change what we measure or test."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parent
_BIN = Path(sys.executable).parent


class Unavailable(Exception):
    """Why an environment cannot be made here."""


def environment(peer: str) -> Path:
    """The Python of a peer's environment, made once for each content of its pins, in `.venv/peers`."""
    pins = PEERS / peer / "requirements.txt"
    digest = hashlib.sha256(pins.read_bytes()).hexdigest()[:16]
    folder = Path(sys.prefix) / "peers" / f"{peer}-{digest}"
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return python
    _run(_BIN / "uv", "venv", "--quiet", "--clear", "--python", sys.executable, folder)
    # Spark comes as source: half of its installation would go into packing 400 MB that are unpacked at once.
    quick = ("--config-settings-package", "pyspark:--build-option=--compression=stored")
    _run(_BIN / "uv", "pip", "install", "--quiet", "--require-hashes", *quick, "--python", python, "-r", pins)
    (folder / "ready").touch()
    return python


def _run(*command: str | Path) -> None:
    try:
        answer = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Unavailable(f"{command[0]} is not here: pip install uv") from error
    if answer.returncode:
        last = (answer.stderr.strip() or answer.stdout.strip()).splitlines()[-1:]
        raise Unavailable(f"{' '.join(map(str, command[:3]))}: {' '.join(last)[:300]}")
