"""JSON APIs: pages followed one by one, errors retried, redirects and other hosts not followed."""

from __future__ import annotations

import email.utils
import hashlib
import ipaddress
import re
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import msgspec
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ondol.adapters.sources.secrets import resolved
from ondol.kernel.errors import Invalid, NotFound, Refused, TooLarge, Unavailable
from ondol.ports.sources import Piece, SourceRequest

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 60.0
BODY_BYTES = 64 << 20
TIMEOUT = urllib3.Timeout(connect=10.0, read=60.0)
FIRST_WAIT_SECONDS = 0.2


def read(request: SourceRequest) -> Iterator[Piece]:
    """One piece a page.

    Pages are in the order in which rows arrived, and the last one may still grow: the next look begins with it,
    and drops the rows that it had (their hashes are in the position). With `since`, the next look begins at the
    first page again and asks for what is as new as the newest watermark or newer; the rows that had it are dropped.
    """
    api = _Api(request.how)
    try:
        yield from _Walk(api, request).pages()
    finally:
        api.close()


class _Walk:
    def __init__(self, api: _Api, request: SourceRequest) -> None:
        position = request.position
        self.api = api
        self.watermark = request.how["watermark"] if request.how["since"] else ""
        self.page: dict[str, Any] = position.get("page", {})
        self.since = str(position.get("since", ""))
        self.seen = set(position.get("seen", []))
        self.newest = str(position.get("newest", self.since))
        self.newest_rows = set(position.get("newest_rows", self.seen))
        self.full: dict[str, Any] = position.get("full", {"page": self.page, "seen": sorted(self.seen)})
        """The last page that had rows."""

    def pages(self) -> Iterator[Piece]:
        before: dict[str, Any] | None = None
        while True:
            answer, headers = self.api.get(self.page, self.since)
            rows = _rows(answer, self.api.how["rows"], self.api.where)
            marked = {_hash(row): row for row in rows}
            self._note(marked)
            new = [row for mark, row in marked.items() if mark not in self.seen]
            following = self.api.following(self.page, answer, headers, rows)
            if following is not None and following in (self.page, before):
                raise Refused(
                    f"{self.api.place(self.page)}: the page names itself as the next one.",
                    hint="Look at `next` and `parameter` of the source.",
                )
            yield Piece(rows=new, position=self._position(following), origin=self.api.place(self.page))
            if following is None:
                return
            before, self.page = self.page, following

    def _note(self, marked: dict[str, dict[str, Any]]) -> None:
        if marked:
            self.full = {"page": self.page, "seen": sorted(marked)}
        for mark, row in marked.items() if self.watermark else ():
            value = row.get(self.watermark)
            text = "" if value is None else str(value)
            if _later(text, self.newest):
                self.newest, self.newest_rows = text, {mark}
            elif text == self.newest:
                self.newest_rows.add(mark)

    def _position(self, following: dict[str, Any] | None) -> dict[str, Any]:
        if not self.watermark:
            return dict(self.full) if following is None else {"page": following, "full": self.full}
        if following is None:
            return {"since": self.newest, "seen": sorted(self.newest_rows)}
        # The walk goes on with the value it began with; the newest one is for the next walk.
        newest = {"newest": self.newest, "newest_rows": sorted(self.newest_rows)}
        return {"page": following, "since": self.since, "seen": sorted(self.seen), **newest}


def _hash(row: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(row, order="sorted")).hexdigest()[:16]


def _later(value: str, than: str) -> bool:
    """As numbers when both are, else as text, as ISO moments sort."""
    if re.fullmatch(r"-?\d+(\.\d+)?", value) and re.fullmatch(r"-?\d+(\.\d+)?", than):
        return float(value) > float(than)
    return value > than


