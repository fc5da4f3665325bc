"""Where a run comes from: the code, the command, Python, the packages, the machine, the person."""

from __future__ import annotations

import getpass
import platform
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LARGEST = 1 << 20
"""Bytes of a patch or a script that are kept."""
GIT_SECONDS = 10

_SECRET = re.compile(r"(?i)^(-{0,2}[\w-]*(?:passw|(?:token|secret|(?:api|access)[-_]?key)(?![a-z]))[\w-]*)(=.+)?$")


def person() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def tags() -> dict[str, str]:
    """Tags that cost nothing to find out; those that MLflow knows have its names, so that its tools show them."""
    entry = entry_point()
    return {
        "mlflow.source.name": entry,
        "mlflow.source.type": "LOCAL" if entry else "NOTEBOOK",
        "mlflow.user": person(),
        "command": " ".join(_without_secrets(sys.orig_argv))[:4_000],
        "host": socket.gethostname(),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def entry_point() -> str:
    """The script; empty in a notebook or a console."""
    main = sys.modules.get("__main__")
    return str(getattr(main, "__file__", "") or "")


def _without_secrets(arguments: list[str]) -> Iterator[str]:
    hidden = False
    for argument in arguments:
        found = _SECRET.match(argument)
        yield "***" if hidden else f"{found[1]}=***" if found and found[2] else argument
        hidden = bool(found and not found[2] and argument.startswith("-"))


def packages() -> str:
    """`name==version` of everything installed, by the names of the folders that say so: reading the files takes
    fifty times longer."""
    found: dict[str, str] = {}
    for place in sys.path:
        folder = Path(place or ".")
        try:
            names = [entry.name for entry in folder.iterdir() if entry.name.endswith(".dist-info")]
        except OSError:
            continue
        for name in names:
            package, _, version = name.removesuffix(".dist-info").partition("-")
            found.setdefault(package.replace("_", "-").lower(), version)
    return "".join(f"{name}=={found[name]}\n" for name in sorted(found))


def code() -> tuple[dict[str, str], dict[str, bytes]]:
    """Tags and files of the state of the code: commit, branch, whether there are changes, and which."""
    script = Path(entry_point())
    files: dict[str, bytes] = {}
    if script.is_file() and script.stat().st_size <= LARGEST:
        files[f"code/{script.name}"] = script.read_bytes()
    folder = script.parent if script.is_file() else Path.cwd()
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return {}, files
    found = {"mlflow.source.git.commit": commit.decode().strip()}
    if branch := _git(folder, "rev-parse", "--abbrev-ref", "HEAD"):
        found["mlflow.source.git.branch"] = branch.decode(errors="replace").strip()
    patch = _git(folder, "diff", "HEAD", "--no-color", "--no-ext-diff")
    found["git.dirty"] = "true" if patch else "false"
    if patch and len(patch) <= LARGEST:
        files["code/changes.patch"] = patch
    elif patch:
        found["git.patch"] = f"left out: {len(patch)} bytes"
    return found, files


def _git(folder: Path, *words: str) -> bytes:
    try:
        answer = subprocess.run(
            ["git", "--no-optional-locks", *words],
            cwd=folder,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return b""
    return answer.stdout if answer.returncode == 0 else b""
