"""A model that wants approval: its pipeline asks for the review, and somebody else lets it answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondol.home import House, open_house
from ondol.kernel.config import Config
from ondol.sdk.template import new_project
from tests.projects import apply, run


@pytest.fixture
def house(tmp_path: Path):
    """By today's clock: the template's rows are of these days."""
    opened = open_house(Config(home=str(tmp_path / "home")))
    yield opened
    opened.close()


def test_a_pipeline_asks_for_the_review_and_the_version_answers_once_it_is_approved(house: House, tmp_path: Path):
    new_project(tmp_path / "shop")
    file = tmp_path / "shop" / "project.py"
    text = file.read_text()
    assert 'od.model("returns",' in text
    file.write_text(text.replace('od.model("returns",', 'od.model("returns", approval=True,'))
    apply(house, tmp_path / "shop")
    ended = run(house, "training")
    assert (ended.status, ended.error) == ("finished", "")
    (review,) = house.call("reviews.list", {"model": "returns", "status": "open"})
    assert ended.results["review"] == review.id
    assert ended.steps[-1].output.summary == f"not deployed: it waits for its review {review.id}"
    assert house.call("endpoints.get", {"endpoint": "returns"}).traffic == []
    house.call("reviews.decide", {"review": review.id, "verdict": "approved"}, actor="kim")
    house.call("canary.start", {"endpoint": "returns", "version": review.version}, actor="kim")
    (route,) = house.call("endpoints.get", {"endpoint": "returns"}).traffic
    assert route.version == review.version
    (span,) = house.call("models.production", {"model": "returns"}).answering
    assert (span.by, span.version) == ("kim", review.version)
