"""The package of a model: a folder with the runtime's files and an `ondol.json` that describes them.

Format 1 of `ondol.json`:

    {"format": 1, "flavor": "lightgbm", "features": ["wind_speed", ...], "label": "arrival_delay > 15",
     "service": "flight_inputs", "service_hash": "...", "signature": {...}}

A reader stays here for every format that was ever written, with a fixture in the tests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from ondol.kernel.errors import Invalid, Refused
from ondol.registry.types import Manifest

MANIFEST: Final = "ondol.json"
CARD: Final = "README.md"
FORMAT: Final = 1

_NO_FOLDER = re.compile(r"^[^A-Za-z0-9_-]|[^A-Za-z0-9._-]")
_EXTRAS: Final = {"lightgbm": "lightgbm", "sklearn": "sklearn"}


def write_manifest(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def read_manifest(content: bytes) -> Manifest:
    """The manifest in the newest format. `Invalid` when it is no manifest, `Refused` when a later release wrote it."""
    try:
        raw = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Invalid(f"{MANIFEST} is not JSON: {error}") from error
    if (number := raw.get("format")) not in _READERS:
        raise Refused(
            f"{MANIFEST} has the format {number!r}; this release reads {', '.join(map(str, _READERS))}.",
            hint="Load it with the release of Ondol that wrote it, or a later one.",
        )
    try:
        return _READERS[number](raw)
    except msgspec.ValidationError as error:
        raise Invalid(f"{MANIFEST}: {error}") from error


def _read_1(raw: dict[str, Any]) -> Manifest:
    return msgspec.convert(raw, Manifest)


_READERS: Final[dict[Any, Callable[[dict[str, Any]], Manifest]]] = {1: _read_1}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def address(files: Mapping[str, str]) -> str:
    """The name of a package's folder: half the SHA-256 over the names and digests of its files."""
    said = "".join(f"{name}\0{sha}\n" for name, sha in sorted(files.items()))
    return digest(said.encode())[:32]


def folder_name(model: str) -> str:
    """The name of a model as one that blobs take for a folder."""
    return _NO_FOLDER.sub("-", model)[:80]


def altered(expected: Mapping[str, str], found: Mapping[str, bytes]) -> list[str]:
    """What is wrong with the files of a package, in words; `[]` when every byte is as registered."""
    missing = [f"{name} is missing" for name in expected if name not in found]
    changed = [f"{name} was changed" for name, sha in expected.items() if name in found and digest(found[name]) != sha]
    return missing + changed


def how_to_install(flavor: str) -> str:
    extra = _EXTRAS.get(flavor)
    return f"pip install 'ondol[{extra}]'" if extra else "Write an adapter for it: `ondol.ports.runtime.Runtime`."
