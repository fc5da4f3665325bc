"""The model of `examples/flights`, trained once on four weeks."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from ondol.demo.feed import Feed
from ondol.demo.play import example_folder
from ondol.home import House, open_house
from ondol.kernel.config import Config
from tests.projects import apply, run


def trained(folder: Path) -> House:
    """A house whose model `flight-delay` has one version; the project lies in `folder/flights`."""
    day = date(2013, 2, 1)
    project = folder / "flights"
    project.mkdir(parents=True)
    shutil.copy(example_folder() / "project.py", project / "project.py")
    Feed(day).write_history(project / "data")
    house = open_house(Config(home=str(folder / "home"), clock=day.isoformat()))
    apply(house, project)
    ended = run(house, "training")
    assert ended.status == "finished", ended.error
    return house
