"""Strikes, alarms and cooldowns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from ondol.kernel.errors import Invalid
from ondol.monitoring.rules import judgement
from ondol.monitoring.types import FeatureDrift, Histogram, MonitorSpec, Quality

SPEC = MonitorSpec(endpoint="e", labels="d", quality_margin=0.02, strikes=3, minimum_rows=100, cooldown="7d")
NOTHING = Histogram(edges=[], shares=[], missing=0.0)
NOW = datetime(2013, 6, 1, tzinfo=UTC)


def _quality(auc, expected=0.75, error=0.005, labelled=1000):
    return Quality(
        rows=1200,
        labelled_rows=labelled,
        auc=auc,
        expected_auc=expected,
        auc_error=error,
        log_loss=0.5,
        positive_share=0.25,
        mean_score=0.25,
    )


def _feature(name, psi, importance=0.1, limit=0.25):
    return FeatureDrift(
        feature=name,
        psi=psi,
        drifted=psi > limit,
        baseline=NOTHING,
        live=NOTHING,
        baseline_mean=0.0,
        live_mean=1.0,
        importance=importance,
    )


def test_a_drop_beyond_margin_and_chance_is_a_strike():
    verdict, reasons = judgement.judge(SPEC, _quality(0.70), 0.005, [])
    assert verdict == "drift"
    assert "0.700" in reasons[0]
    assert "0.750" in reasons[0]


@pytest.mark.parametrize(
    ("auc", "error"), [pytest.param(0.735, 0.001, id="within the margin"), pytest.param(0.70, 0.03, id="by chance")]
)
def test_a_drop_within_the_margin_or_by_chance_is_fine(auc, error):
    assert judgement.judge(SPEC, _quality(auc, error=error), 0.005, [])[0] == "fine"


def test_the_uncertainty_of_the_expectation_counts():
    assert judgement.judge(SPEC, _quality(0.72, error=0.005), 0.0, [])[0] == "drift"
    assert judgement.judge(SPEC, _quality(0.72, error=0.005), 0.02, [])[0] == "fine"


def test_drifting_features_explain_but_do_not_strike_unless_told_so():
    features = [_feature("a", 3.0), _feature("b", 0.5)]
    assert judgement.judge(SPEC, _quality(0.75), 0.005, features)[0] == "fine"
    told = msgspec.structs.replace(SPEC, drift_features=2)
    verdict, reasons = judgement.judge(told, _quality(0.75), 0.005, features)
    assert verdict == "drift"
    assert "a 3.00" in reasons[0]
    assert judgement.judge(told, _quality(0.75), 0.005, features[:1])[0] == "fine"


def test_too_few_labels_decide_nothing():
    assert judgement.judge(SPEC, _quality(0.5, labelled=99), 0.005, [])[0] == "too_few_rows"


def test_a_version_of_which_nothing_is_expected_is_fine():
    assert judgement.judge(SPEC, _quality(0.5, expected=None), 0.0, [])[0] == "fine"


def test_strikes_count_in_a_row_and_a_thin_window_changes_nothing():
    strikes = 0
    seen = []
    for verdict in ("drift", "drift", "too_few_rows", "drift", "fine", "drift"):
        strikes = judgement.count_strikes(verdict, strikes)
        seen.append(strikes)
    assert seen == [1, 2, 2, 3, 0, 1]


def test_an_alarm_needs_its_strikes_no_open_alarm_and_the_end_of_the_cooldown():
    assert not judgement.raises_alarm(SPEC, 2, "", None, NOW)
    assert judgement.raises_alarm(SPEC, 3, "", None, NOW)
    assert not judgement.raises_alarm(SPEC, 9, "al_1", None, NOW)
    assert not judgement.raises_alarm(SPEC, 9, "", NOW - timedelta(days=6), NOW)
    assert judgement.raises_alarm(SPEC, 9, "", NOW - timedelta(days=7), NOW)


def test_the_most_telling_feature_is_the_drifted_one_that_matters():
    features = [_feature("noise", 5.0, 0.001), _feature("key", 0.5, 0.4), _feature("calm", 0.1, 0.5)]
    assert judgement.most_telling(features) == ["key", "noise"]


@pytest.mark.parametrize(
    "field", [{"every": "often"}, {"window": "0d"}, {"cooldown": ""}, {"strikes": 0}, {"minimum_rows": 0}]
)
def test_a_spec_that_makes_no_sense_is_refused_by_the_name_of_its_field(field):
    with pytest.raises(Invalid, match=next(iter(field))):
        judgement.check_spec(msgspec.structs.replace(SPEC, **field))
