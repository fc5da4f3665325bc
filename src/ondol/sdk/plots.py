"""Plots of a model as SVG: small, the same bytes every time, no library needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, EDGE = 480, 320, 40
_BINS = 10

Point = tuple[float, float]


def importance(gains: Mapping[str, float], most: int = 15) -> str:
    """Bars: the share of each feature in the sum of the gains, the largest first."""
    total = sum(gains.values()) or 1.0
    rows = sorted(gains.items(), key=lambda pair: (-pair[1], pair[0]))[:most]
    longest = max((gain for _, gain in rows), default=1.0) or 1.0
    height = 30 + 20 * len(rows)
    bars = []
    for place, (name, gain) in enumerate(rows):
        y = 26 + 20 * place
        bars.append(
            f'<text x="160" y="{y + 11}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="168" y="{y}" width="{240 * gain / longest:.1f}" height="14" fill="#c2571b"/>'
            f'<text x="{174 + 240 * gain / longest:.1f}" y="{y + 11}">{gain / total:.1%}</text>'
        )
    return _svg("Importance of the features", "".join(bars), height)


def roc(labels: Sequence[float], scores: Sequence[float]) -> str:
    """The receiver operating characteristic: true positives against false positives, over all thresholds."""
    return _curve("ROC", roc_points(labels, scores), "false positive share", "true positive share")


def calibration(labels: Sequence[float], scores: Sequence[float]) -> str:
    """How often it happened, against how probable the model thought it, in tenths of the rows."""
    return _curve("Calibration", calibration_points(labels, scores), "mean score", "observed share")


def roc_points(labels: Sequence[float], scores: Sequence[float], most: int = 100) -> list[Point]:
    """At most `most` corners of the curve, from (0, 0) to (1, 1). Rows with equal scores move together."""
    positives = sum(1 for label in labels if label)
    negatives = len(labels) - positives
    if not positives or not negatives:
        return []
    points: list[Point] = [(0.0, 0.0)]
    hits = misses = 0
    ranked = sorted(zip(scores, labels, strict=True), key=lambda pair: -pair[0])
    for place, (score, label) in enumerate(ranked):
        hits, misses = (hits + 1, misses) if label else (hits, misses + 1)
        if place + 1 == len(ranked) or ranked[place + 1][0] != score:
            points.append((misses / negatives, hits / positives))
    step = max(1, len(points) // most)
    return [*points[:-1:step], points[-1]]


def calibration_points(labels: Sequence[float], scores: Sequence[float]) -> list[Point]:
    """(mean score, share of positives) of each tenth of the rows, by score."""
    ranked = sorted(zip(scores, labels, strict=True))
    size = len(ranked)
    points: list[Point] = []
    for place in range(_BINS):
        rows = ranked[place * size // _BINS : (place + 1) * size // _BINS]
        if rows:
            points.append((sum(score for score, _ in rows) / len(rows), sum(bool(x) for _, x in rows) / len(rows)))
    return points


def _curve(title: str, points: Sequence[Point], across: str, up: str) -> str:
    wide, high = WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE

    def at(point: Point) -> str:
        return f"{EDGE + point[0] * wide:.1f},{HEIGHT - EDGE - point[1] * high:.1f}"

    line = " ".join(at(point) for point in points)
    body = (
        f'<rect x="{EDGE}" y="{EDGE}" width="{wide}" height="{high}" fill="none" stroke="#999"/>'
        f'<polyline points="{at((0, 0))} {at((1, 1))}" fill="none" stroke="#999" stroke-dasharray="4"/>'
        f'<polyline points="{line}" fill="none" stroke="#c2571b" stroke-width="2"/>'
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">{across}</text>'
        f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 {HEIGHT / 2})">{up}</text>'
    )
    return _svg(title, body, HEIGHT)


def _svg(title: str, body: str, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="11"><text x="10" y="16" font-weight="bold">{title}</text>{body}</svg>\n'
    )
