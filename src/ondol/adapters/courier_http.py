"""Webhooks over HTTPS to public addresses.

Whoever may name an address that a server calls could make it call what only the server can reach: the metadata of a
cloud, a database, itself. So the address that a name resolves to is checked, and it is checked on the very socket
that is used: a name that resolves to another address a moment later finds nothing.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ondol.kernel.errors import Invalid, Unavailable
from ondol.ports.courier import Receipt

TIMEOUT_SECONDS: Final = 5.0
"""For each step of a call, and for the whole of the answer."""
TEXT_BYTES: Final = 4096
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(text: str) -> tuple[Network, ...]:
    """`127.0.0.0/8, 10.1.0.0/16`; raises `Invalid` naming what is no network."""
    found = []
    for word in text.replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(word))
        except ValueError as error:
            raise Invalid(f"`webhook_networks`: {word!r} is no network: {error}", hint="10.1.0.0/16") from error
    return tuple(found)


class HttpCourier:
    """The `Courier` port. `inside` are networks of one's own that may be called too, also without TLS."""

    def __init__(self, inside: Sequence[Network] = ()) -> None:
        self._inside = tuple(inside)

    def check(self, url: str) -> None:
        parts = _parts(url)
        for address in _resolve(parts.hostname or "", parts.port or 443):
            self._check_address(parts, address)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        parts = _parts(url)
        host = parts.hostname or ""
        connection = http.client.HTTPConnection(host, parts.port or (443 if parts.scheme == "https" else 80))
        try:
            # A connection that has its socket already makes none: the checked address is the one that is used.
            connection.sock = self._connect(parts, connection.port)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, {**headers, "Host": parts.netloc})
            answer = connection.getresponse()
            return Receipt(status=answer.status, text=_text(answer))
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{host} does not take webhooks: {type(error).__name__}.") from error
        finally:
            connection.close()

    def _connect(self, parts: SplitResult, port: int) -> socket.socket:
        opened = socket.create_connection((parts.hostname or "", port), timeout=TIMEOUT_SECONDS)
        try:
            self._check_address(parts, ipaddress.ip_address(opened.getpeername()[0].partition("%")[0]))
            if parts.scheme == "https":
                return ssl.create_default_context().wrap_socket(opened, server_hostname=parts.hostname)
        except BaseException:
            opened.close()
            raise
        return opened

    def _check_address(self, parts: SplitResult, address: Address) -> None:
        real = _unwrapped(address)
        if any(real in network for network in self._inside if network.version == real.version):
            return
        if parts.scheme != "https":
            raise Invalid(
                f"Invalid webhook URL scheme: {parts.scheme!r}. Allowed schemes are: https.",
                hint="Name a network of your own in `webhook_networks` to call it without TLS.",
            )
        if not real.is_global or real.is_multicast or real.is_reserved:
            raise Invalid(
                f"Webhook URL must not resolve to a non-public IP address. {parts.hostname!r} resolves to {address}.",
                hint="Name a network of your own in `webhook_networks` to call it.",
            )


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise Invalid(f"Invalid webhook URL {url[:200]!r}: {error}") from error
    if parts.scheme not in ("http", "https"):
        raise Invalid(f"Invalid webhook URL scheme: {parts.scheme[:40]!r}. Allowed schemes are: https.")
    if not parts.hostname or port == 0:
        raise Invalid(f"Webhook URL must include a hostname: {url[:200]!r}")
    if parts.username is not None or parts.password is not None:
        raise Invalid("A webhook URL must not hold a name or a password: it is shown.", hint="Give it a secret.")
    if any(ord(letter) <= 32 or ord(letter) > 126 for letter in url.strip()):
        raise Invalid("A webhook URL holds printable ASCII characters only.", hint="Encode the others as %XX.")
    return parts


def _resolve(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Invalid(f"Cannot resolve Webhook URL hostname {host!r}: {error}") from error
    return [ipaddress.ip_address(str(place[4][0]).partition("%")[0]) for place in found]


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it stands for one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or address


def _text(answer: http.client.HTTPResponse) -> str:
    """The beginning of an answer. One that trickles in is not waited for."""
    deadline, pieces, size = time.monotonic() + TIMEOUT_SECONDS, [], 0
    while size < TEXT_BYTES and time.monotonic() < deadline and (piece := answer.read1(TEXT_BYTES - size)):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces).decode(errors="replace")