class _Api:
    def __init__(self, how: dict[str, Any]) -> None:
        self.how = how
        self.base = urlsplit(how["url"])
        self.where = (
            f"{self.base.scheme}://{self.base.hostname}{f':{self.base.port}' if self.base.port else ''}{self.base.path}"
        )
        self.declared = {**dict(parse_qsl(self.base.query, keep_blank_values=True)), **how["parameters"]}
        self.secret = {name: value for name, value in self.declared.items() if "env:" in value}
        self.headers = {"Accept": "application/json", "User-Agent": "ondol"}
        self.headers |= {name: resolved(value, f"source.headers: {name}") for name, value in how["headers"].items()}
        pool = _SafePlainPool if self.base.scheme == "http" else _SafePool
        self.pool = pool(str(self.base.hostname), self.base.port, timeout=TIMEOUT, maxsize=1)

    def place(self, page: dict[str, Any]) -> str:
        """Where a page is, for people; a link may hold what is secret."""
        return " ".join([self.where, *(f"{name} {value}" for name, value in page.items() if name != "link")])

    def close(self) -> None:
        self.pool.close()

    def get(self, page: dict[str, Any], since: str) -> tuple[Any, Any]:
        """The answer as data, and its headers; retried while another try may help."""
        target = self._target(page, since)
        wait = FIRST_WAIT_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            try:
                status, headers, body = self._ask(target)
            except urllib3.exceptions.HTTPError as error:
                status, headers, body, reason = 0, {}, b"", type(error).__name__
            else:
                reason = f"it answered {status}"
            if status == 200:
                return self._decoded(body), headers
            if status and status != 429 and status < 500:
                raise self._refusal(status, page)
            pause = _retry_after(headers) if status in (429, 503) else None
            wait = pause if pause is not None else wait * 2
            if attempt == ATTEMPTS or wait > LONGEST_WAIT_SECONDS:
                break
            time.sleep(wait)
        raise Unavailable(
            f"{self.place(page)}: {reason}, after {attempt} attempts.",
            hint="What came before has landed; the next look goes on from there.",
        )

    def _ask(self, target: str) -> tuple[int, Any, bytes]:
        answer = self.pool.request(
            "GET", target, headers=self.headers, redirect=False, retries=False, preload_content=False
        )
        try:
            body = bytearray()
            for piece in answer.stream(1 << 16):
                body += piece
                if len(body) > BODY_BYTES:
                    raise TooLarge(f"{self.where}: a page of more than {BODY_BYTES >> 20} MB.", hint="Ask for less.")
            return answer.status, answer.headers, bytes(body)
        finally:
            answer.close()

    def _target(self, page: dict[str, Any], since: str) -> str:
        if link := page.get("link"):
            # Only what we declared ourselves is looked up: the other side must not ask for our variables.
            path, _, query = str(link).partition("?")
            asked = [
                (name, self._resolved(name) if self.secret.get(name) == value else value)
                for name, value in parse_qsl(query, keep_blank_values=True)
            ]
            return f"{path}?{urlencode(asked)}" if asked else path
        found = {name: self._resolved(name) for name in self.declared}
        if self.how["paging"] == "page":
            found[self.how["parameter"]] = str(page.get("page", 1))
        elif "cursor" in page:
            found[self.how["parameter"]] = str(page["cursor"])
        if since and self.how["since"]:
            found[self.how["since"]] = since
        return str(urlunsplit(("", "", self.base.path or "/", urlencode(found), "")))

    def _resolved(self, name: str) -> str:
        return resolved(self.declared[name], f"source.parameters: {name}")

    def _decoded(self, body: bytes) -> Any:
        try:
            return msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise Refused(f"{self.where}: the answer is no JSON: {error}", hint="Look at `source.url`.") from error

    def _refusal(self, status: int, page: dict[str, Any]) -> Exception:
        where = self.place(page)
        if status == 404:
            return NotFound(f"{where} is not there (404).", hint="Look at `source.url` of the dataset.")
        if status in (401, 403):
            return Invalid(f"{where} refuses us ({status}).", hint='Is the variable behind "env:NAME" right?')
        if 300 <= status < 400:
            return Refused(
                f"{where} sends us elsewhere ({status}), and we do not follow.", hint="Declare that address."
            )
        return Refused(f"{where} answered {status}.", hint="Look at `source` of the dataset.")

    def following(self, page: dict[str, Any], answer: Any, headers: Any, rows: list[Any]) -> dict[str, Any] | None:
        """The page after this one; None when it was the last."""
        paging = self.how["paging"]
        if paging == "page":
            return {"page": page.get("page", 1) + 1} if rows else None
        if paging == "cursor":
            token = _at(answer, self.how["next"])
            return {"cursor": token} if token not in (None, "", False) else None
        if paging == "next":
            link = _at(answer, self.how["next"]) if self.how["next"] else _link_header(headers)
            return {"link": self._own(str(link), page)} if link else None
        return None

    def _own(self, link: str, page: dict[str, Any]) -> str:
        """A link on the declared host, as a path: our headers, and the secrets in them, go nowhere else."""
        here = urlunsplit((self.base.scheme, self.base.netloc, page.get("link") or self.base.path or "/", "", ""))
        target = urlsplit(urljoin(here, link))
        if (target.scheme, target.hostname, _port(target)) != (
            self.base.scheme,
            self.base.hostname,
            _port(self.base),
        ):
            raise Refused(
                f"{self.where}: the next page is at another host ({target.hostname}), and we do not go there.",
                hint="Declare that host as a source of its own.",
            )
        # Some hand the key back in the link: the position must hold its name only.
        asked = [
            (name, self.secret.get(name, value)) for name, value in parse_qsl(target.query, keep_blank_values=True)
        ]
        return f"{target.path or '/'}?{urlencode(asked, safe=':')}" if asked else target.path or "/"


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _at(answer: Any, path: str) -> Any:
    """What stands at `meta.next`; None when there is nothing."""
    for name in filter(None, path.split(".")):
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def _rows(answer: Any, path: str, where: str) -> list[dict[str, Any]]:
    found = _at(answer, path)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        there = f"it has {', '.join(map(str, answer))}" if isinstance(answer, dict) else "it is a list"
        raise Refused(
            f"{where}: at {path or 'the top'!r} of the answer is no list of objects; {there}.",
            hint='Look at `source.rows`: "data.items", or empty when the answer is the list.',
        )
    return found


def _link_header(headers: Any) -> str | None:
    """RFC 8288: `<https://...>; rel="next"`."""
    found = re.search(r'<([^>]*)>\s*;[^,]*\brel="?next"?', headers.get("Link", ""))
    return found[1] if found else None


def _retry_after(headers: Any) -> float | None:
    """Seconds, or a date (RFC 9110)."""
    text = headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _checked(opened: socket.socket) -> socket.socket:
    """A socket to a host or a network that is somebody's; the metadata of a cloud (169.254.169.254) is nobody's."""
    address = ipaddress.ip_address(str(opened.getpeername()[0]).partition("%")[0])
    real = getattr(address, "ipv4_mapped", None) or address
    if real.is_link_local or real.is_multicast or real.is_unspecified or str(real) == "fd00:ec2::254":
        opened.close()
        raise Refused(f"The source is at {address}, where no source can be.", hint="Look at `source.url`.")
    return opened


class _SafePlainConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _SafeConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _SafePlainPool(HTTPConnectionPool):
    ConnectionCls = _SafePlainConnection


class _SafePool(HTTPSConnectionPool):
    ConnectionCls = _SafeConnection
