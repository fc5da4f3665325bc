"""Is a lead the same from day to day? A second opinion, because the rows of one day are alike."""

from __future__ import annotations

from collections.abc import Sequence
from math import atan, cos, pi, sin, sqrt

LEAST_DAYS = 5


def p_better_by_days(leads: Sequence[float]) -> float | None:
    """The one-sided p-value of Student's t-test that the mean of the daily leads is above 0.

    DeLong's test takes rows for independent, but storms and strikes hit all rows of a
    day at once, which makes it too sure. Days as batches are nearly independent: the
    method of batch means (Law, Simulation Modeling and Analysis, section 9.5.3). Leads
    within days rather than one over all of them: what makes one day later than another
    is not the candidate's doing. None for fewer than `LEAST_DAYS` days.
    """
    count = len(leads)
    if count < LEAST_DAYS:
        return None
    mean = sum(leads) / count
    variance = sum((lead - mean) ** 2 for lead in leads) / (count - 1)
    if variance == 0:
        return 0.0 if mean > 0 else 1.0
    return 1 - t_distribution(mean / sqrt(variance / count), count - 1)


def t_distribution(t: float, freedom: int) -> float:
    """P(T <= t) of Student's t with a whole number of degrees of freedom.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
    """
    theta = atan(t / sqrt(freedom))
    if freedom == 1:
        inside = 2 * theta / pi
    elif freedom % 2:
        inside = 2 / pi * (theta + sin(theta) * _series(cos(theta), 3, freedom - 2, cos(theta)))
    else:
        inside = sin(theta) * _series(1.0, 2, freedom - 2, cos(theta))
    return 0.5 + inside / 2


def _series(first: float, start: int, end: int, cosine: float) -> float:
    """first * (1 + (start-1)/start cos^2 + (start-1)(start+1)/(start(start+2)) cos^4 + ... up to `end`)."""
    total = term = first
    for number in range(start, end + 1, 2):
        term *= (number - 1) / number * cosine**2
        total += term
    return total
