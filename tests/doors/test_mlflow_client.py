"""MLflow's own client against our server, in an environment of its own: `pytest --lanes=mlflow`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.peers import Unavailable, environment
from ondol.doors.server import build_app
from tests.rooms import served

pytestmark = [pytest.mark.mlflow, pytest.mark.timeout(900)]

EXPECTED = {
    "default": "Default",
    "twice": "RESOURCE_ALREADY_EXISTS",
    "missing": "RESOURCE_DOES_NOT_EXIST",
    "experiment": ["story 2", {"team": "ops", "k": "v"}, True],
    "param changed": "INVALID_PARAMETER_VALUE",
    "run": ["FINISHED", "parent", {"leaves": "63", "text": "a b"}, "hand", 0.25],
    "infinite": [True, True],
    "input": ["set", 2],
    "history": [[-1, 0.5], [0, None], [1, 0.25]],
    "nested": True,
    "many": 1_000,
    "search": [True, True],
    "pages": [1, 1, None],
    "wrong filter": "INVALID_PARAMETER_VALUE",
    "deleted": "INVALID_PARAMETER_VALUE",
    "views": [1, 1, 2],
    "renamed": "renamed",
    "untagged": "RESOURCE_DOES_NOT_EXIST",
    "experiment deleted": "INVALID_PARAMETER_VALUE",
    "restored": 2,
    "listed": [["d.json", False, 12], ["dir", True, None], ["f.txt", False, 5], ["t", True, None]],
    "folder": ["dir/f.txt", "dir/sub"],
    "downloaded": ["d.json", "dir/f.txt", "dir/sub/g.json", "f.txt", "t/a b ü.txt"],
    "text": "text",
    "autolog": ["100", True],
    "loaded": [True, True],
    "logged model": [True, "READY"],
    "outputs": 1,
    "by alias": True,
    "model deleted": "RESOURCE_DOES_NOT_EXIST",
}


@pytest.mark.parametrize("peer", ["mlflow", "mlflow-older"])
def test_a_teams_training_code_runs_unchanged(house, peer, tmp_path):
    try:
        python = environment(peer)
    except Unavailable as reason:
        pytest.skip(str(reason))
    with served(build_app(house)) as url:
        # Retries would hide an answer of 500 for four minutes.
        settings = {"MLFLOW_TRACKING_URI": url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "HOME": str(tmp_path)}
        answer = subprocess.run(
            [python, Path(__file__).with_name("mlflow_story.py")],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | settings,
        )
    assert answer.returncode == 0, answer.stderr[-6000:]
    assert json.loads(answer.stdout.splitlines()[-1]) == EXPECTED
