"""Metrics of many runs, thinned to what a picture can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ondol.kernel.errors import Invalid
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.ports.tools import Tools
from ondol.tracking import rules
from ondol.tracking.types import Curve, GetCurves

if TYPE_CHECKING:
    from ondol.tracking.repo import curves
else:
    curves = lazy("ondol.tracking.repo.curves")

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
    counts = curves.count_points(tools.connection, list(known.values()))
    return [
        _curve(
            run, metric, curves.thin_points(tools.connection, series, count=counts.get(series, 0), most=request.points)
        )
        for metric in dict.fromkeys(request.metrics)
        for run in dict.fromkeys(request.runs)
        if (series := known.get((run, metric))) is not None
    ]


def _curve(run: str, metric: str, points: list[Any]) -> Curve:
    return Curve(
        run=run,
        metric=metric,
        steps=[step for _, step, _, _ in points],
        at=[at for at, _, _, _ in points],
        values=[rules.json_number(float("nan") if nan else value) for _, _, value, nan in points],
    )
