"""A gigabyte goes up and comes down by MLflow's own client while the server stays small: `--lanes=mlflow,walk`."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from benchmarks.peers import Unavailable, environment
from tests.doors.test_server import start, url_of

pytestmark = [pytest.mark.mlflow, pytest.mark.walk, pytest.mark.timeout(900)]

MB = 1 << 20
MOST_GROWTH = 160 * MB
STORY = """
import hashlib, mlflow, os
piece = os.urandom(1 << 20)
with open("large.bin", "wb") as file:
    for _ in range(1024):
        file.write(piece)
with mlflow.start_run() as run:
    mlflow.log_artifact("large.bin")
os.remove("large.bin")
path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="large.bin", dst_path="back")
digest, wanted = hashlib.sha256(), hashlib.sha256(piece * 1024).hexdigest()
with open(path, "rb") as file:
    while part := file.read(1 << 20):
        digest.update(part)
print(digest.hexdigest() == wanted)
"""


def peak(process: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1]) * 1024


def test_a_gigabyte_is_streamed_in_constant_memory(tmp_path):
    try:
        python = environment("mlflow")
    except Unavailable as reason:
        pytest.skip(str(reason))
    home = tmp_path / "home"
    server = start(home)
    try:
        settings = {"MLFLOW_TRACKING_URI": url_of(home, server), "HOME": str(tmp_path)}
        before = peak(server.pid)
        answer = subprocess.run(
            [python, "-c", STORY], capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | settings
        )
        assert answer.returncode == 0, answer.stderr[-4000:]
        assert answer.stdout.split()[-1] == "True"
        grown = peak(server.pid) - before
        assert grown < MOST_GROWTH, grown
    finally:
        server.terminate()
        server.communicate()
