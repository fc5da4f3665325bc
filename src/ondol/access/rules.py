"""Secrets, names and scopes."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

from ondol.access.types import SCOPES, Actor
from ondol.kernel.errors import Forbidden, Invalid
from ondol.kernel.operation import Scope

PREFIX: Final = "ondol_"
"""Lets a secret scanner find keys that leaked into a repository."""

_RANDOM_BYTES: Final = 32
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._@-]{0,99}")


def new_secret() -> str:
    """`ondol_` and 256 random bits in 43 URL-safe characters."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def hash_of(secret: str) -> str:
    """SHA-256 in hexadecimal digits. No salt and no slow hash: nobody guesses 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare in a time that does not tell where the two differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def allow(actor: Actor, scope: Scope) -> None:
    """`Forbidden` unless the actor's scope includes `scope`."""
    if SCOPES.index(actor.scope) < SCOPES.index(scope):
        raise Forbidden(
            f"{actor.name} may {actor.scope}; this needs the scope {scope!r}.",
            hint=f"Ask an admin: ondol keys create --name {actor.name} --scope {scope}",
        )


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{name[:80]!r} is no name for a key.",
            hint="Use 1 to 100 letters, digits, '.', '_', '@' or '-': the person or program that will use it.",
        )
