"""What clients ask about the server itself."""

from __future__ import annotations

from typing import Any, Final

from ondol.doors.mlflow.protocol import Endpoint, Nothing, endpoint
from ondol.ports.tools import Tools
from ondol.tracking.service import artifacts

VERSION: Final = "3.17.2"
"""The release of MLflow whose protocol this is: clients turn features on and off by it."""


def describe(tools: Tools, request: Nothing) -> dict[str, Any]:
    direct = artifacts.direct(tools)
    return {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        # Through us, parts and ranges would only be slower.
        "multipart_uploads_enabled": direct is not None and direct.in_parts,
        "multipart_downloads_enabled": direct is not None,
        "presigned_upload_run_id_supported": True,
        "presigned_upload_model_id_supported": True,
        "features_enabled": {"gateway": False},
    }


ENDPOINTS: Final[list[Endpoint]] = [endpoint("GET", "server-info", describe, scope="read", long=True)]
