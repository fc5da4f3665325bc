"""What was deleted goes for good when it is old enough, unless a version came from it; a crash loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
import sqlalchemy as sa

from ondol.kernel.errors import Conflict, Invalid, NotFound
from ondol.tracking.repo.tables import metric_points, run_metrics
from ondol.tracking.rules import artifact_folder


def make(house, name: str, experiment: str = "e", *, points: int = 3) -> str:
    run = house.call("runs.create", {"experiment": experiment, "name": name, "tags": {"t": "1"}}).id
    found = [{"key": key, "value": value, "step": value} for key in ("a", "b") for value in range(points)]
    house.call("runs.log", {"run": run, "params": {"p": 1}, "metrics": found})
    house.tools().blobs.put(f"{artifact_folder(run)}/model.bin", b"12345")
    house.tools().blobs.put(f"{artifact_folder(run)}/deep/er.txt", b"123")
    return run


def count(house, table) -> int:
    with house.tools().transaction(write=False) as tools:
        return int(tools.connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def later(house, days: int) -> None:
    house.call("clock.set", {"now": (house.tools().now() + timedelta(days=days)).isoformat()})


def clear(house, **fields):
    return house.call("runs.gc", fields)


def test_a_run_goes_with_all_that_it_had_when_it_is_old_enough(house):
    kept, gone, young = make(house, "kept"), make(house, "gone"), make(house, "young")
    house.call("runs.delete", {"run": gone})
    later(house, 29)
    house.call("runs.delete", {"run": young})
    assert clear(house).gone == []
    later(house, 2)
    dry = clear(house, dry_run=True)
    assert [(one.kind, one.id, one.bytes) for one in dry.gone] == [("run", gone, 8)]
    assert house.call("runs.get", {"run": gone}).name == "gone"
    report = clear(house)
    assert (report.gone, report.runs, report.freed_bytes) == (dry.gone, 1, 8)
    with pytest.raises(NotFound):
        house.call("runs.get", {"run": gone})
    assert {blob.path.split("/")[1] for blob in house.tools().blobs.list("runs")} == {kept, young}
    assert count(house, metric_points) == 12
    assert count(house, run_metrics) == 4
    assert {run.id for run in house.call("runs.search", {"view": "all"}).items} == {young, kept}
    assert clear(house).runs == 0
    assert clear(house, older_than="0d").runs == 1


def test_a_run_that_a_version_came_from_stays(house):
    run = make(house, "source")
    house.call("models.declare", {"spec": {"name": "delay"}})
    house.call("versions.link", {"model": "delay", "source": "s3://models/1", "run": run})
    house.call("runs.delete", {"run": run})
    later(house, 31)
    report = clear(house)
    assert [(one.id, one.kept_because) for one in report.kept] == [(run, "a model version came from it")]
    assert report.gone == []
    assert house.call("runs.restore", {"run": run}).deleted_at is None


def test_an_experiment_goes_with_its_runs_models_and_traces_and_its_id_is_not_given_again(house):
    make(house, "one", "short")
    experiment = house.call("experiments.get", {"experiment": "short"})
    files = house.tools().blobs
    for path in ("models/m-1", "traces/tr-1"):
        files.put(f"mlflow/{experiment.id}/{path}/artifacts/x.txt", b"1")
    model = {"model": "m-1", "experiment": "short", "name": "m", "created_ms": 1}
    house.call("logged_models.import", model)
    with house.tools().transaction(write=True) as tools:
        row = "INSERT INTO traces (id, experiment, started_ms, state, finished) VALUES ('tr-1', :id, 1, 'OK', 1)"
        tools.connection.execute(sa.text(row), {"id": int(experiment.id)})
    house.call("experiments.delete", {"experiment": "short"})
    later(house, 31)
    dry = clear(house, dry_run=True)
    report = clear(house)
    assert (report.runs, report.logged_models, report.experiments) == (1, 1, 1)
    assert dry.gone == report.gone
    assert list(files.list("mlflow")) == []
    with pytest.raises(NotFound):
        house.call("experiments.get", {"experiment": "short"})
    assert int(house.call("experiments.create", {"name": "short"}).id) == int(experiment.id) + 1


def test_an_experiment_of_a_run_that_stays_stays_too(house):
    run = make(house, "source", "kept")
    house.call("models.declare", {"spec": {"name": "delay"}})
    house.call("versions.link", {"model": "delay", "source": "s3://models/1", "run": run})
    house.call("experiments.delete", {"experiment": "kept"})
    later(house, 31)
    for dry_run in (True, False):
        report = clear(house, dry_run=dry_run)
        assert [one.kind for one in report.kept] == ["run", "experiment"]
        assert report.gone == []
    house.call("experiments.restore", {"experiment": "kept"})


def test_what_older_than_may_say(house):
    with pytest.raises(Invalid, match="month"):
        clear(house, older_than="1 month")


KILLED = """
import os, signal, sys
from ondol.home import open_house
from ondol.kernel.config import Config
from ondol.tracking.repo import clearing

house = open_house(Config(home=sys.argv[1], clock="2013-04-01"))
left = int(sys.argv[2])

def dying(function):
    def call(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)
    return call

blobs = house.tools().blobs
blobs.delete = dying(blobs.delete)
for name in ("begin_run", "delete_points", "delete_run"):
    setattr(clearing, name, dying(getattr(clearing, name)))
house.call("runs.gc", {"older_than": "0d"})
"""


@pytest.mark.parametrize("steps", [1, 2, 4, 5])
def test_a_clearing_that_was_killed_is_finished_by_the_next_one(house, steps):
    runs = [make(house, name) for name in ("one", "two")]
    for run in runs:
        house.call("runs.delete", {"run": run})
    home = str(house.config.home_path)
    ended = subprocess.run([sys.executable, "-c", KILLED, home, str(steps)], check=False, env=os.environ)
    assert ended.returncode == -signal.SIGKILL
    # What has begun to go cannot come back half, and goes on although it would be too young now.
    with pytest.raises(Conflict, match="cleared away"):
        house.call("runs.restore", {"run": runs[0]})
    assert clear(house, older_than="3000d").runs == 1
    later(house, 31)
    assert clear(house).runs == 1
    assert (count(house, metric_points), list(house.tools().blobs.list("runs"))) == (0, [])


@pytest.mark.postgres
def test_postgres_clears_too(postgres_url, tmp_path):
    from ondol.home import open_house
    from ondol.kernel.config import Config

    house = open_house(Config(home=str(tmp_path), clock="2013-04-01", database=postgres_url))
    run = make(house, "gone")
    house.call("runs.delete", {"run": run})
    later(house, 31)
    assert clear(house).runs == 1
    assert count(house, metric_points) == 0
    house.close()
