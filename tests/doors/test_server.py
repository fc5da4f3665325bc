"""`ondol up`: ready, live, stopped and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ondol.doors.client import Client
from ondol.kernel.errors import NotFound, Unavailable


def start(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ondol", "up", "--home", str(home), "--port", "0", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def url_of(home: Path, process: subprocess.Popen[str]) -> str:
    note = home / "server.json"
    for _ in range(600):
        if note.exists() and (found := json.loads(note.read_text()))["pid"] == process.pid:
            with Client(found["url"]) as client:
                try:
                    assert client.request("GET", "/health").status == 200
                    return str(found["url"])
                except Unavailable:
                    pass
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.05)
    raise AssertionError("the house did not start")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def process(home: Path) -> Iterator[subprocess.Popen[str]]:
    with start(home) as found:
        yield found
        found.kill()


def test_it_is_ready_stops_on_sigterm_and_leaves_no_note(home: Path, process: subprocess.Popen[str]) -> None:
    url_of(home, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) in (0, -signal.SIGTERM)
    assert not (home / "server.json").exists()
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_after_kill_9_it_goes_on_with_what_was_acknowledged(home: Path, process: subprocess.Popen[str]) -> None:
    with Client(url_of(home, process)) as client:
        run = client.runs.create(experiment="killed", name="one")
        client.runs.log(run=run.id, metrics=[{"key": "auc", "value": 0.7}])
    process.kill()
    process.wait()
    with start(home) as again:
        with Client(url_of(home, again)) as client:
            assert client.runs.get(run=run.id).metrics == {"auc": 0.7}
        again.terminate()


def test_an_address_open_to_others_needs_a_token(home: Path) -> None:
    with start(home, "--host", "0.0.0.0") as process:
        assert process.wait(timeout=30) == 1
        assert process.stderr is not None
        words = process.stderr.read()
    assert "token" in words
    assert "next:" in words


def test_the_command_line_finds_the_house_that_serves_its_home(home: Path, process: subprocess.Popen[str]) -> None:
    with Client(url_of(home, process)) as client:
        client.runs.create(experiment="found", name="one")
    command = [sys.executable, "-m", "ondol", "--home", str(home), "runs", "list", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert [run["experiment"] for run in json.loads(result.stdout)["items"]] == ["found"]


def test_events_are_streamed_and_resumed_after_the_last_one_seen(open_doors: Client) -> None:
    open_doors.runs.create(experiment="a", name="first")
    open_doors.runs.create(experiment="a", name="second")
    seen = open_doors.events.list()
    headers = {"Last-Event-ID": str(seen[0].id)}
    with httpx.stream("GET", f"{open_doors.url}/v1/events/stream", headers=headers) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith(("id:", "data:")))
        assert next(lines) == f"id: {seen[1].id}"
        assert json.loads(next(lines)[5:])["payload"]["name"] == "second"
        open_doors.runs.create(experiment="a", name="third")
        next(lines)
        assert json.loads(next(lines)[5:])["payload"]["name"] == "third"


def test_pages_carry_a_strict_policy_and_unknown_addresses_are_errors_as_json(open_doors: Client) -> None:
    page = open_doors.request("GET", "/runs/anything")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    with pytest.raises(NotFound):
        open_doors.request("GET", "/v1/nothing")
    assert "ondol_open_jobs 0" in open_doors.request("GET", "/metrics").data.decode()


def test_a_request_that_is_too_large_is_refused(open_doors: Client) -> None:
    answer = httpx.post(f"{open_doors.url}/v1/runs", content=b" " * (65 * 2**20))
    assert answer.status_code == 413


def test_small_answers_do_not_wait_for_the_clients_acknowledgement(home: Path, process: subprocess.Popen[str]) -> None:
    """Nagle's algorithm holds the second piece of an answer back for 40 ms, until the client acknowledges the first."""
    with httpx.Client(base_url=url_of(home, process)) as http:
        made = http.post("/api/2.0/mlflow/runs/create", json={"experiment_id": "0", "start_time": 1}).json()
        run = made["run"]["info"]["run_id"]
        file = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/small.txt"
        http.put(file, content=b"hello" * 200)
        for path in (file, f"/api/2.0/mlflow/runs/get?run_id={run}", f"/v1/runs/{run}", "/health"):
            took = []
            for _ in range(15):
                began = time.perf_counter()
                assert http.get(path).status_code == 200
                took.append(time.perf_counter() - began)
            assert sorted(took)[7] < 0.035, path
