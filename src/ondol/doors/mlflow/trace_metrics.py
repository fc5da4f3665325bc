"""`traces/metrics` of the protocol: numbers over many traces."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ondol.doors.mlflow.protocol import Endpoint, endpoint, require
from ondol.kernel.errors import Invalid
from ondol.ports.tools import Tools
from ondol.tracking.rules import trace_metrics as rules
from ondol.tracking.service import trace_metrics

_NONE: Final = "UNSPECIFIED"


class AskedAggregation(msgspec.Struct, frozen=True, kw_only=True):
    aggregation_type: str | int = _NONE
    percentile_value: float | None = None


class Query(msgspec.Struct, frozen=True, kw_only=True):
    experiment_ids: list[str] = []
    view_type: str | int = _NONE
    metric_name: str = ""
    aggregations: list[AskedAggregation] = []
    dimensions: list[str] = []
    filters: list[str] = []
    time_interval_seconds: int = 0
    start_time_ms: int | None = None
    end_time_ms: int | None = None
    max_results: int = 1000
    page_token: str = ""


def query(tools: Tools, request: Query) -> dict[str, Any]:
    if not request.experiment_ids:
        raise Invalid("Missing value for required parameter 'experiment_ids'.")
    asked = rules.Question(
        view=_word(request.view_type, rules.VIEWS),
        metric=require(request.metric_name, "metric_name"),
        aggregations=[
            rules.Aggregation(kind=_word(one.aggregation_type, rules.KINDS), percentile=one.percentile_value)
            for one in request.aggregations
        ],
        dimensions=request.dimensions,
        filters=request.filters,
        since=request.start_time_ms,
        until=request.end_time_ms,
        interval_seconds=request.time_interval_seconds,
        limit=request.max_results,
    )
    return {"data_points": trace_metrics.query(tools, request.experiment_ids, asked)}


def _word(given: str | int, words: tuple[str, ...]) -> str:
    """Protocol Buffers take the names of an enumeration and their numbers, which begin with 1 here."""
    if isinstance(given, int):
        return words[given - 1] if 1 <= given <= len(words) else str(given)
    return given


ENDPOINTS: Final[list[Endpoint]] = [endpoint("POST", "traces/metrics", query, Query, scope="read")]
