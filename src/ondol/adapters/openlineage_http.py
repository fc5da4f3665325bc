"""Events of OpenLineage to a collector: Marquez, DataHub, or another house."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import msgspec
import urllib3

from ondol.kernel.errors import Invalid, Unavailable

TIMEOUT_SECONDS = 10.0
ENDPOINT = "/api/v1/lineage"


class HttpLineageSink:
    """The `LineageSink` port: `POST <url>/api/v1/lineage`, unless the address names a path of its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Invalid("`openlineage_url` must be an http or https address.", hint="Write http://host:port.")
        self._url = url if parts.path.strip("/") else url.rstrip("/") + ENDPOINT
        self._host = parts.hostname

    def send(self, event: dict[str, Any]) -> None:
        headers = {"Content-Type": "application/json"}
        try:
            answer = urllib3.request(
                "POST",
                self._url,
                body=msgspec.json.encode(event),
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"{self._host} does not take lineage: {type(error).__name__}.") from error
        if answer.status >= 300:
            raise Unavailable(f"{self._host} answered {answer.status} to an event of lineage.")
