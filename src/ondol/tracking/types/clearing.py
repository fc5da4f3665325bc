"""Clearing away what was deleted long enough ago."""

from __future__ import annotations

from typing import Literal

import msgspec


class ClearDeleted(msgspec.Struct, frozen=True, kw_only=True):
    """`older_than` counts from the deletion: `30d`, `12h`, `0d` for all of it. With `dry_run` nothing happens."""

    older_than: str = "30d"
    dry_run: bool = False


class ClearedThing(msgspec.Struct, frozen=True, kw_only=True):
    """`bytes` of its files; `kept_because` says why it stays."""

    kind: Literal["run", "logged_model", "experiment"]
    id: str
    name: str
    bytes: int = 0
    kept_because: str = ""


class ClearReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is gone for good, or would be. Lists are cut at a thousand lines, the counts are not."""

    dry_run: bool
    runs: int
    logged_models: int
    experiments: int
    freed_bytes: int
    gone: list[ClearedThing]
    kept: list[ClearedThing]
