"""Wait, promote or roll back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ondol.rollout.rules import conditions
from ondol.rollout.types import Evidence

Verdict = Literal["wait", "promote", "roll_back"]

LEAST_LABELLED = 200
"""Below this many labelled rows nothing is said about quality."""
P_WORSE = 0.01
LEAD_WORSE = -0.01
"""Looked at daily, a test at 5 % would sooner or later call an equal candidate worse:
being worse needs a stricter test and a lead that matters."""
P_BETTER = 0.05
P_BETTER_BY_DAYS = 0.2
"""A caution beside the proof: two weeks of days have too little power for 5 %, and turn away leads that are real."""


def decide(seen: Evidence, rules: Sequence[conditions.Condition], *, stage_is_over: bool) -> tuple[Verdict, str]:
    """What to do after a check, and why. `promote` leads to the next stage, or to all of the traffic.

    Worse is decided at every check, better only once: at the end of the stage, because
    a test that is repeated until it passes always passes.
    """
    for rule in rules:
        if reason := conditions.broken(rule, seen):
            return "roll_back", reason
    if not conditions.wants_quality(rules):
        if stage_is_over:
            return "promote", f"{seen.candidate_requests} requests answered in order"
        return "wait", f"{seen.candidate_requests} requests answered so far"
    return _by_quality(seen, stage_is_over)


def _by_quality(seen: Evidence, stage_is_over: bool) -> tuple[Verdict, str]:
    if seen.paired_lead is None or seen.p_better is None or seen.p_worse is None:
        return "wait", f"{seen.labelled_rows} labelled rows, {LEAST_LABELLED} are needed"
    text = f"AUC {seen.paired_lead:+.4f} against the champion on {seen.labelled_rows} labelled rows"
    if seen.p_worse < P_WORSE and seen.paired_lead < LEAD_WORSE:
        return "roll_back", f"worse than the champion: {text} (p {seen.p_worse:.2g})"
    if not stage_is_over:
        return "wait", text
    if seen.p_better >= P_BETTER:
        return "roll_back", f"not measurably better: {text} (p {seen.p_better:.2g})"
    if seen.p_better_by_days is not None and seen.p_better_by_days >= P_BETTER_BY_DAYS:
        return "roll_back", f"not better from day to day: {text} (p {seen.p_better_by_days:.2g} by days)"
    return "promote", f"measurably better: {text} (p {seen.p_better:.2g})"
