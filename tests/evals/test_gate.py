"""What each rule of a gate says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ondol.evals.rules import gate
from ondol.evals.types import Scores
from ondol.registry.types import GateRule, Version


def scores(auc, log_loss=0.5, brier=0.16):
    return Scores(rows=1_000, positive_share=0.24, mean_score=0.24, auc=auc, log_loss=log_loss, brier=brier)


def version(identity="mv_1", **fields):
    known = dict(id=identity, model="flight-delay", number=1, created_at=datetime(2013, 4, 1, tzinfo=UTC))
    known |= dict(created_by="hand", flavor="weights", package="models/a", files={}, label="late", features=["a"])
    return Version(**(known | fields))


def against(candidate, champion, p_value=0.04):
    return gate.Evidence(
        candidate=candidate,
        champion=champion,
        champion_number=3,
        lead=candidate.auc - champion.auc,
        p_value=p_value,
    )


@pytest.mark.parametrize(
    ("rule", "candidate", "champion", "passed"),
    [
        (("at_least", "auc", 0.7), scores(0.7), scores(0.9), True),
        (("at_least", "auc", 0.7), scores(0.6999), scores(0.5), False),
        (("no_worse", "auc", 0.005), scores(0.696), scores(0.7), True),
        (("no_worse", "auc", 0.005), scores(0.694), scores(0.7), False),
        (("no_worse", "log_loss", 0.01), scores(0.7, log_loss=0.505), scores(0.7), True),
        (("no_worse", "log_loss", 0.01), scores(0.7, log_loss=0.52), scores(0.7), False),
        (("no_worse", "log_loss", 0.0), scores(0.7, log_loss=0.4), scores(0.7), True),
        (("no_worse", "brier", 0.0), scores(0.7, brier=0.17), scores(0.7), False),
        (("better", "auc", 0.05), scores(0.72), scores(0.7), True),
        (("better", "auc", 0.04), scores(0.72), scores(0.7), False),
    ],
)
def test_a_rule_passes_or_says_by_how_much_it_does_not(rule, candidate, champion, passed):
    kind, metric, value = rule
    result = gate.judge(GateRule(kind=kind, metric=metric, value=value), against(candidate, champion))
    assert result.passed is passed
    assert result.text


@pytest.mark.parametrize("kind", ["no_worse", "better"])
def test_without_a_champion_its_rules_pass_and_say_why(kind):
    evidence = gate.Evidence(candidate=scores(0.7), alone="there is no champion yet")
    result = gate.judge(GateRule(kind=kind, metric="auc", value=0.01), evidence)
    assert (result.passed, "no champion yet" in result.text) == (True, True)
    result = gate.judge(GateRule(kind="at_least", metric="auc", value=0.8), evidence)
    assert (result.passed, result.text) == (False, "AUC 0.7000 < 0.8")


def test_the_reason_names_everything_that_failed():
    evidence = against(scores(0.65), scores(0.7), p_value=0.99)
    rules = [("at_least", 0.68), ("no_worse", 0.005), ("no_worse", 0.2)]
    results = [gate.judge(GateRule(kind=kind, metric="auc", value=value), evidence) for kind, value in rules]
    passed, reason = gate.decide(results, evidence)
    assert passed is False
    assert reason.startswith("Refused: AUC 0.6500 < 0.68; AUC 0.6500 against 0.7000 of champion 3")
    assert "0.2" not in reason


def test_a_model_without_a_gate_passes_with_its_numbers():
    assert gate.decide([], against(scores(0.72), scores(0.7))) == (
        True,
        "Passed with AUC 0.7200, 0.0200 above champion 3 (p = 0.04).",
    )


def test_only_models_of_the_same_question_on_the_same_features_are_compared():
    candidate = version()
    assert gate.why_alone(candidate, version("mv_2"), ["a"]) == ""
    assert "no champion" in gate.why_alone(candidate, None, ["a"])
    assert "itself" in gate.why_alone(candidate, version(), ["a"])
    assert "another label" in gate.why_alone(candidate, version("mv_2", label="very late"), ["a"])
    assert "do not have: b" in gate.why_alone(candidate, version("mv_2", features=["a", "b"]), ["a"])
