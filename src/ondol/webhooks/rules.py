"""What a webhook may be called, what is sent to it, and how that is signed; how its secret is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import uuid
from datetime import datetime
from typing import Any, Final

from ondol.kernel.errors import Invalid, Refused

ID_HEADER: Final = "X-MLflow-Delivery-Id"
TIME_HEADER: Final = "X-MLflow-Timestamp"
SIGNATURE_HEADER: Final = "X-MLflow-Signature"
MOST_WEBHOOKS: Final = 200
SECRET_LENGTH: Final = 1000
URL_LENGTH: Final = 2000
DESCRIPTION_LENGTH: Final = 1000
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")

_EXAMPLE: Final[dict[str, Any]] = {"name": "example_model"}
_PROMPT: Final[dict[str, Any]] = {"name": "example_prompt"}
_SET: Final = {"key": "example_key", "value": "example_value"}
_ABOUT: Final = {"tags": {"example_key": "example_value"}}
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "registered_model.created": _EXAMPLE | _ABOUT | {"description": "An example registered model"},
    "model_version.created": _EXAMPLE
    | {"version": "1", "source": "models:/123", "run_id": "abcd1234abcd5678"}
    | _ABOUT
    | {"description": "An example model version"},
    "model_version_tag.set": _EXAMPLE | {"version": "1"} | _SET,
    "model_version_tag.deleted": _EXAMPLE | {"version": "1", "key": "example_key"},
    "model_version_alias.created": _EXAMPLE | {"alias": "example_alias", "version": "1"},
    "model_version_alias.deleted": _EXAMPLE | {"alias": "example_alias"},
    "prompt.created": _PROMPT | _ABOUT | {"description": "An example prompt"},
    "prompt_version.created": _PROMPT
    | {"version": "1", "template": "Hello {{name}}!"}
    | _ABOUT
    | {"description": "An example prompt version"},
    "prompt_tag.set": _PROMPT | _SET,
    "prompt_tag.deleted": _PROMPT | {"key": "example_key"},
    "prompt_version_tag.set": _PROMPT | {"version": "1"} | _SET,
    "prompt_version_tag.deleted": _PROMPT | {"version": "1", "key": "example_key"},
    "prompt_alias.created": _PROMPT | {"alias": "example_alias", "version": "1"},
    "prompt_alias.deleted": _PROMPT | {"alias": "example_alias"},
}
"""What a test sends for each event, as MLflow's server does."""


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"Webhook name {name[:80]!r} is invalid. It must start and end with a letter or digit, be less than 63"
            " characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-)."
        )


def check_texts(url: str, description: str | None, secret: str | None) -> None:
    for what, text, most in (
        ("url", url, URL_LENGTH),
        ("description", description or "", DESCRIPTION_LENGTH),
        ("secret", secret or "", SECRET_LENGTH),
    ):
        if len(text) > most:
            raise Invalid(f"`{what}` has {len(text)} characters; {most} at most.")
        if "\x00" in text:
            raise Invalid(f"`{what}` holds a NUL character.")


def check_events(events: list[str]) -> None:
    if not events:
        raise Invalid("Webhook events must be a non-empty list.", hint=f"There are {', '.join(EXAMPLES)}.")


def message(what: str, facts: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The body of a message: `{"entity": "model_version", "action": "created", "timestamp": ..., "data": {...}}`."""
    entity, _, action = what.partition(".")
    return {"entity": entity, "action": action, "timestamp": at.isoformat(), "data": facts}


def delivery_id(webhook: str, change: str) -> str:
    """The same change told to the same webhook again has the same id, by which the receiver knows it."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{webhook}/{change}"))


def signature(secret: str, delivery: str, timestamp: str, body: bytes) -> str:
    """`v1,BASE64(HMAC-SHA-256(secret, "DELIVERY.TIMESTAMP.BODY"))`, as MLflow and Standard Webhooks sign.

    https://www.standardwebhooks.com
    """
    signed = b".".join((delivery.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def conceal(key: str, secret: str, webhook: str) -> str:
    """A secret as the database keeps it: `NONCE TEXT CODE` in hexadecimal digits.

    Encrypted with HMAC-SHA-256 in counter mode under a fresh nonce, then authenticated together with the webhook it
    belongs to: whoever reads the database, but not the keys of a home, learns no more of it than its length.
    """
    nonce, text = secrets.token_bytes(16), secret.encode()
    hidden = _stream(key, nonce, text)
    return f"{nonce.hex()} {hidden.hex()} {_code(key, nonce, hidden, webhook)}"


def reveal(key: str, kept: str, webhook: str) -> str:
    """The secret that `conceal` hid; `Refused` when it was changed, or belongs to another webhook or key."""
    nonce, hidden, code = kept.split(" ")
    if not hmac.compare_digest(code, _code(key, bytes.fromhex(nonce), bytes.fromhex(hidden), webhook)):
        raise Refused(f"The secret of webhook {webhook} is not what was stored.", hint="Give it a new one.")
    return _stream(key, bytes.fromhex(nonce), bytes.fromhex(hidden)).decode()


def _stream(key: str, nonce: bytes, text: bytes) -> bytes:
    derived = _derived(key, b"webhook secret: encrypt")
    pieces = (
        hmac.new(derived, nonce + number.to_bytes(4), hashlib.sha256).digest() for number in range(len(text) // 32 + 1)
    )
    return bytes(one ^ other for one, other in zip(text, b"".join(pieces), strict=False))


def _code(key: str, nonce: bytes, hidden: bytes, webhook: str) -> str:
    derived = _derived(key, b"webhook secret: authenticate")
    return hmac.new(derived, webhook.encode() + b"\x00" + nonce + hidden, hashlib.sha256).hexdigest()


def _derived(key: str, purpose: bytes) -> bytes:
    return hmac.new(bytes.fromhex(key), purpose, hashlib.sha256).digest()
