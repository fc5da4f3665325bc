"""Names, numbers and the newest point of a metric."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.kernel.errors import Conflict, Invalid
from ondol.tracking import rules
from ondol.tracking.types import LogRun, MetricPoint

NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)
points = st.tuples(st.sampled_from(["auc", "loss"]), st.integers(0, 3), st.integers(-1, 2), st.floats())


@given(st.lists(points, max_size=12), st.data())
def test_the_newest_point_does_not_depend_on_the_order_of_arrival_or_on_the_batches(found, data):
    shuffled = data.draw(st.permutations(found))
    cut = data.draw(st.integers(0, len(found)))
    at_once = rules.newest(found)
    in_batches = rules.newest([*rules.newest(shuffled[:cut]).values(), *shuffled[cut:]])
    assert _plain(at_once) == _plain(in_batches)


def _plain(newest):
    # 0.0 and -0.0 are one value, and NaN equals nothing, not even itself.
    return {key: (step, at, repr(value + 0.0)) for key, at, step, value in newest.values()}


def test_a_later_step_beats_a_later_moment_and_a_value_beats_nan():
    first = ("loss", 1_000, 2, 1.0)
    assert rules.newest([first, ("loss", 9_000, 1, 9.0)])["loss"] == first
    assert rules.newest([first, ("loss", 1_000, 2, math.nan)])["loss"] == first


@given(st.floats())
def test_every_number_survives_json(value):
    word = rules.json_number(value)
    assert math.isfinite(value) == isinstance(word, float)
    assert float(word) == value or math.isnan(value)


def test_a_moment_without_offset_is_utc_and_none_is_now():
    noon = rules.to_ms(NOON)
    naive = MetricPoint(key="auc", value=1.0, at=NOON.replace(tzinfo=None))
    assert rules.to_row(naive, NOON + timedelta(days=1)) == ("auc", noon, 0, 1.0)
    assert rules.to_row(MetricPoint(key="auc", value=1.0), NOON) == ("auc", noon, 0, 1.0)


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_moment_of_a_protocol_is_one_of_ours(moment):
    assert rules.from_ms(moment).tzinfo is UTC
    if -62135596800000 <= moment < 253402300800000:
        assert rules.to_ms(rules.from_ms(moment)) == moment


@given(st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_parameter_is_kept_as_text_and_comes_back_as_what_it_was(value):
    text, kind = rules.param_text(value)
    back = rules.param_value(text, kind)
    assert (back, type(back)) == (value, type(value))


@pytest.mark.parametrize("name", ["auc", "train/loss", "recall@10", "정확도", "f1 (macro)", "x" * 250])
def test_names_of_the_field_are_taken(name):
    rules.check_name("a metric", name)


@pytest.mark.parametrize("name", ["", " auc", "a\nb", "x" * 251, "a\x00", "a'b"])
def test_other_names_are_refused(name):
    with pytest.raises(Invalid):
        rules.check_name("a metric", name)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", "a\\b", "a\x00", "x" * 1001])
def test_an_artifact_stays_in_its_folder(path):
    with pytest.raises(Invalid):
        rules.check_artifact_path(path)


def kept(**values):
    return {key: rules.param_text(value) for key, value in values.items()}


def test_a_parameter_keeps_its_first_value_and_its_type():
    known = kept(leaves=63, rate=0.1, seed=None)
    assert rules.fresh_params("run_1", known, kept(leaves=63, seed=None, depth=4)) == kept(depth=4)
    for other in (kept(leaves=64), kept(leaves=63.0), kept(leaves=True), kept(seed=1), kept(leaves="63")):
        with pytest.raises(Conflict):
            rules.fresh_params("run_1", known, other)
    assert rules.fresh_params("run_1", known, kept(leaves="63"), strict=False) == {}


def test_a_call_has_a_limit_and_so_has_a_text():
    with pytest.raises(Invalid, match="10001 entries"):
        rules.check_log(LogRun(run="run_1", tags={str(number): "" for number in range(10_001)}))
    with pytest.raises(Invalid, match="'note'"):
        rules.check_log(LogRun(run="run_1", params={"note": "x" * 8_001}))
