"""Loopback without login, everything else by key, and no web page elsewhere may use a browser against us."""

from __future__ import annotations

import pytest

from ondol.access.types import Actor
from ondol.doors.guard import Guard
from ondol.kernel.errors import Forbidden, Unauthenticated

READER = Actor(name="reader", scope="read")


def authenticate(secret: str) -> Actor:
    if secret != "right":
        raise Unauthenticated("no")
    return READER


def test_loopback_needs_no_login() -> None:
    assert Guard("127.0.0.1", authenticate).admit("POST", {"host": "localhost:7878"}).scope == "admin"


@pytest.mark.parametrize("host", ["evil.example:7878", "ondol.evil.example", ""])
def test_a_name_that_was_rebound_to_loopback_is_turned_away(host: str) -> None:
    with pytest.raises(Forbidden):
        Guard("127.0.0.1", authenticate).admit("GET", {"host": host})


@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:9999", "null"])
def test_another_origin_may_not_change_things(origin: str) -> None:
    with pytest.raises(Forbidden):
        Guard("127.0.0.1", authenticate).admit("POST", {"host": "127.0.0.1:7878", "origin": origin})


def test_our_own_page_may_change_things() -> None:
    headers = {"host": "[::1]:7878", "origin": "http://[::1]:7878"}
    assert Guard("::1", authenticate).admit("POST", headers).name == "local"


def test_an_open_address_asks_for_a_key() -> None:
    guard = Guard("0.0.0.0", authenticate)
    with pytest.raises(Unauthenticated):
        guard.admit("GET", {"host": "127.0.0.1"})
    with pytest.raises(Unauthenticated):
        guard.admit("GET", {"authorization": "Bearer wrong"})
    assert guard.admit("GET", {"authorization": "Bearer right"}) == READER
