"""Where files are: one way to write it for blobs and tables.

    /data/ondol   file:///data/ondol        a folder
    s3://bucket/prefix?endpoint=http://127.0.0.1:8333&region=us-east-1
    gs://bucket/prefix    az://container/prefix
    memory://                               for tests

Credentials come from the environment variables of each cloud (`AWS_ACCESS_KEY_ID`,
`GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME` ...) or stand in the
query like the endpoint: `access_key_id=...&secret_access_key=...`.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from ondol.kernel.errors import Invalid

_PREFIXES = {"s3": "aws", "s3a": "aws", "gs": "google", "az": "azure", "abfs": "azure", "abfss": "azure"}


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed address. `url` has no query, hence no secrets; `options` are named as the
    `object_store` library names them (`aws_endpoint`), which both obstore and delta-rs take."""

    url: str
    scheme: str
    folder: str = ""
    options: dict[str, str] = {}

    @property
    def allow_http(self) -> bool:
        return any(name.endswith("endpoint") and value.startswith("http://") for name, value in self.options.items())


def parse_store(address: str) -> Store:
    """`Invalid` for a scheme that nothing here can open."""
    parts = urlsplit(address)
    # One letter is a drive of Windows, not a scheme.
    if len(parts.scheme) <= 1 or parts.scheme == "file":
        folder = unquote(parts.path) if parts.scheme == "file" else address
        path = Path(folder).expanduser().resolve()
        return Store(url=path.as_uri(), scheme="file", folder=str(path))
    if parts.scheme == "memory":
        return Store(url="memory://", scheme="memory")
    if parts.scheme not in _PREFIXES:
        raise Invalid(
            f"Files cannot be kept at {parts.scheme}://.",
            hint="Use a folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.",
        )
    if not parts.netloc:
        raise Invalid(f"{parts.scheme}:// needs a bucket.", hint=f"Write {parts.scheme}://bucket/prefix.")
    cloud = _PREFIXES[parts.scheme]
    options = {
        name if name.startswith(f"{cloud}_") else f"{cloud}_{name}": value for name, value in parse_qsl(parts.query)
    }
    url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    return Store(url=url, scheme=parts.scheme, options=options)
