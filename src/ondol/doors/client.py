"""The Python client: one method per operation, typed records back, our own errors raised again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from ondol import catalog
from ondol.kernel.content import Content
from ondol.kernel.errors import NotFound, Unavailable, error_from
from ondol.kernel.operation import Operation


class Client:
    """`Client(url).datasets.append(dataset="flights", key="2013-04-01", rows=[...])`.

    Names are those of the command line; fields are those of the request structs.
    Keeps its connection open. Thread-safe.
    """

    def __init__(self, url: str = "http://127.0.0.1:7878", *, token: str = "", timeout: float = 60) -> None:
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        # Neither repeated nor redirected: the house says what happened, the caller decides.
        self._http = urllib3.PoolManager(maxsize=16, timeout=timeout, retries=False)
        self.url = url.rstrip("/")

    def __getattr__(self, name: str) -> Any:
        if name in catalog.OPERATIONS:
            return lambda **fields: self.call(name, **fields)
        if any(known.startswith(f"{name}.") for known in catalog.OPERATIONS):
            return _Group(self, name)
        raise AttributeError(f"no operation starts with {name!r}")

    def call(self, name: str, /, **fields: Any) -> Any:
        """Run an operation by name and give its record; raises the error that the house raised."""
        found = catalog.OPERATIONS.get(name)
        if found is None:
            raise NotFound(f"There is no operation {name!r}.", hint="ondol --help lists them.")
        return self.send(found, fields)

    def send(self, found: Operation, fields: dict[str, Any]) -> Any:
        rest = {name: value for name, value in fields.items() if value is not None}
        path = found.path
        for name in found.path_fields:
            path = path.replace(f"{{{name}}}", quote(str(rest.pop(name)), safe=""))
        if found.method in ("GET", "DELETE"):
            query = urlencode(msgspec.to_builtins(rest), doseq=True)
            response = self.request(found.method, f"{path}?{query}" if query else path)
        else:
            response = self.request(found.method, path, content=msgspec.json.encode(rest))
        if found.response is Content:
            kind = response.headers.get("content-type", "")
            return Content(name=path.rpartition("/")[2], media_type=kind, body=response.data)
        return msgspec.json.decode(response.data, type=found.response)

    def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Any request to the house (inference, streams); raises our errors for error answers."""
        sent = {**self._headers, **(headers or {})}
        try:
            response = self._http.request(method, f"{self.url}{path}", body=content, headers=sent)
        except HTTPError as error:
            raise Unavailable(f"No house answers at {self.url}: {error}", hint="ondol up") from error
        if response.status >= 400:
            raise _error_of(response)
        return response

    def at(self, moment: datetime) -> None:
        """From now on every request tells a house that replays history when it was made."""
        self._headers["Ondol-Clock"] = moment.isoformat()

    def close(self) -> None:
        self._http.clear()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Group:
    def __init__(self, client: Client, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def __getattr__(self, verb: str) -> Any:
        name = f"{self._prefix}.{verb}"
        if name not in catalog.OPERATIONS:
            raise AttributeError(f"there is no operation {name!r}")
        return lambda **fields: self._client.call(name, **fields)


def _error_of(response: urllib3.BaseHTTPResponse) -> Exception:
    try:
        body = response.json()["error"]
        return error_from(body["code"], body["message"], body.get("hint", ""), body.get("details"))
    except (ValueError, KeyError, TypeError):
        text = response.data[:200].decode(errors="replace")
        return error_from("internal", f"{response.status} {response.reason}: {text}")
