"""What clients ask about the server itself."""

from __future__ import annotations

from typing import Any, Final

from ondol.doors.mlflow.protocol import Endpoint, Nothing, endpoint
from ondol.ports.tools import Tools

VERSION: Final = "3.17.2"
"""The release of MLflow whose protocol this is: clients turn features on and off by it."""


def describe(tools: Tools, request: Nothing) -> dict[str, Any]:
    return {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
        "features_enabled": {"gateway": False},
    }


ENDPOINTS: Final[list[Endpoint]] = [endpoint("GET", "server-info", describe, scope="read", long=True)]
