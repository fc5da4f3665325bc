"""Webhooks by MLflow's own client, and signatures by the function that MLflow signs with: `--lanes=mlflow`."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.peers import Unavailable, environment
from ondol.doors.server import build_app
from tests.rooms import served

pytestmark = [pytest.mark.mlflow, pytest.mark.timeout(300)]

EXPECTED = {
    "created": ["ci", True, "ACTIVE", "what it is for", None],
    "events": True,
    "got": "ci",
    "listed": [["ci", "other"], False],
    "updated": ["changed", "prompt_tag.set", "DISABLED"],
    "deleted": "RESOURCE_DOES_NOT_EXIST",
    "wrong url": "INVALID_PARAMETER_VALUE",
    "wrong name": "INVALID_PARAMETER_VALUE",
    "tested": [True, 200],
    "example": True,
    "told": sorted(
        [
            "registered_model.created",
            "model_version.created",
            "model_version_tag.set",
            "model_version_tag.deleted",
            "model_version_alias.created",
            "model_version_alias.deleted",
            "prompt.created",
            "prompt_version.created",
        ]
    ),
    "signed": True,
    "model": {"name": "delay", "tags": {"team": "ops"}, "description": "late flights"},
    "prompt": "Hello {{name}}",
}


def test_a_clients_webhooks_hear_of_the_registry(house, tmp_path):
    try:
        python = environment("mlflow")
    except Unavailable as reason:
        pytest.skip(str(reason))
    with served(build_app(house)) as url:
        settings = {"MLFLOW_TRACKING_URI": url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "HOME": str(tmp_path)}
        answer = subprocess.run(
            [python, Path(__file__).with_name("mlflow_webhooks_story.py")],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | settings,
        )
    assert answer.returncode == 0, answer.stderr[-6000:]
    assert json.loads(answer.stdout.splitlines()[-1]) == EXPECTED
