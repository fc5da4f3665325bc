"""`metrics/*` of the protocol: histories, whole and sampled."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ondol.doors.mlflow.protocol import Endpoint, endpoint, require
from ondol.kernel.errors import Invalid
from ondol.ports.tools import Tools
from ondol.tracking.service import wire

RUNS_A_CALL = 100
POINTS_A_RUN = 2_500


class History(msgspec.Struct, frozen=True, kw_only=True):
    run_id: str = ""
    run_uuid: str = ""
    metric_key: str
    max_results: int | None = None
    page_token: str = ""


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    run_id: list[str] = []
    metric_key: str
    max_results: int = wire.HISTORY_LIMIT


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    run_ids: list[str] = []
    metric_key: str
    start_step: int | None = None
    end_step: int | None = None
    max_results: int = POINTS_A_RUN


def history(tools: Tools, request: History) -> dict[str, Any]:
    run = require(request.run_id or request.run_uuid, "run_id")
    key = require(request.metric_key, "metric_key")
    found, token = wire.history(tools, run, key, limit=request.max_results, token=request.page_token)
    return {"metrics": found} | ({"next_page_token": token} if token else {})


def bulk(tools: Tools, request: Bulk) -> dict[str, Any]:
    if not 1 <= len(request.run_id) <= RUNS_A_CALL:
        raise Invalid(
            f"GetMetricHistoryBulk request must specify 1 to {RUNS_A_CALL} run_ids. Received {len(request.run_id)}."
        )
    limit = max(0, min(request.max_results, wire.HISTORY_LIMIT))
    return {"metrics": wire.bulk_history(tools, request.run_id, request.metric_key, limit)}


def interval(tools: Tools, request: Interval) -> dict[str, Any]:
    if not 1 <= len(request.run_ids) <= RUNS_A_CALL:
        raise Invalid(
            f"GetMetricHistoryBulkInterval request must specify 1 to {RUNS_A_CALL} run_ids."
            f" Received {len(request.run_ids)} run_ids."
        )
    if not 1 <= request.max_results <= POINTS_A_RUN:
        raise Invalid(f"max_results must be between 1 and {POINTS_A_RUN}.")
    first, last = request.start_step, request.end_step
    if (first is None) != (last is None):
        raise Invalid("If either start step or end step are specified, both must be specified.")
    if first is not None and last is not None and first > last:
        raise Invalid(f"end_step must be greater than start_step. Found start_step={first} and end_step={last}.")
    found = wire.sampled_history(
        tools, request.run_ids, request.metric_key, most=request.max_results, first=first, last=last
    )
    return {"metrics": found}


ENDPOINTS: Final[list[Endpoint]] = [
    endpoint("GET", "metrics/get-history", history, History, scope="read"),
    endpoint("GET", "metrics/get-history-bulk", bulk, Bulk, scope="read"),
    endpoint("GET", "metrics/get-history-bulk-interval", interval, Interval, scope="read"),
]
