"""Is a check a strike, and are there enough of them?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from math import hypot

from ondol.kernel.errors import Invalid
from ondol.kernel.spans import parse_duration
from ondol.monitoring.types import CheckVerdict, FeatureDrift, MonitorSpec, Quality

BEYOND_CHANCE = 2.33
"""The normal quantile of a one-sided error of 1 %."""


def check_spec(spec: MonitorSpec) -> None:
    """`Invalid` names the field that makes no sense."""
    for field in ("every", "window", "cooldown"):
        try:
            parse_duration(getattr(spec, field))
        except Invalid as error:
            raise Invalid(f"monitor of {spec.endpoint!r}: {field}: {error.message}", hint=error.hint) from error
    for field, least in (("psi_limit", 0.0), ("quality_margin", 0.0), ("drift_features", 0), ("strikes", 1)):
        if getattr(spec, field) < least:
            raise Invalid(f"monitor of {spec.endpoint!r}: {field} is {getattr(spec, field)}, the least is {least}.")
    if spec.minimum_rows < 1:
        raise Invalid(f"monitor of {spec.endpoint!r}: minimum_rows is {spec.minimum_rows}, the least is 1.")


def judge(
    spec: MonitorSpec, quality: Quality, expected_error: float, features: Sequence[FeatureDrift]
) -> tuple[CheckVerdict, list[str]]:
    """The verdict on a window, and its reasons. `drift` is a strike.

    `expected_error` is the standard error of the expected AUC.
    """
    drifted = [feature for feature in features if feature.drifted]
    by_features = 0 < spec.drift_features <= len(drifted)
    if by_features and quality.rows >= spec.minimum_rows:
        names = ", ".join(f"{feature.feature} {feature.psi:.2f}" for feature in drifted[:5])
        return "drift", [f"{len(drifted)} features drifted beyond PSI {spec.psi_limit:g}: {names}"]
    if quality.labelled_rows < spec.minimum_rows:
        return "too_few_rows", [f"{quality.labelled_rows} labelled rows, {spec.minimum_rows} are needed"]
    if quality.auc is None or quality.expected_auc is None:
        return "fine", ["no AUC is expected of this version" if quality.auc is not None else "labels of one kind only"]
    return _judge_quality(spec, quality.auc, quality.expected_auc, hypot(quality.auc_error or 0.0, expected_error))


def _judge_quality(spec: MonitorSpec, auc: float, expected: float, error: float) -> tuple[CheckVerdict, list[str]]:
    drop = expected - auc
    z = drop / error if error else float("inf") if drop > 0 else 0.0
    text = f"AUC {auc:.3f} in the last {spec.window}, {expected:.3f} was expected"
    if drop > spec.quality_margin and z > BEYOND_CHANCE:
        return "drift", [f"{text}: {drop:.3f} lower, {z:.1f} standard errors (limits {spec.quality_margin:g} and 2.33)"]
    return "fine", [text]


def why_not_judged(learned: str, asked: str) -> str:
    """Why the labels of now say nothing about a version that learned other ones; empty when they do."""
    if not learned or learned == asked:
        return ""
    return f"it learned {learned!r}, and the labels now say {asked!r}"


def count_strikes(verdict: CheckVerdict, before: int) -> int:
    """Strikes in a row, this check included. A check that saw too little neither adds nor ends the row."""
    if verdict == "too_few_rows":
        return before
    return before + 1 if verdict == "drift" else 0


def raises_alarm(spec: MonitorSpec, strikes: int, open_alarm: str, closed_at: datetime | None, now: datetime) -> bool:
    """Strikes count during the cooldown too: if they have lasted until its end, the alarm comes then."""
    if strikes < spec.strikes or open_alarm:
        return False
    return closed_at is None or now >= closed_at + parse_duration(spec.cooldown)


def most_telling(features: Iterable[FeatureDrift]) -> list[str]:
    """Names of the drifted features, by psi times importance."""
    drifted = [feature for feature in features if feature.drifted]
    return [feature.feature for feature in sorted(drifted, key=lambda one: -one.psi * one.importance)]
