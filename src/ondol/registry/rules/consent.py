"""Consent to a pickle: who said that what is in it may run, sealed with a key of the house."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from datetime import datetime
from typing import Final

import msgspec

from ondol.registry.types import Version
from ondol.registry.types.evidence import PickleConsent

FLAVOR: Final = "pickle"
FILE: Final = "model.pkl"

# As YAML's writers put it: one quoted text, folded where it is long.
_INPUTS = re.compile(r"^  inputs: '((?:[^']|'')*)'", re.MULTILINE)


def consent(key: tuple[str, str], version: Version, by: str, at: datetime, reason: str) -> PickleConsent:
    """`key` is the name and the key."""
    given = PickleConsent(by=by, at=at, reason=reason)
    return msgspec.structs.replace(given, code=f"{key[0]}:{_code(key[1], version, given)}")


def holds(key: str, version: Version, given: PickleConsent) -> bool:
    """Whether this consent was given to these bytes, in this house."""
    return hmac.compare_digest(given.code.partition(":")[2], _code(key, version, given))


def said(given: PickleConsent) -> str:
    return f"a pickle, which {given.by} consented to on {given.at:%Y-%m-%d}: {given.reason}"


def features_of(mlmodel: str) -> list[str]:
    """The names of the columns in the signature of an `MLmodel` file; empty when it has none."""
    found = _INPUTS.search(mlmodel)
    if found is None:
        return []
    text = re.sub(r"\s*\n\s+", " ", found[1]).replace("''", "'")
    try:
        columns = json.loads(text)
        return [str(column["name"]) for column in columns]
    except (ValueError, TypeError, KeyError):
        return []


def _code(key: str, version: Version, given: PickleConsent) -> str:
    text = msgspec.json.encode(
        ["pickle", version.id, sorted(version.files.items()), given.by, given.at.isoformat(), given.reason]
    )
    return hmac.new(bytes.fromhex(key), text, hashlib.sha256).hexdigest()
