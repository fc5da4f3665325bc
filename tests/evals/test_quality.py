"""The measures, against scikit-learn and against their definitions written out."""

from __future__ import annotations

import math
import random
import statistics
import time

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ondol.evals import service
from ondol.kernel.errors import Invalid

SCORES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]) | st.floats(0, 1)
ROWS = st.lists(st.tuples(st.booleans(), SCORES, SCORES), min_size=4, max_size=40)


def beats(one, other):
    return 1.0 if one > other else 0.5 if one == other else 0.0


def naive_auc(labels, scores):
    positives = [score for label, score in zip(labels, scores, strict=True) if label]
    negatives = [score for label, score in zip(labels, scores, strict=True) if not label]
    return statistics.fmean(beats(one, other) for one in positives for other in negatives)


def naive_delong(labels, a, b):
    """Equations 3 to 6 of the paper, for two classifiers."""

    def components(scores):
        positives = [score for label, score in zip(labels, scores, strict=True) if label]
        negatives = [score for label, score in zip(labels, scores, strict=True) if not label]
        v10 = [statistics.fmean(beats(x, y) for y in negatives) for x in positives]
        v01 = [statistics.fmean(beats(x, y) for x in positives) for y in negatives]
        return v10, v01

    (a10, a01), (b10, b01) = components(a), components(b)
    variance = sum(
        (statistics.variance(one) + statistics.variance(other) - 2 * statistics.covariance(one, other)) / len(one)
        for one, other in ((a10, b10), (a01, b01))
    )
    return statistics.fmean(a10) - statistics.fmean(b10), variance


@given(ROWS)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows):
    labels, scores, _ = zip(*rows, strict=True)
    if len(set(labels)) == 1:
        assert service.auc_or_none(labels, scores) is None
    else:
        assert service.auc_or_none(labels, scores) == pytest.approx(naive_auc(labels, scores))


@given(ROWS)
def test_delong_is_what_its_definition_says(rows):
    labels, a, b = zip(*rows, strict=True)
    assume(2 <= sum(labels) <= len(labels) - 2)
    lead, variance = naive_delong(labels, a, b)
    found, p_better, p_worse = service.delong(labels, a, b)
    assert found == pytest.approx(lead, abs=1e-12)
    assert p_better + p_worse == pytest.approx(1)
    if variance > 1e-12:
        normal = statistics.NormalDist()
        assert p_better == pytest.approx(1 - normal.cdf(lead / math.sqrt(variance)), abs=1e-9)
    assert service.delong(labels, b, a) == pytest.approx((-found, p_worse, p_better))


def test_the_measures_agree_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    source = random.Random(2)
    labels = [int(source.random() < 0.25) for _ in range(3_000)]
    scores = [round(min(0.99, max(0.01, source.gauss(0.3 + 0.2 * label, 0.2))), 2) for label in labels]
    found = service.scores(labels, scores)
    assert found.auc == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert found.log_loss == pytest.approx(metrics.log_loss(labels, scores), rel=1e-6)
    assert found.brier == pytest.approx(metrics.brier_score_loss(labels, scores))
    assert (found.rows, found.positive_share) == (3_000, pytest.approx(statistics.fmean(labels)))
    assert found.mean_score == pytest.approx(statistics.fmean(scores))


def test_lists_and_series_of_any_number_type_give_the_same():
    labels, scores = [1, 0, 1, 0], [0.9, 0.2, 0.4, 0.4]
    for kind in (pl.Boolean, pl.Int8, pl.Float32):
        series = pl.Series(labels, dtype=pl.Int64).cast(kind)
        assert service.scores(series, pl.Series(scores)) == service.scores(labels, scores)


def test_a_certain_and_wrong_prediction_costs_much_but_not_everything():
    assert service.log_loss([1, 0], [0.0, 1.0]) == pytest.approx(-math.log(1e-15), rel=1e-3)
    assert service.log_loss([1, 1], [1.0, 1.0]) == pytest.approx(0, abs=1e-12)
    assert service.log_loss([], []) is None


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        ([], []),
        ([1, 1], [0.1, 0.2]),
        ([0, 1], [0.1]),
        ([0, 2], [0.1, 0.2]),
        ([0, None], [0.1, 0.2]),
        ([0, 1], [0.1, math.nan]),
        (["a", "b"], [0.1, 0.2]),
    ],
)
def test_rows_that_have_no_quality_are_refused(labels, scores):
    with pytest.raises(Invalid):
        service.scores(labels, scores)


def test_two_models_need_two_rows_of_each_class():
    with pytest.raises(Invalid, match="1 positive"):
        service.delong([1, 0, 0], [0.9, 0.1, 0.2], [0.8, 0.3, 0.1])


def test_models_that_rank_alike_are_equal_whatever_their_scale():
    labels, scores = [1, 0, 1, 0, 0], [0.9, 0.2, 0.4, 0.5, 0.1]
    assert service.delong(labels, scores, [score / 10 for score in scores]) == (0, 0.5, 0.5)


def test_a_lead_without_any_spread_is_certain():
    labels = [1, 1, 0, 0]
    assert service.delong(labels, [1, 1, 0, 0], [0, 0, 1, 1]) == (1, 0, 1)
    assert service.delong(labels, [0, 0, 1, 1], [1, 1, 0, 0]) == (-1, 1, 0)


def test_p_values_of_equal_models_are_uniform():
    source = random.Random(5)
    p_values = []
    for _ in range(300):
        labels = [source.random() < 0.3 for _ in range(200)]
        a, b = ([label + source.gauss(0, 1.5) for label in labels] for _ in range(2))
        p_values.append(service.delong(labels, a, b)[1])
    deciles = [sum(tenth / 10 <= p < (tenth + 1) / 10 for p in p_values) for tenth in range(10)]
    # Each holds 30 of 300 in the mean, with a standard deviation of 5.2.
    assert min(deciles) > 30 - 4 * 5.2
    assert max(deciles) < 30 + 4 * 5.2


def test_the_error_of_an_auc_shrinks_with_rows_and_is_that_of_mann_and_whitney_at_one_half():
    for positives, negatives in ((1, 1), (51, 58), (400, 1_200)):
        exact = math.sqrt((positives + negatives + 1) / (12 * positives * negatives))
        assert service.auc_error(0.5, positives, negatives) == pytest.approx(exact)
    assert service.auc_error(0.7, 4_000, 12_000) < service.auc_error(0.7, 400, 1_200)
    assert service.auc_error(1.0, 10, 10) == 0
    with pytest.raises(Invalid):
        service.auc_error(0.7, 0, 10)


def test_fifty_thousand_rows_take_milliseconds():
    source = random.Random(3)
    labels = pl.Series([source.random() < 0.25 for _ in range(50_000)])
    a, b = (pl.Series([source.random() for _ in range(50_000)]) for _ in range(2))
    service.delong(labels, a, b)
    spent = []
    for _ in range(5):
        start = time.process_time()
        service.scores(labels, a)
        service.delong(labels, a, b)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.25, spent
