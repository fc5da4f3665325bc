"""Traces in MLflow's database: tables of MLflow 3 (`trace_info`, `spans`, `assessments` and what belongs to them)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ondol.exchange.source import SourceFile, SourceTrace
from ondol.kernel.errors import OndolError

if TYPE_CHECKING:
    from ondol.exchange.mlflow_database import DatabaseSource

_PLACE = "mlflow.artifactLocation"
_FILE = SourceFile(path="traces.json", size=0)


def whole(source: DatabaseSource, page: list[Any]) -> Iterator[SourceTrace]:
    """The traces of these rows of `trace_info`."""
    ids = [row["request_id"] for row in page]
    tags = source.texts("trace_tags", "request_id", ids, ("key", "value"))
    metadata = source.texts("trace_request_metadata", "request_id", ids, ("key", "value"))
    spans, said = _spans(source, ids), _said(source, ids)
    for row in page:
        identity = row["request_id"]
        info: dict[str, Any] = {
            "request_time": _moment(row["timestamp_ms"]),
            "state": row["status"],
            "tags": tags[identity],
            "trace_metadata": metadata[identity],
            "assessments": said[identity],
        }
        if (taken := row["execution_time_ms"]) is not None:
            info["execution_duration"] = f"{taken / 1000:.3f}s"
        for name in ("client_request_id", "request_preview", "response_preview"):
            if (text := row.get(name)) is not None:
                info[name] = text
        found = spans[identity]
        kept = json.dumps({"spans": found}) if found else _filed(source, tags[identity].get(_PLACE, ""))
        yield SourceTrace(id=identity, info=info, spans=kept)


def _spans(source: DatabaseSource, ids: list[str]) -> dict[str, list[Any]]:
    found = defaultdict[str, list[Any]](list)
    if source.has("spans"):
        table = source.table("spans")
        query = sa.select(table.c.trace_id, table.c.content).where(table.c.trace_id.in_(ids))
        for row in source.rows(query.order_by(table.c.start_time_unix_nano)):
            if row["content"]:
                found[row["trace_id"]].append(json.loads(row["content"]))
    return found


def _filed(source: DatabaseSource, place: str) -> str:
    """Before spans had a table they were a file among the artifacts."""
    if not place:
        return ""
    try:
        return b"".join(source.read(place, _FILE)).decode()
    except (OndolError, OSError):
        return ""


def _said(source: DatabaseSource, ids: list[str]) -> dict[str, list[Any]]:
    found = defaultdict[str, list[Any]](list)
    if source.has("assessments"):
        table = source.table("assessments")
        for row in source.rows(sa.select(table).where(table.c.trace_id.in_(ids)).order_by(table.c.created_timestamp)):
            found[row["trace_id"]].append(_assessment(row))
    return found


def _assessment(row: Any) -> dict[str, Any]:
    kind = row["assessment_type"]
    value = json.loads(row["value"]) if row["value"] else None
    content: dict[str, Any] = {"issue_name": str(value)} if kind == "issue" else {"value": value}
    error = json.loads(row["error"]) if row["error"] else None
    if error and kind == "feedback":
        content["error"] = error
    found = {
        "assessment_id": row["assessment_id"],
        "assessment_name": row["name"],
        "source": {"source_type": row["source_type"], "source_id": row["source_id"] or ""},
        "create_time": _moment(row["created_timestamp"]),
        "last_update_time": _moment(row["last_updated_timestamp"]),
        "valid": bool(row["valid"]),
        "metadata": json.loads(row.get("assessment_metadata") or "{}") or {},
        kind: content,
    }
    return found | {name: row[name] for name in ("span_id", "rationale", "overrides") if row[name]}


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
