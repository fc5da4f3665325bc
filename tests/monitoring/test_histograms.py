"""Histograms and PSI against what a person would count by hand."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondol.monitoring.rules import histograms
from ondol.monitoring.types import Histogram

NUMBERS = st.one_of(st.floats(-1e6, 1e6, allow_subnormal=False), st.integers(-3, 3).map(float), st.just(0.0), st.none())
COLUMNS = st.lists(st.one_of(NUMBERS, st.sampled_from([math.nan, math.inf, -math.inf])), min_size=1, max_size=80)


def _series(values):
    return pl.Series("x", values, dtype=pl.Float64)


def _histogram(series, edges):
    return histograms.histograms_of(series.to_frame(), {"x": edges})["x"][0]


def _by_hand(values, edges):
    """Counting row by row: the bin before the first inner edge that lies above the value."""
    numbers = [value for value in values if value is not None and math.isfinite(value)]
    counts = [0] * max(len(edges) - 1, 0)
    if edges:
        for value in numbers:
            counts[sum(value >= edge for edge in edges[1:-1])] += 1
    return [count / len(values) for count in counts], (len(values) - len(numbers)) / len(values)


@settings(max_examples=150, deadline=None)
@given(COLUMNS, COLUMNS)
def test_shares_are_those_counted_by_hand(learned, live):
    edges = histograms.edges_of(histograms.finite(_series(learned)))
    found = _histogram(_series(live), edges)
    shares, missing = _by_hand(live, edges)
    assert found.shares == pytest.approx(shares)
    assert found.missing == pytest.approx(missing)


@settings(max_examples=150, deadline=None)
@given(COLUMNS)
def test_edges_rise_and_every_row_of_the_training_set_has_a_place(learned):
    edges = histograms.edges_of(histograms.finite(_series(learned)))
    assert edges == sorted(set(edges))
    found = _histogram(_series(learned), edges)
    assert sum(found.shares) + found.missing == pytest.approx(1.0)
    assert all(edge is not None and math.isfinite(edge) for edge in edges)


@settings(max_examples=100, deadline=None)
@given(COLUMNS, COLUMNS)
def test_psi_is_zero_for_the_same_rows_and_never_negative(learned, live):
    edges = histograms.edges_of(histograms.finite(_series(learned)))
    before = _histogram(_series(learned), edges)
    now = _histogram(_series(live), edges)
    assert histograms.psi(before, before) == 0
    assert histograms.psi(before, now) >= 0
    assert histograms.psi(before, now) == pytest.approx(histograms.psi(now, before))


def test_psi_of_a_known_pair():
    before = Histogram(edges=[0, 1, 2], shares=[0.5, 0.5], missing=0.0)
    now = Histogram(edges=[0, 1, 2], shares=[0.25, 0.75], missing=0.0)
    assert histograms.psi(before, now) == pytest.approx(0.25 * math.log(2) + 0.25 * math.log(1.5))


def test_ten_bins_of_equal_share_for_a_smooth_column():
    learned = _series([float(number) for number in range(1000)])
    edges = histograms.edges_of(histograms.finite(learned))
    assert edges == [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 999]
    assert _histogram(learned, edges).shares == pytest.approx([0.1] * 10)


def test_rain_on_few_days_has_a_bin_apart_from_no_rain():
    edges = histograms.edges_of(histograms.finite(_series([0.0] * 95 + [0.1, 0.2, 0.3, 0.4, 0.5])))
    assert edges[:2] == [0.0, 0.1]
    dry = _histogram(_series([0.0] * 100), edges)
    wet = _histogram(_series([0.0] * 50 + [0.3] * 50), edges)
    assert histograms.psi(dry, wet) > 1


def test_each_weekday_has_a_bin():
    week = [float(day) for day in range(1, 8)] * 20
    edges = histograms.edges_of(histograms.finite(_series(week)))
    assert edges == [1, 2, 3, 4, 5, 6, 7, 8]
    assert _histogram(_series(week), edges).shares == pytest.approx([1 / 7] * 7)


@pytest.mark.parametrize("constant", [0.0, 5.0, -3.0])
@pytest.mark.parametrize("step", [-10.0, 10.0])
def test_a_constant_that_moves_is_seen_in_both_directions(constant, step):
    edges = histograms.edges_of(histograms.finite(_series([constant] * 50)))
    before = _histogram(_series([constant] * 50), edges)
    now = _histogram(_series([constant + step] * 50), edges)
    assert histograms.psi(before, now) > 1


def test_values_that_go_missing_are_drift():
    learned = _series([float(number) for number in range(100)])
    edges = histograms.edges_of(histograms.finite(learned))
    before = _histogram(learned, edges)
    now = _histogram(_series([None] * 50 + [float(number) for number in range(0, 100, 2)]), edges)
    assert histograms.psi(before, now) > 0.25


def test_a_column_that_was_never_there_has_no_edges_and_still_a_psi():
    before = _histogram(_series([None] * 10), [])
    now = _histogram(_series([1.0] * 10), [])
    assert (before.edges, before.shares, before.missing) == ([], [], 1.0)
    assert histograms.psi(before, before) == 0
    assert histograms.psi(before, now) > 1


def test_columns_are_counted_side_by_side_with_their_means():
    frame = pl.DataFrame({"a": [1, 2, 3, None], "b": [True, False, True, True], "c": ["x", "y", "z", "w"]})
    found = histograms.histograms_of(frame, {"a": [1.0, 2.0, 3.0], "b": [0.0, 1.0, 2.0]})
    assert found["a"] == (Histogram(edges=[1, 2, 3], shares=[0.25, 0.5], missing=0.25), 2.0)
    assert found["b"] == (Histogram(edges=[0, 1, 2], shares=[0.25, 0.75], missing=0.0), 0.75)
    assert histograms.histograms_of(frame, {}) == {}
