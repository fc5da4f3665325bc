"""The gate: whether a candidate may go on, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ondol.evals.types import RuleResult, Scores
from ondol.registry.types import GateRule, Version

_WORDS: Final = {"auc": "AUC", "log_loss": "log loss", "brier": "Brier score"}
_LESS_IS_BETTER: Final = ("log_loss", "brier")


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate decides on. Without a `champion`, `alone` says why there is nobody to compare with."""

    candidate: Scores
    champion: Scores | None = None
    champion_number: int = 0
    lead: float = 0.0
    p_value: float | None = None
    alone: str = ""


def why_alone(candidate: Version, champion: Version | None, columns: Sequence[str]) -> str:
    """Why the candidate cannot be compared with the champion on rows with these columns; empty when it can."""
    if champion is None:
        return "there is no champion yet"
    if champion.id == candidate.id:
        return "it is the champion itself"
    if champion.label != candidate.label:
        return f"the champion learned another label, {champion.label!r}"
    missing = [name for name in champion.features if name not in columns]
    if missing:
        return f"the champion reads features that these rows do not have: {', '.join(missing[:5])}"
    return ""


def judge(rule: GateRule, evidence: Evidence) -> RuleResult:
    """What one rule says."""
    if rule.kind == "at_least":
        return _at_least(rule, evidence)
    if evidence.champion is None:
        return RuleResult(
            rule=rule, passed=True, text=f"{_word(rule)}: nobody to compare with, because {evidence.alone}"
        )
    if rule.kind == "no_worse":
        return _no_worse(rule, evidence.champion, evidence)
    return _better(rule, evidence.champion, evidence)


def decide(results: Sequence[RuleResult], evidence: Evidence) -> tuple[bool, str]:
    """Whether all rules passed, and the reason in a sentence."""
    failed = [result.text for result in results if not result.passed]
    if failed:
        return False, f"Refused: {'; '.join(failed)}."
    if evidence.champion is None:
        return True, f"Passed with AUC {evidence.candidate.auc:.4f}: {evidence.alone}."
    return True, f"Passed with AUC {evidence.candidate.auc:.4f}, {_lead_text(evidence)}."


def _at_least(rule: GateRule, evidence: Evidence) -> RuleResult:
    value = _value(evidence.candidate, rule.metric)
    passed = value >= rule.value
    sign = ">=" if passed else "<"
    return RuleResult(rule=rule, passed=passed, text=f"{_word(rule)} {value:.4f} {sign} {rule.value:g}")


def _no_worse(rule: GateRule, champion: Scores, evidence: Evidence) -> RuleResult:
    value, other = _value(evidence.candidate, rule.metric), _value(champion, rule.metric)
    loss = value - other if rule.metric in _LESS_IS_BETTER else other - value
    passed = loss <= rule.value
    text = (
        f"{_word(rule)} {value:.4f} against {other:.4f} of champion {evidence.champion_number}: "
        f"{'not worse' if passed else 'worse'} by more than {rule.value:g}"
    )
    return RuleResult(rule=rule, passed=passed, text=text)


def _better(rule: GateRule, champion: Scores, evidence: Evidence) -> RuleResult:
    p_value = 1.0 if evidence.p_value is None else evidence.p_value
    passed = p_value < rule.value
    text = (
        f"{_word(rule)} {evidence.candidate.auc:.4f} against {champion.auc:.4f} of champion "
        f"{evidence.champion_number}: {'better' if passed else 'not surely better'}, "
        f"p = {p_value:.3g} {'<' if passed else '>='} {rule.value:g}"
    )
    return RuleResult(rule=rule, passed=passed, text=text)


def _lead_text(evidence: Evidence) -> str:
    side = "above" if evidence.lead >= 0 else "below"
    chance = "" if evidence.p_value is None else f" (p = {evidence.p_value:.3g})"
    return f"{abs(evidence.lead):.4f} {side} champion {evidence.champion_number}{chance}"


def _value(scores: Scores, metric: str) -> float:
    return {"auc": scores.auc, "log_loss": scores.log_loss, "brier": scores.brier}[metric]


def _word(rule: GateRule) -> str:
    return _WORDS[rule.metric]
