"""Counters of the data plane, in Prometheus' text format."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

BUCKETS = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Upper bounds of the latency histogram, in milliseconds."""

Labels = tuple[str, int, int]


class Counters:
    """Requests, rows and latencies per endpoint, version and status. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[Labels, int] = defaultdict(int)
        self._buckets: dict[Labels, list[int]] = defaultdict(lambda: [0] * (len(BUCKETS) + 1))
        self._sums: dict[Labels, float] = defaultdict(float)

    def count(self, endpoint: str, number: int, status: int, rows: int, latency_ms: float) -> None:
        labels = (endpoint, number, status)
        with self._lock:
            self._rows[labels] += rows
            self._buckets[labels][bisect_left(BUCKETS, latency_ms)] += 1
            self._sums[labels] += latency_ms

    def lines(self) -> Iterator[str]:
        with self._lock:
            rows, sums = dict(self._rows), dict(self._sums)
            buckets = {labels: list(counts) for labels, counts in self._buckets.items()}
        yield "# HELP ondol_predicted_rows_total Rows that were answered."
        yield "# TYPE ondol_predicted_rows_total counter"
        for labels, value in rows.items():
            yield f"ondol_predicted_rows_total{{{_text(labels)}}} {value}"
        yield "# HELP ondol_request_milliseconds Time from the decoded request to its answer."
        yield "# TYPE ondol_request_milliseconds histogram"
        for labels, counts in buckets.items():
            reached = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
                reached += count
                yield f'ondol_request_milliseconds_bucket{{{_text(labels)},le="{bound}"}} {reached}'
            yield f"ondol_request_milliseconds_sum{{{_text(labels)}}} {sums[labels]:.3f}"
            yield f"ondol_request_milliseconds_count{{{_text(labels)}}} {reached}"


def _text(labels: Labels) -> str:
    endpoint, number, status = labels
    escaped = endpoint.replace("\\", "\\\\").replace('"', '\\"')
    return f'endpoint="{escaped}",version="{number}",status="{status}"'
