"""The seal of a version: an HMAC over what it is, with a key that lies neither in the database nor among the blobs.

Whoever can write blobs and rows, but not read the keys of a home, cannot pass off another model as this one.

Format 1 of `seal.json`:

    {"format": 1, "version": "mv_...", "model": "flight-delay", "number": 3, "files": {"model.txt": "SHA-256", ...},
     "key": "1f2e3d4c", "hmac": "HMAC-SHA-256 of the JSON array [version, model, number, [[name, SHA-256], ...]]"}
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Final

import msgspec

SEAL: Final = "seal.json"
_KEY = re.compile(r"[0-9a-f]{64}")


def new_key() -> str:
    """256 random bits in hexadecimal digits."""
    return secrets.token_hex(32)


def is_key(text: str) -> bool:
    return bool(_KEY.fullmatch(text))


def name_of(key: str) -> str:
    """The name by which a seal tells which key made it."""
    return hashlib.sha256(bytes.fromhex(key)).hexdigest()[:16]


def seal(key: str, version: str, model: str, number: int, files: Mapping[str, str]) -> str:
    """`NAME:HMAC`."""
    return f"{name_of(key)}:{_code(key, version, model, number, files)}"


def holds(key: str, given: str, version: str, model: str, number: int, files: Mapping[str, str]) -> bool:
    return hmac.compare_digest(given, seal(key, version, model, number, files))


def write(given: str, version: str, model: str, number: int, files: Mapping[str, str]) -> bytes:
    """`seal.json`, for those who find the folder first."""
    name, _, code = given.partition(":")
    content = {"format": 1, "version": version, "model": model, "number": number, "files": dict(sorted(files.items()))}
    return msgspec.json.format(msgspec.json.encode(content | {"key": name, "hmac": code}), indent=2) + b"\n"


def _code(key: str, version: str, model: str, number: int, files: Mapping[str, str]) -> str:
    said = msgspec.json.encode([version, model, number, sorted(files.items())])
    return hmac.new(bytes.fromhex(key), said, hashlib.sha256).hexdigest()
