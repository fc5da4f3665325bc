"""The keys with which a house seals its versions: files of its home, made when the first one is needed.

`<home>/keys/<name>.key`, or in the folder that the setting `keys` names: servers that share a database share these
files too. They are not in the database, because whoever can change its rows must not be able to seal them.
"""

from __future__ import annotations

import os
from pathlib import Path

from ondol.kernel.errors import Refused
from ondol.ports.tools import Tools
from ondol.registry.rules import seal
from ondol.registry.types import Version


def seal_of(tools: Tools, version: Version) -> str:
    """The seal of a version that is about to be registered."""
    return seal.seal(_signing_key(_folder(tools)), version.id, version.model, version.number, version.files)


def check(tools: Tools, version: Version) -> None:
    """`Refused` when the row is not what this house sealed. A version without a seal is older than seals."""
    if not version.seal:
        return
    name = version.seal.partition(":")[0]
    file = _folder(tools) / f"{name}.key"
    if not file.is_file():
        raise Refused(
            f"{version.model} {version.number} was sealed with the key {name}, which this home does not have.",
            hint=f"Copy {file.name} into {file.parent} from the home that registered it.",
        )
    if not seal.holds(_read(file), version.seal, version.id, version.model, version.number, version.files):
        raise Refused(
            f"The record of {version.model} {version.number} is not what was registered: its seal is broken.",
            hint="Somebody changed the row in the database. Restore it from a backup, or register the model again.",
        )


def newest_key(tools: Tools) -> tuple[str, str]:
    """The name and the key with which something is kept secret now."""
    key = _signing_key(_folder(tools))
    return seal.name_of(key), key


def key_named(tools: Tools, name: str) -> str:
    """The key that something was kept secret with; `Refused` where this home does not have it."""
    file = _folder(tools) / f"{name}.key"
    if not file.is_file():
        raise Refused(
            f"This home does not have the key {name}.", hint=f"Copy {file.name} into {file.parent} from another home."
        )
    return _read(file)


def _folder(tools: Tools) -> Path:
    return tools.config.keys_path


def _signing_key(folder: Path) -> str:
    """The newest key; a new one where there is none. Two processes may make one each: both stay good."""
    known = sorted(folder.glob("*.key"), key=lambda file: file.stat().st_mtime)
    if known:
        return _read(known[-1])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = seal.new_key()
    fresh = folder / f".{seal.name_of(key)}"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key)
    fresh.rename(folder / f"{seal.name_of(key)}.key")
    return key


def _read(file: Path) -> str:
    text = file.read_text().strip()
    if not seal.is_key(text) or file.stem != seal.name_of(text):
        raise Refused(f"{file} holds no key of that name.", hint="Restore it from a backup.")
    return text
