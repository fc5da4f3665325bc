"""Bytes as an answer: files, logs, packages."""

from __future__ import annotations

import msgspec


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that returns this answers with the bytes themselves instead of JSON."""

    name: str
    media_type: str
    body: bytes
