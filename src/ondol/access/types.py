"""Keys and the audit: who may do what, and who did it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ondol.kernel.operation import Scope

SCOPES: tuple[Scope, ...] = ("read", "write", "deploy", "admin")
"""Each scope includes those before it."""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    scope: Scope


class Key(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    scope: Scope
    created_at: datetime
    revoked_at: datetime | None = None


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    key: Key
    secret: str
    """Shown once; only its hash is kept."""


class CreateKey(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    scope: Scope = "read"


class ListKeys(msgspec.Struct, frozen=True, kw_only=True):
    pass


class RevokeKey(msgspec.Struct, frozen=True, kw_only=True):
    key: str


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    at: datetime
    actor: str
    operation: str
    subject: str


class ListAudit(msgspec.Struct, frozen=True, kw_only=True):
    limit: int = 100
