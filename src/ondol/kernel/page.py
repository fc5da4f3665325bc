"""A page of a listing, and the opaque token that leads to the next one."""

from __future__ import annotations

import base64
import binascii
from typing import Generic, TypeVar

import msgspec

from ondol.kernel.errors import Invalid

Item = TypeVar("Item")


class Page(msgspec.Struct, Generic[Item], frozen=True, kw_only=True):
    items: list[Item]
    next_token: str | None = None


def encode_token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def decode_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise Invalid("This page token is not one of ours.", hint="Start again without a token.") from error


def page_of(rows: list[Item], limit: int, last: str) -> Page[Item]:
    """A page from `limit + 1` rows read: the extra row only says that there is more.

    `last` is the key of the last row shown.
    """
    more = len(rows) > limit
    return Page(items=rows[:limit], next_token=encode_token(last) if more else None)
