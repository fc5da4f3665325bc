"""Curves of many runs in one answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ondol.home import House, open_house
from ondol.kernel.config import Config
from ondol.kernel.errors import Invalid
from ondol.tracking.repo import curves


def _run(house: House, values: list[float | str]) -> str:
    run = str(house.call("runs.create", {"experiment": "curves"}).id)
    points = [{"key": "loss", "value": value, "step": step} for step, value in enumerate(values)]
    house.call("runs.log", {"run": run, "metrics": points})
    return run


def _check(house: House) -> None:
    runs = [_run(house, [float(step) for step in range(1000)]), _run(house, [2.0, "NaN", 1.0])]
    long, short = house.call("runs.curves", {"runs": runs, "metrics": ["loss", "absent"], "points": 50})
    assert (long.run, short.run) == tuple(runs)
    assert len(long.steps) == len(long.values) == len(long.at) == 50
    assert (long.steps[0], long.steps[-1], long.values[-1]) == (0, 999, 999.0)
    assert short.values == [2.0, "NaN", 1.0]


def test_curves_are_thinned_and_keep_their_ends(house: House) -> None:
    _check(house)


def test_the_database_thins_long_curves_the_same_way(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _run(house, [float(step) for step in range(1000)])
    question = {"runs": [run], "metrics": ["loss"], "points": 7}
    whole = house.call("runs.curves", question)
    monkeypatch.setattr(curves, "READ_WHOLE", 10)
    assert house.call("runs.curves", question) == whole


@pytest.fixture
def postgres_house(postgres_url: str, tmp_path: Path) -> Iterator[House]:
    opened = open_house(Config(home=str(tmp_path), database=postgres_url))
    yield opened
    opened.close()


@pytest.mark.postgres
def test_curves_are_the_same_on_postgres(postgres_house: House) -> None:
    _check(postgres_house)


def test_a_run_that_is_not_there_has_no_curve(house: House) -> None:
    assert house.call("runs.curves", {"runs": ["run_none"], "metrics": ["loss"]}) == []


@pytest.mark.parametrize("wrong", [{"points": 1}, {"points": 9999}, {"runs": ["run_a"] * 2001}])
def test_too_much_is_refused(house: House, wrong: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        house.call("runs.curves", {"runs": ["run_a"], "metrics": ["loss"]} | wrong)
