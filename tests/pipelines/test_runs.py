"""Pipelines in real processes: answered from the cache, resumed after a crash, clear about where they failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondol.home import House
from ondol.kernel.errors import Conflict, Invalid
from ondol.pipelines.types import PipelineRun
from tests.projects import apply, marks, run, settled, write_arithmetic


@pytest.fixture
def project(house: House, tmp_path: Path) -> Path:
    folder = write_arithmetic(tmp_path / "arithmetic")
    apply(house, folder)
    return folder


def statuses(ended: PipelineRun) -> dict[str, str]:
    return {step.name: step.status for step in ended.steps}


def test_a_run_keeps_parameters_metrics_output_and_log_of_each_step(house: House, project: Path) -> None:
    ended = run(house, "calculation", n="4")
    assert (ended.status, ended.error) == ("finished", "")
    make, total, judge = ended.steps
    assert make.params == {"n": 4}
    assert make.output is not None
    assert make.output.summary == "4 rows × 1 columns"
    assert total.inputs == [make.id]
    assert total.metrics == {"total": 13.0, "rows_seen": 4.0}
    assert judge.params == {"limit": 1000.0}
    assert b"making 4 rows" in house.tools().blobs.get(f"runs/{ended.id}/artifacts/{make.log}")
    tracked = house.call("runs.get", {"run": ended.id})
    assert tracked.status == "finished"
    assert tracked.metrics["total"] == 13.0
    assert tracked.params["n"] == tracked.params["make.n"] == 4


def test_an_equal_step_is_answered_from_the_cache_until_its_code_changes(house: House, project: Path) -> None:
    run(house, "calculation")
    again = run(house, "calculation")
    assert statuses(again) == {"make": "cached", "total": "cached", "judge": "cached"}
    assert again.steps[1].metrics == {"total": 21.0, "rows_seen": 5.0}
    assert marks(project) == ["make", "total", "judge"]

    other = run(house, "calculation", limit=500)
    assert statuses(other) == {"make": "cached", "total": "cached", "judge": "finished"}

    helpers = project / "helpers.py"
    helpers.write_text(helpers.read_text().replace("SHIFT = 1", "SHIFT = 2"))
    apply(house, project)
    changed = run(house, "calculation")
    assert statuses(changed) == {"make": "cached", "total": "finished", "judge": "finished"}
    assert changed.steps[1].metrics["total"] == 22.0


def test_a_failing_step_is_tried_again_and_says_file_and_line(house: House, project: Path) -> None:
    ended = run(house, "calculation", limit=1)
    assert ended.status == "failed"
    assert "ValueError: 21.0 is too much (at project.py:36)" in ended.error
    assert statuses(ended) == {"make": "finished", "total": "finished", "judge": "failed"}
    assert marks(project).count("judge") == 2
    assert house.call("jobs.get", {"job": ended.job}).status == "finished"
    assert house.call("runs.get", {"run": ended.id}).status == "failed"

    house.call("pipeline_runs.resume", {"run": ended.id})
    resumed = settled(house, ended.id)
    assert resumed.status == "failed"
    assert marks(project).count("make") == 1
    assert marks(project).count("judge") == 4
    assert [step.id for step in resumed.steps[:2]] == [step.id for step in ended.steps[:2]]


def test_a_killed_process_goes_on_where_it_was_and_repeats_no_finished_step(house: House, project: Path) -> None:
    ended = run(house, "dangerous")
    assert ended.status == "finished"
    assert marks(project) == ["make", "total", "deadly", "deadly"]
    assert statuses(ended) == {"make": "finished", "total": "finished", "deadly": "finished"}
    assert house.call("jobs.get", {"job": ended.job}).attempts == 2


def test_the_same_key_is_one_run_and_unknown_parameters_are_refused(house: House, project: Path) -> None:
    first = house.call("pipelines.run", {"pipeline": "calculation", "key": "alarm_1"})
    assert house.call("pipelines.run", {"pipeline": "calculation", "key": "alarm_1"}).id == first.id
    with pytest.raises(Invalid, match="no parameter 'm'"):
        house.call("pipelines.run", {"pipeline": "calculation", "parameters": {"m": 1}})
    with pytest.raises(Invalid, match="its default is 5"):
        house.call("pipelines.run", {"pipeline": "calculation", "parameters": {"n": "many"}})
    with pytest.raises(Conflict, match="only failed runs are resumed"):
        house.call("pipeline_runs.resume", {"run": first.id})
