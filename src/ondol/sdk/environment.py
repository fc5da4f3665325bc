"""What the training process runs on: Python, the platform, and every installed package that it uses."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution

from ondol.registry.types.evidence import Environment, Pin

OWN = "ondol"

_ALIASES = {"PIL": "pillow", "cv2": "opencv-python", "dateutil": "python-dateutil", "sklearn": "scikit-learn",
            "yaml": "PyYAML"}  # fmt: skip
"""Modules whose package has another name. Asking Python for all of them reads every file list there is: 0.4 s."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_FROM_THE_WHEEL = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json", "uv_build.json")


def environment() -> Environment:
    """Python, the platform, and the packages whose modules are loaded, with all that they need."""
    found: dict[str, Distribution] = {}
    waiting = [_ALIASES.get(name, name) for name in {module.partition(".")[0] for module in sys.modules}]
    while waiting:
        name = _normal(waiting.pop())
        if name in found or not (known := _distribution(name)):
            continue
        found[name] = known
        waiting += [needed for line in known.requires or [] if (needed := _needed(line))]
    packages = {name: Pin(version=found[name].version, content=_content(found[name])) for name in sorted(found)}
    return Environment(python=platform.python_version(), platform=platform.platform(), packages=packages)


def lock(packages: Mapping[str, Pin]) -> str:
    """`lock.txt`, which pip reads: all with exact versions, without Ondol itself."""
    lines = [f"{name}=={pin.version}" for name, pin in packages.items() if name != OWN]
    return "\n".join(["# Everything that the training process had loaded, and what that needs.", *lines]) + "\n"


def _needed(line: str) -> str:
    """The package that a requirement names; none for one that only an extra asks for."""
    words, _, marker = line.partition(";")
    match = _NAME.match(words.strip())
    return match.group() if match and "extra" not in marker else ""


def _distribution(name: str) -> Distribution | None:
    if not _NAME.fullmatch(name) or name in sys.stdlib_module_names:
        return None
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _content(found: Distribution) -> str:
    record = found.read_text("RECORD")
    if not record or "/" not in record or (found.read_text("direct_url.json") or "").find('"editable"') >= 0:
        return ""
    return content_of(record.splitlines())


def content_of(record: Iterable[str]) -> str:
    """SHA-256 over the files of a RECORD that came with the wheel, whoever installed it and where."""
    lines = [line.rsplit(",", 1)[0] for line in record if _from_the_wheel(line)]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _from_the_wheel(line: str) -> bool:
    path, _, rest = line.partition(",")
    name = path.rpartition("/")[2]
    # Scripts are written by the installer, outside of the folder.
    return bool(rest.strip(",")) and not path.startswith("..") and name not in _NOT_FROM_THE_WHEEL


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
