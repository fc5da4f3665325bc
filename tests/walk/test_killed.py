"""The server is killed in the middle of a retraining, and started again: the new champion comes all the same."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from ondol.demo.feed import Feed
from ondol.demo.play import START, apply_project, wait_until_ready, write_project
from ondol.demo.server import DemoServer, fresh_home
from ondol.doors.client import Client

pytestmark = pytest.mark.walk


def test_a_house_killed_while_it_retrains_still_ends_with_the_new_champion_and_runs_no_step_twice(
    tmp_path: Path,
) -> None:
    home = fresh_home(tmp_path / "home")
    project = write_project(home, Feed(START))
    server = DemoServer(home, 0, START.isoformat())
    # Another label is another question, so its model takes the place of the champion at once.
    for trainings, label in enumerate(("arr_delay > 15", "arr_delay > 30"), start=1):
        project.write_text(project.read_text().replace("arr_delay > 15", label))
        server.start()
        run, done_before = kill_in_training(server, home, project)
        server.start()
        try:
            version = ended_version(server, run)
            with Client(server.url) as client:
                wait_until_ready(client)
                (route,) = client.endpoints.get(endpoint="flight-delay").traffic
                spans = client.aliases.history(model="flight-delay", alias="champion")
        finally:
            server.stop()
        assert (route.share, route.version) == (1.0, version)
        assert version in [span.version for span in spans]
        assert len(spans) == trainings
        began = rows(
            home, "select json_extract(payload, '$.name') from events where name = 'StepBegan' and subject = ?", run
        )
        for step in done_before:
            assert began.count((step,)) == 1, f"{step} had finished and ran again"
        assert rows(home, "select count(*) from versions") == [(trainings,)]


def kill_in_training(server: DemoServer, home: Path, project: Path) -> tuple[str, dict[str, str]]:
    """Apply, train, and kill the house in the middle: the run, and what it had finished."""
    with Client(server.url) as client:
        apply_project(client, project)
        run = client.pipelines.run(pipeline="training").id
        wait_for(lambda: "features" in finished_steps(home, run))
        server.kill()
    done_before = finished_steps(home, run)
    assert "deploy" not in done_before
    return run, done_before


def ended_version(server: DemoServer, run: str) -> str:
    with Client(server.url) as client:
        wait_for(lambda: client.pipeline_runs.get(run=run).status in ("finished", "failed"))
        ended = client.pipeline_runs.get(run=run)
    assert ended.status == "finished", ended.error
    return str(ended.results["version"])


def finished_steps(home: Path, run: str) -> dict[str, str]:
    found = rows(home, "select name, id from step_runs where run = ? and status in ('finished', 'cached')", run)
    return dict(found)


def rows(home: Path, query: str, *values: str) -> list[tuple]:
    with sqlite3.connect(f"file:{home / 'ondol.db'}?mode=ro", uri=True) as database:
        return database.execute(query, values).fetchall()


def wait_for(condition, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
