"""Metrics of many runs, thinned to what a picture can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ondol.kernel.errors import Invalid
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.ports.tools import Tools
from ondol.tracking import rules
from ondol.tracking.types import Curve, GetCurves

if TYPE_CHECKING:
    from ondol.tracking.repo import curves, metrics
else:
    curves, metrics = lazy("ondol.tracking.repo.curves"), lazy("ondol.tracking.repo.metrics")

MOST_CURVES = 2_000
MOST_POINTS = 2_000


@operation("runs.curves", "POST", "/v1/runs/curves", scope="read")
def read_curves(tools: Tools, request: GetCurves) -> list[Curve]:
    """Curves of some metrics of many runs, in the order asked for; without those that are not there."""
    if len(request.runs) * len(request.metrics) > MOST_CURVES:
        raise Invalid(
            f"{len(request.runs)} runs with {len(request.metrics)} metrics are more than {MOST_CURVES} curves.",
            hint="Ask for fewer runs, or for fewer metrics at a time.",
        )
    if not 2 <= request.points <= MOST_POINTS:
        raise Invalid(f"points is {request.points}; it may be 2 to {MOST_POINTS}.")
    known = {
        (run, key): series for run, key, series in curves.list_series(tools.connection, request.runs, request.metrics)
    }
    return [
        _curve(tools, run, metric, known[run, metric], request.points)
        for metric in dict.fromkeys(request.metrics)
        for run in dict.fromkeys(request.runs)
        if (run, metric) in known
    ]


def _curve(tools: Tools, run: str, metric: str, series: int, most: int) -> Curve:
    points = metrics.sample_points(tools.connection, series, most=most, first=None, last=None)
    return Curve(
        run=run,
        metric=metric,
        steps=[step for _, step, _, _ in points],
        at=[at for at, _, _, _ in points],
        values=[rules.json_number(float("nan") if nan else value) for _, _, value, nan in points],
    )
