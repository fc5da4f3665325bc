"""Who gets a request, and how latencies are summed up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ondol.kernel.errors import Invalid
from ondol.serving.types import Route

GOLDEN = (5**0.5 - 1) / 2

LOG_COLUMNS = frozenset({"request_id", "row", "version", "number", "role", "at", "score"})
"""What the request log notes of every row, beside the key, the time and the features of its service."""


def routes_of(shares: Mapping[str, float], numbers: Mapping[str, int]) -> list[Route]:
    """Routes for version id -> share, largest first; the first is the champion. `Invalid` unless they sum to 1."""
    if not shares or any(share < 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-9:
        raise Invalid(
            f"Shares must be 0 or more and sum to 1, not {dict(shares)}.", hint='{"mv_...": 0.9, "mv_...": 0.1}'
        )
    ordered = sorted((item for item in shares.items() if item[1] > 0), key=lambda item: -item[1])
    return [
        Route(version=version, number=numbers[version], share=share, role="canary" if position else "champion")
        for position, (version, share) in enumerate(ordered)
    ]


def even_draw(start: float, number: int) -> float:
    """The fractional part of a multiple of the golden ratio (Weyl 1916).

    Such draws fill [0, 1) evenly: a share of 10 % is met within a few requests, and not exceeded by luck.
    """
    return (start + number * GOLDEN) % 1


def choose(routes: Sequence[Route], draw: float) -> Route:
    """The route whose slice of [0, 1) holds `draw`."""
    reached = 0.0
    for route in routes:
        reached += route.share
        if draw < reached:
            return route
    return routes[-1]


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the sorted values lie (nearest rank); 0 for none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
