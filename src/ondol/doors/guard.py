"""Who comes in: the only place where a request is given a name and let through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from ondol.access.types import Actor
from ondol.kernel.errors import Forbidden, Unauthenticated

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")

Authenticate = Callable[[str], Actor]


class Guard:
    """On a loopback address no login is asked, but requests that a web page elsewhere made
    a browser send are turned away (`Host` and `Origin` must be ours). On any other address
    every request needs `Authorization: Bearer KEY`."""

    def __init__(self, host: str, authenticate: Authenticate) -> None:
        self._open = host in LOOPBACK
        self._authenticate = authenticate

    def admit(self, method: str, headers: Mapping[str, str]) -> Actor:
        """The actor behind a request; raises `Unauthenticated` or `Forbidden`."""
        token = headers.get("authorization", "")
        if token.lower().startswith("bearer "):
            return self._authenticate(token[7:].strip())
        if not self._open:
            raise Unauthenticated(
                "This house asks for a key.", hint="Send `Authorization: Bearer KEY`; `ondol keys create --name me`."
            )
        if _host_of(headers.get("host", "")) not in LOOPBACK:
            raise Forbidden("The Host header is not a loopback name.", hint="Open the page as http://127.0.0.1.")
        origin = headers.get("origin")
        if method != "GET" and origin and urlsplit(origin).netloc != headers.get("host"):
            raise Forbidden(f"Requests that change things are not taken from {origin}.")
        return Actor(name="local", scope="admin")


def _host_of(header: str) -> str:
    """The name in a Host header, without the port; `[::1]` keeps its brackets."""
    has_port = "]:" in header if header.startswith("[") else header.count(":") == 1
    return header.rpartition(":")[0] if has_port else header
