"""What the loop was worth, against scores worked out one by one."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from ondol.loop.service import worth
from ondol.registry import service as registry
from ondol.serving import service as serving
from tests.rollout.world import ENDPOINT, World


@pytest.fixture
def world(house):
    return World(house).build(rollout=["100%"])


def _worth(world):
    return world.house.call("loops.worth", {"endpoint": ENDPOINT})


def _truth(world, first):
    """Every logged row with its label, scored by the first champion, by month of its own time."""
    log = serving.read_log(world.house.tools(), ENDPOINT, world.began, world.now() + timedelta(days=1))
    frozen = registry.load(world.house.tools(), first.id).predict(log)
    months = {}
    for row, score in zip(log.iter_rows(named=True), frozen, strict=True):
        label = world.labels.get(row["id"])
        if label is not None:
            months.setdefault(f"{row['seen_at']:%Y-%m}", []).append((label, row["score"], score))
    return months


def _live(world, days, turned=False, landed=True):
    for _ in range(days):
        rows = world.rows(100, turned)
        world.ask(rows)
        if landed:
            world.land(rows)
            world.labels |= {row["id"]: row["hit"] for row in rows}
        world.pass_time(timedelta(days=1))


def test_worth_is_served_against_frozen_by_month_on_the_same_rows(world):
    world.labels, world.began = {}, world.now()
    first = world.train("all")
    world.start(first)
    _live(world, 32)
    world.start(world.train("all", turned=True))
    _live(world, 3, turned=True)
    _live(world, 1, landed=False)
    found = _worth(world)
    truth = _truth(world, first)
    assert found.frozen == 1
    assert [month.month for month in found.months] == sorted(truth) == ["2013-03", "2013-04", "2013-05"]
    for month in found.months:
        labels, served, frozen = zip(*truth[month.month], strict=True)
        assert month.rows == len(labels)
        assert month.auc_served == pytest.approx(roc_auc_score(labels, served))
        assert month.auc_frozen == pytest.approx(roc_auc_score(labels, frozen))
        assert month.log_loss_served == pytest.approx(log_loss(labels, served))
        assert month.log_loss_frozen == pytest.approx(log_loss(labels, frozen))
    assert found.months[1].auc_served == found.months[1].auc_frozen
    assert found.months[2].versions == [1, 2]
    assert found.months[2].auc_served > found.months[2].auc_frozen + 0.1
    assert found.total.rows == sum(month.rows for month in found.months)
    assert found.total.versions == [1, 2]


def test_asked_day_by_day_it_answers_as_if_asked_once(world):
    world.labels, world.began = {}, world.now()
    first = world.train("all")
    world.start(first)
    for _ in range(4):
        _live(world, 1)
        _worth(world)
    late = world.rows(100)
    world.ask(late)
    world.pass_time(timedelta(days=3))
    before = _worth(world)
    world.land(late)
    world.pass_time(timedelta(days=1))
    day_by_day = _worth(world)
    worth._known.clear()
    at_once = _worth(world)
    for one, other in zip([*day_by_day.months, day_by_day.total], [*at_once.months, at_once.total], strict=True):
        for name, value in msgspec.structs.asdict(one).items():
            assert value == pytest.approx(getattr(other, name)), name
    assert (before.total.rows, day_by_day.total.rows) == (400, 500)


def test_before_the_first_champion_and_before_the_first_label_there_is_no_worth(world):
    assert (_worth(world).frozen, _worth(world).total) == (0, None)
    world.start(world.train("all"))
    assert (_worth(world).frozen, _worth(world).months, _worth(world).total) == (1, [], None)
    world.ask(world.rows(60))
    assert _worth(world).total is None
