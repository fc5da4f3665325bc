"""A house, as far as logging needs one: four requests over one kept connection, and which answers end a matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from ondol.kernel.errors import Conflict, Invalid, NotFound, Refused, TooLarge, Unavailable, error_from
from ondol.kernel.server_note import running_url
from ondol.sdk.runs.records import Began, Ended
from ondol.sdk.runs.spool import Destination
from ondol.tracking.rules import json_number

SECONDS = 30.0
FINAL = (Invalid, NotFound, Conflict, Refused, TooLarge)
"""Refusals that another attempt would meet again. Anything else may pass: a server that is away, starting, busy,
without our key, or another server on its port."""


class Wire:
    """Raises one of `FINAL` for what the house will never take, `Unavailable` for what it may take later."""

    def __init__(self, destination: Destination, token: str) -> None:
        import urllib3

        self._destination = destination
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = urllib3.PoolManager(maxsize=1, timeout=SECONDS, retries=False)

    def exists(self, run: str) -> bool:
        try:
            self._send("GET", f"/v1/runs/{run}")
        except NotFound:
            return False
        return True

    def begin(self, record: Began) -> None:
        body = {
            "id": record.run,
            "experiment": record.experiment,
            "name": record.name,
            "person": record.person,
            "started_at": record.at / 1000,
        }
        self._send("POST", "/v1/runs", msgspec.json.encode(body))

    def log(self, run: str, points: list[tuple[str, float, int, int]], facts: dict[str, dict[str, Any]]) -> None:
        """`points`: key, value, step and milliseconds."""
        metrics = [
            {"key": key, "value": json_number(value), "step": step, "at": at / 1000} for key, value, step, at in points
        ]
        self._send("POST", f"/v1/runs/{run}/log", msgspec.json.encode({"metrics": metrics, **facts}))

    def put(self, run: str, path: str, file: Path) -> None:
        """The bytes of a file, streamed, as an artifact of the run."""
        where = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{quote(path)}"
        with file.open("rb") as content:
            self._send("PUT", where, content, {"Content-Length": str(file.stat().st_size)})

    def end(self, record: Ended) -> None:
        body = {"status": record.status, "ended_at": record.at / 1000}
        self._send("POST", f"/v1/runs/{record.run}/finish", msgspec.json.encode(body))

    def close(self) -> None:
        self._http.clear()

    def _send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> None:
        from urllib3.exceptions import HTTPError

        url = self._destination.url or running_url(Path(self._destination.home))
        if not url:
            raise Unavailable(f"no house serves {self._destination.home} (`ondol up` starts one)")
        sent = {**self._headers, **(headers or {})}
        try:
            answer = self._http.request(method, f"{url.rstrip('/')}{path}", body=body, headers=sent)
        except (HTTPError, OSError, ValueError) as error:
            raise Unavailable(f"no house answers at {url}: {error}") from error
        if answer.status < 300:
            return
        code, message = _said(answer.data)
        refusal = error_from(code, message)
        if answer.status < 500 and isinstance(refusal, FINAL):
            raise refusal
        raise Unavailable(f"{url} answers {answer.status}: {message}")


def _said(body: bytes) -> tuple[str, str]:
    """The code and the message of an error, of our doors or of the protocol's; no code for any other page."""
    try:
        found = msgspec.json.decode(body, type=dict[str, Any])
        error = found.get("error", found)
        if "error_code" in found:
            final = found["error_code"] in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "BAD_REQUEST")
            return "invalid" if final else "", str(found.get("message", ""))
        return str(error.get("code", "")), str(error.get("message", ""))
    except (msgspec.DecodeError, msgspec.ValidationError, AttributeError):
        return "", body[:200].decode(errors="replace")
