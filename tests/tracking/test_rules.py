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
points = st.builds(
    MetricPoint,
    key=st.sampled_from(["auc", "loss"]),
    value=st.floats(),
    step=st.integers(0, 3),
    at=st.integers(0, 3).map(lambda hours: NOON + timedelta(hours=hours)),
)


@given(st.lists(points, max_size=12), st.data())
def test_the_newest_point_does_not_depend_on_the_order_of_arrival_or_on_the_batches(found, data):
    shuffled = data.draw(st.permutations(found))
    cut = data.draw(st.integers(0, len(found)))
    at_once = rules.newest(found)
    in_batches = rules.newest([*rules.newest(shuffled[:cut]).values(), *shuffled[cut:]])
    assert _plain(at_once) == _plain(in_batches)


def _plain(newest):
    # 0.0 and -0.0 are one value, and NaN equals nothing, not even itself.
    return {key: (point.step, point.at, repr(float(point.value) + 0.0)) for key, point in newest.items()}


def test_a_later_step_beats_a_later_moment_and_a_value_beats_nan():
    first = MetricPoint(key="loss", value=1.0, step=2, at=NOON)
    assert rules.newest([first, MetricPoint(key="loss", value=9.0, step=1, at=NOON)])["loss"] == first
    assert rules.newest([first, MetricPoint(key="loss", value=math.nan, step=2, at=NOON)])["loss"] == first


@given(st.floats())
def test_every_number_survives_json(value):
    word = rules.json_number(value)
    assert math.isfinite(value) == isinstance(word, float)
    assert float(word) == value or math.isnan(value)


def test_a_moment_without_offset_is_utc_and_none_is_now():
    naive = MetricPoint(key="auc", value=1.0, at=NOON.replace(tzinfo=None))
    assert rules.dated([naive], NOON)[0].at == NOON
    assert rules.dated([MetricPoint(key="auc", value=1.0)], NOON)[0].at == NOON


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


def test_a_parameter_keeps_its_first_value_and_its_type():
    known = {"leaves": 63, "rate": 0.1, "seed": None}
    assert rules.fresh_params("run_1", known, {"leaves": 63, "seed": None, "depth": 4}) == {"depth": 4}
    for other in ({"leaves": 64}, {"leaves": 63.0}, {"leaves": True}, {"seed": 1}):
        with pytest.raises(Conflict):
            rules.fresh_params("run_1", known, other)


def test_a_call_has_a_limit_and_so_has_a_text():
    with pytest.raises(Invalid, match="10001 entries"):
        rules.check_log(LogRun(run="run_1", tags={str(number): "" for number in range(10_001)}))
    with pytest.raises(Invalid, match="'note'"):
        rules.check_log(LogRun(run="run_1", params={"note": "x" * 8_001}))
