"""Numbers over many traces: how many, how long, how many tokens, by name, state and time.

What may be asked is what MLflow 3.17 answers (`traces/metrics`), without costs, for which nobody keeps prices here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from ondol.kernel.errors import Invalid

VIEWS: Final = ("TRACES", "SPANS", "ASSESSMENTS")
KINDS: Final = ("COUNT", "SUM", "AVG", "PERCENTILE", "MIN", "MAX")
TOKENS: Final = ("input_tokens", "output_tokens", "total_tokens")
BUCKET: Final = "time_bucket"

_COUNTED: Final = frozenset({"COUNT"})
_MEASURED: Final = frozenset({"AVG", "MIN", "MAX", "PERCENTILE"})
_NAMED: Final = frozenset({"trace_name"})
_SPANS: Final = frozenset({"span_name", "span_type", "span_status"})
METRICS: Final[dict[str, dict[str, tuple[frozenset[str], frozenset[str]]]]] = {
    "TRACES": {
        "trace_count": (_COUNTED, _NAMED | {"trace_status"}),
        "session_count": (_COUNTED, frozenset()),
        "latency": (_MEASURED, _NAMED),
        **dict.fromkeys(TOKENS, (_MEASURED | {"SUM"}, _NAMED)),
    },
    "SPANS": {"span_count": (_COUNTED, _SPANS), "latency": (_MEASURED, frozenset({"span_name", "span_status"}))},
    "ASSESSMENTS": {
        "assessment_count": (_COUNTED, frozenset({"assessment_name", "assessment_value"})),
        "assessment_value": (_MEASURED, frozenset({"assessment_name"})),
    },
}
"""Of each view its metrics: how each may be summed up, and by what it may be split."""

_FILTER = re.compile(
    r"\s*(trace|span|assessment)\.(\w+)(?:\.(?:`([^`]+)`|\"([^\"]+)\"|([\w./:@-]+)))?\s*=\s*"
    r"(?:'((?:[^']|'')*)'|\"([^\"]*)\")\s*"
)
_KEYED: Final = {("trace", "tag"), ("trace", "metadata")}
_BARE: Final = {
    ("trace", "status"), ("span", "name"), ("span", "status"), ("span", "type"), ("assessment", "name"),
    ("assessment", "type"),
}  # fmt: skip


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    view: str
    entity: str
    key: str
    value: str


class Aggregation(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    percentile: float | None = None

    @property
    def name(self) -> str:
        return f"P{self.percentile}" if self.kind == "PERCENTILE" else self.kind


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """`since` and `until` in milliseconds, both included; `interval_seconds` 0 for no buckets."""

    view: str
    metric: str
    aggregations: list[Aggregation]
    dimensions: list[str] = []
    filters: list[str] = []
    since: int | None = None
    until: int | None = None
    interval_seconds: int = 0
    limit: int = 1000


def check(asked: Question) -> list[Condition]:
    """What the filters say. `Invalid` for a question that has no answer."""
    metrics = METRICS.get(asked.view)
    if metrics is None:
        raise Invalid(f"view_type must be one of {list(VIEWS)}, got '{asked.view}'")
    if asked.metric not in metrics:
        raise Invalid(f"metric_name must be one of {list(metrics)}, got '{asked.metric}'")
    kinds, dimensions = metrics[asked.metric]
    if not asked.aggregations:
        raise Invalid("Missing value for required parameter 'aggregations'.")
    if wrong := sorted({one.kind for one in asked.aggregations} - kinds):
        raise Invalid(f"Found invalid aggregation_type(s): {wrong}. Supported aggregation types: {sorted(kinds)}")
    if wrong := sorted(set(asked.dimensions) - dimensions):
        raise Invalid(f"Found invalid dimension(s): {wrong}. Supported dimensions: {sorted(dimensions)}")
    for one in asked.aggregations:
        if one.kind == "PERCENTILE" and not (one.percentile is not None and 0 <= one.percentile <= 100):
            raise Invalid(f"Percentile value must be between 0 and 100, got {one.percentile}")
    if asked.interval_seconds < 0 or (asked.interval_seconds and None in (asked.since, asked.until)):
        raise Invalid("start_time_ms and end_time_ms are required if time_interval_seconds is set")
    if not 1 <= asked.limit <= 10_000:
        raise Invalid(f"Invalid value {asked.limit} for parameter 'max_results' supplied. It may be 1 to 10000.")
    return [_condition(text, asked.view) for text in asked.filters]


def _condition(text: str, asked: str) -> Condition:
    found = _FILTER.fullmatch(text)
    if found is None or "\0" in text:
        raise Invalid(f"Invalid filter: '{text[:200]}'. It is one clause, such as trace.status = 'OK'.")
    view, entity = found[1], found[2]
    key = found[3] or found[4] or found[5] or ""
    if (view, entity) not in (_KEYED if key else _BARE):
        raise Invalid(f"Invalid entity '{entity}' specified for view type '{view}'.")
    if view != "trace" and not asked.startswith(view.upper()):
        raise Invalid(f"A filter of '{view}' does not go with the view {asked}.")
    value = found[6].replace("''", "'") if found[6] is not None else found[7]
    return Condition(view=view, entity=entity, key=key, value=value)


def summed(asked: Question, rows: Iterable[tuple[int, dict[str, Any], Any]]) -> list[dict[str, Any]]:
    """The points of an answer, by time and dimensions. `rows` are moments, dimensions and values; a row without a value
    or without one of the dimensions does not count."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    size = asked.interval_seconds * 1000
    for moment, dimensions, value in rows:
        place = [dimensions[name] for name in asked.dimensions]
        if value is not None and None not in place:
            start = (moment // size * size,) if size else ()
            groups.setdefault((*start, *place), []).append(value)
    names = [BUCKET, *asked.dimensions] if size else list(asked.dimensions)
    points = []
    for key in sorted(groups)[: asked.limit]:
        told = [_moment(key[0]), *key[1:]] if size else list(key)
        values = {one.name: _value(one, groups[key]) for one in asked.aggregations}
        points.append(
            {"metric_name": asked.metric, "dimensions": dict(zip(names, told, strict=True)), "values": values}
        )
    return points


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def _value(asked: Aggregation, values: Sequence[Any]) -> float:
    match asked.kind:
        case "COUNT":
            # Sessions are told by their names, each counts once; everything else by a number.
            return float(len(set(values)) if isinstance(values[0], str) else len(values))
        case "SUM":
            return float(sum(values))
        case "AVG":
            return float(sum(values) / len(values))
        case "MIN":
            return float(min(values))
        case "MAX":
            return float(max(values))
    return _percentile(sorted(values), asked.percentile or 0.0)


def _percentile(values: Sequence[float], wanted: float) -> float:
    """Between neighbours in proportion, as SQL's PERCENTILE_CONT."""
    place = wanted / 100 * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return float(values[below] + (values[above] - values[below]) * (place - below))
