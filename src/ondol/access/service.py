"""Keys open the doors; the audit says who did what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.access import rules
from ondol.access.types import (
    Actor,
    AuditEntry,
    CreateKey,
    Key,
    ListAudit,
    ListKeys,
    NewKey,
    RevokeKey,
)
from ondol.kernel.errors import Invalid, NotFound, Unauthenticated
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import Scope, operation
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    from ondol.access import repo
else:
    repo = lazy("ondol.access.repo")

AUDIT_LIMIT = 1_000


@operation("keys.create", "POST", "/v1/keys", scope="admin")
def create_key(tools: Tools, request: CreateKey) -> NewKey:
    """Make a key for a person or a program. Its secret is shown this once."""
    rules.check_name(request.name)
    secret = rules.new_secret()
    # By the wall: who may come in has nothing to do with the history that is replayed.
    key = Key(id=tools.new_id("key"), name=request.name, scope=request.scope, created_at=tools.wall())
    repo.insert_key(tools.connection, key, rules.hash_of(secret))
    return NewKey(key=key, secret=secret)


@operation("keys.list", "GET", "/v1/keys", scope="admin")
def list_keys(tools: Tools, request: ListKeys) -> list[Key]:
    """All keys, revoked ones too, the newest first; never their secrets."""
    return repo.list_keys(tools.connection)


@operation("keys.revoke", "POST", "/v1/keys/{key}/revoke", scope="admin")
def revoke_key(tools: Tools, request: RevokeKey) -> Key:
    """Close the doors to a key, at once and for good."""
    if repo.find_key(tools.connection, request.key) is None:
        raise NotFound(f"There is no key {request.key!r}.", hint="`ondol keys list` shows their ids.")
    repo.revoke_key(tools.connection, request.key, tools.wall())
    revoked = repo.find_key(tools.connection, request.key)
    assert revoked is not None
    return revoked


@operation("audit.list", "GET", "/v1/audit", scope="admin")
def list_audit(tools: Tools, request: ListAudit) -> list[AuditEntry]:
    """Who did what, the newest first."""
    if not 1 <= request.limit <= AUDIT_LIMIT:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {AUDIT_LIMIT}.")
    return repo.list_audit(tools.connection, request.limit)


def authenticate(tools: Tools, secret: str) -> Actor:
    """Who holds this secret. Raises `Unauthenticated` for an unknown or revoked one.

    The token of the settings counts as an admin's key, so that the first key can be made.
    """
    if tools.config.token and rules.same(secret, tools.config.token):
        return Actor(name="token", scope="admin")
    key = None
    if secret.startswith(rules.PREFIX):
        with tools.transaction(write=False) as inner:
            key = repo.find_by_hash(inner.connection, rules.hash_of(secret))
    if key is None or key.revoked_at is not None:
        raise Unauthenticated(
            "This key is unknown here, or revoked.", hint="An admin makes one: ondol keys create --name you"
        )
    return Actor(name=key.name, scope=key.scope)


def allow(actor: Actor, scope: Scope) -> None:
    """`Forbidden`, naming the scope that is needed, unless the actor has it."""
    rules.allow(actor, scope)


def record_audit(tools: Tools, actor: str, operation: str, subject: str) -> None:
    """Write down that `actor` ran `operation` on `subject`, in the open writing transaction."""
    repo.insert_audit(tools.connection, tools.wall(), actor[:200], operation, subject[:200])
