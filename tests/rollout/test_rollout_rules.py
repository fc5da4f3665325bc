"""Stages, conditions and the decision on evidence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import bdtrc, stdtr

from ondol.kernel.errors import Invalid
from ondol.rollout.rules import conditions, days, stages
from ondol.rollout.rules.decision import decide
from ondol.rollout.types import Evidence

QUALITY = conditions.parse_conditions(["auc worse than champion"])
OPERATION = conditions.parse_conditions(["error_rate > 1%", "latency_p95 > 50 ms"])
SEEN = Evidence(
    at=datetime(2013, 6, 1, tzinfo=UTC),
    requests=1000,
    candidate_requests=100,
    candidate_share=0.1,
    labelled_rows=5000,
    candidate_labelled_rows=500,
    auc_candidate=0.7,
    auc_champion=0.7,
    paired_lead=0.0,
    p_better=0.5,
    p_worse=0.5,
    errors_candidate=0.0,
    errors_champion=0.0,
    latency_p95_candidate_ms=5.0,
    latency_p95_champion_ms=5.0,
    verdict="wait",
    reason="",
)


def _seen(**changes):
    return msgspec.structs.replace(SEEN, **changes)


def test_a_rollout_is_read_as_written():
    ten, half = stages.parse_rollout(["10% for 14d", "50% for 500 requests", "100%"])
    assert (ten.share, ten.period, ten.requests) == (0.1, timedelta(days=14), 0)
    assert (half.share, half.period, half.requests) == (0.5, None, 500)
    assert stages.parse_rollout(["100%"]) == []
    assert stages.parse_rollout([]) == []


@pytest.mark.parametrize(
    "text",
    [
        "10%",
        "ten% for 2d",
        "10% for ever",
        "10% for 0d",
        "10 for 2d",
        "0% for 2d",
        "80% for 2d",
        "110%",
        "10% for 0 requests",
    ],
)
def test_a_stage_that_is_not_understood_is_named(text):
    with pytest.raises(Invalid) as refusal:
        stages.parse_rollout([text, "100%"])
    assert text in refusal.value.message
    assert "10% for 500 requests" in refusal.value.hint


@pytest.mark.parametrize("texts", [["100%", "10% for 2d"], ["20% for 2d", "10% for 2d", "100%"]])
def test_shares_only_grow(texts):
    with pytest.raises(Invalid):
        stages.parse_rollout(texts)


def test_a_stage_ends_by_time_or_by_requests():
    by_time, by_requests = stages.parse_rollout(["10% for 2d", "20% for 30 requests"])
    assert not stages.is_over(by_time, 10_000, timedelta(days=1, hours=23))
    assert stages.is_over(by_time, 0, timedelta(days=2))
    assert not stages.is_over(by_requests, 29, timedelta(days=99))
    assert stages.is_over(by_requests, 30, timedelta(0))
    assert (stages.check_every(by_time), stages.check_every(by_requests)) == ("1d", "1h")


def test_conditions_are_read_as_written():
    read = conditions.parse_conditions(["error_rate > 1%", "auc  worse than champion", "latency_p95 > 0.2 s"])
    assert [(one.metric, one.limit) for one in read] == [("error_rate", 0.01), ("auc", 0.0), ("latency_p95", 200.0)]


@pytest.mark.parametrize("text", ["error_rate > 1", "auc < 0.6", "latency_p95 > 50", "error_rate > 100%", ""])
def test_a_condition_that_is_not_understood_is_named(text):
    with pytest.raises(Invalid) as refusal:
        conditions.parse_conditions([text])
    assert repr(text) in refusal.value.message
    assert "auc worse than champion" in refusal.value.hint


def test_errors_beyond_the_limit_and_beyond_chance_roll_back():
    assert decide(_seen(errors_candidate=0.2), OPERATION, stage_is_over=False)[0] == "roll_back"
    assert decide(_seen(errors_candidate=0.02), OPERATION, stage_is_over=False)[0] == "wait"
    assert decide(_seen(candidate_requests=3, errors_candidate=1.0), OPERATION, stage_is_over=False)[0] == "roll_back"


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 3000), st.floats(0.001, 0.5), st.data())
def test_the_binomial_tail_is_that_of_scipy(requests, rate, data):
    errors = data.draw(st.integers(1, requests))
    assert conditions._chance_of(errors, requests, rate) == pytest.approx(bdtrc(errors - 1, requests, rate), abs=1e-9)


def test_slow_answers_roll_back_once_there_are_enough_of_them():
    slow = _seen(latency_p95_candidate_ms=51.0)
    verdict, reason = decide(slow, OPERATION, stage_is_over=False)
    assert (verdict, reason) == ("roll_back", "latency p95 is 51.0 ms (limit 50 ms)")
    assert decide(msgspec.structs.replace(slow, candidate_requests=39), OPERATION, stage_is_over=False)[0] == "wait"


def test_worse_is_decided_at_any_check():
    worse = _seen(paired_lead=-0.2, p_worse=1e-9, p_better=1.0)
    assert decide(worse, QUALITY, stage_is_over=False)[0] == "roll_back"


@pytest.mark.parametrize(
    "changes", [{"paired_lead": -0.009, "p_worse": 1e-9}, {"paired_lead": -0.05, "p_worse": 0.011}]
)
def test_a_lead_that_hardly_matters_or_may_be_chance_waits_for_the_end(changes):
    assert decide(_seen(**changes, p_better=0.99), QUALITY, stage_is_over=False)[0] == "wait"
    assert decide(_seen(**changes, p_better=0.99), QUALITY, stage_is_over=True)[0] == "roll_back"


def test_better_is_decided_at_the_end_of_the_stage_only():
    better = _seen(paired_lead=0.03, p_better=1e-6, p_worse=1.0)
    assert decide(better, QUALITY, stage_is_over=False)[0] == "wait"
    assert decide(better, QUALITY, stage_is_over=True)[0] == "promote"


def test_an_equal_candidate_is_rolled_back_at_the_end():
    verdict, reason = decide(SEEN, QUALITY, stage_is_over=True)
    assert verdict == "roll_back"
    assert "not measurably better" in reason


def test_a_lead_made_on_one_stormy_day_is_not_enough():
    lucky = _seen(paired_lead=0.03, p_better=1e-6, p_worse=1.0, p_better_by_days=0.25)
    assert decide(lucky, QUALITY, stage_is_over=True)[0] == "roll_back"
    steady = msgspec.structs.replace(lucky, p_better_by_days=0.01)
    assert decide(steady, QUALITY, stage_is_over=True)[0] == "promote"


def test_without_labels_a_quality_rollout_waits_and_an_operational_one_goes_on():
    unlabelled = _seen(paired_lead=None, p_better=None, p_worse=None, labelled_rows=12)
    assert decide(unlabelled, QUALITY, stage_is_over=True) == ("wait", "12 labelled rows, 200 are needed")
    assert decide(unlabelled, OPERATION, stage_is_over=True)[0] == "promote"
    assert decide(unlabelled, [], stage_is_over=False)[0] == "wait"


@settings(max_examples=80, deadline=None)
@given(st.floats(-30, 30), st.integers(1, 60))
def test_students_t_is_that_of_scipy(t, freedom):
    assert days.t_distribution(t, freedom) == pytest.approx(stdtr(freedom, t), abs=1e-9)


def test_days_speak_from_the_fifth_on():
    assert days.p_better_by_days([0.1, 0.1, 0.2, 0.1]) is None
    assert days.p_better_by_days([0.02, 0.03, 0.025, 0.03, 0.02]) == pytest.approx(0.0001, abs=5e-4)
    assert days.p_better_by_days([0.3, -0.1, 0.0, -0.05, 0.02]) > 0.05
    assert days.p_better_by_days([0.1] * 5) == 0.0
    assert days.p_better_by_days([0.0] * 5) == 1.0
