"""Several servers on one Postgres agree, also when one of them is killed while it is written to."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.walk.several import Caller, OneServer, Refused
from tests.webhooks.receiver import Receiver, receiving

pytestmark = pytest.mark.postgres

SERVERS = 3
CLIENTS = 2
"""Clients of each kind, each of which begins at another server."""
BATCHES = 10
POINTS = 50


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[list[OneServer]]:
    import psycopg

    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE several TEMPLATE template0")
    folder = tmp_path_factory.mktemp("several")
    found = [OneServer(folder, number, f"{postgres_server}/several") for number in range(SERVERS)]
    # At once: one of them makes the schema, and the others find it.
    for server in found:
        server.start()
    try:
        for server in found:
            server.wait()
        yield found
    finally:
        for server in found:
            server.kill()


class Logger:
    """Logs to a run of its own and to one that all share; remembers what was acknowledged."""

    def __init__(self, caller: Caller, number: int, shared: str) -> None:
        self.caller, self.number, self.shared = caller, number, shared
        self.won: set[str] = set()
        self.run = ""
        self.acknowledged: list[tuple[str, int]] = []

    def __call__(self) -> None:
        create = {"experiment_id": "0", "start_time": 1, "run_name": f"logger {self.number}"}
        self.run = self.caller.insist("runs/create", **create)["run"]["info"]["run_id"]
        for batch in range(BATCHES):
            steps = range(batch * POINTS, (batch + 1) * POINTS)
            for run in (self.run, self.shared):
                # One key for all clients in the run that they share, and numbers that say who wrote them.
                metrics = [{"key": "loss", "value": float(self.number), "timestamp": one, "step": one} for one in steps]
                self.caller.insist("runs/log-batch", run_id=run, metrics=metrics)
                self.acknowledged += [(run, step) for step in steps]
            self.caller.insist("runs/set-tag", run_id=self.shared, key=f"batch {batch}", value=str(self.number))
            with contextlib.suppress(Refused):
                param = {"key": f"first {batch}", "value": str(self.number)}
                self.caller.insist("runs/log-batch", run_id=self.shared, params=[param])
                self.won.add(param["key"])


class Registrar:
    """Registers versions, points an alias at each, and moves it through the stages."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.numbers: list[int] = []

    def __call__(self) -> None:
        with contextlib.suppress(Refused):
            self.caller.insist("registered-models/create", name="delay")
        for number in range(BATCHES // 2):
            # Not idempotent: what nobody acknowledged may be there, and is asked for again as another version.
            made = self.caller.insist("model-versions/create", name="delay", source=f"s3://models/{number}")
            version = made["model_version"]["version"]
            self.numbers.append(int(version))
            self.caller.insist("registered-models/alias", name="delay", alias="newest", version=version)
            stage = {"stage": "Production", "archive_existing_versions": True}
            self.caller.insist("model-versions/transition-stage", name="delay", version=version, **stage)


def at_once(*works: Callable[[], None]) -> None:
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_no_acknowledged_point_is_lost_no_number_given_twice_and_all_answer_the_same(servers):
    shared = Caller(servers).mlflow("runs/create", experiment_id="0", start_time=1)["run"]["info"]["run_id"]
    turned = [servers[place:] + servers[:place] for place in range(SERVERS)]
    loggers = [Logger(Caller(turned[number % SERVERS]), number, shared) for number in range(CLIENTS * SERVERS)]
    registrars = [Registrar(Caller(turned[number])) for number in range(SERVERS)]

    def restart() -> None:
        while sum(len(one.acknowledged) for one in loggers) < 2 * CLIENTS * SERVERS * BATCHES * POINTS / 4:
            time.sleep(0.01)
        servers[1].kill()
        servers[1].start()
        servers[1].wait()

    at_once(restart, *loggers, *registrars)

    kept = {run: history(servers[0], run) for run in (shared, *(one.run for one in loggers))}
    for one in loggers:
        for run, step in one.acknowledged:
            assert (step, float(one.number)) in kept[run]
        assert len(kept[one.run]) == BATCHES * POINTS
    assert len(kept[shared]) == len(loggers) * BATCHES * POINTS
    # Sent again after the kill, a batch may find itself stored: then its sender was told yes twice, and nobody else.
    assert Counter(key for one in loggers for key in one.won) == dict.fromkeys(
        (f"first {n}" for n in range(BATCHES)), 1
    )

    numbers = [number for one in registrars for number in one.numbers]
    assert len(numbers) == len(set(numbers)) == SERVERS * (BATCHES // 2)
    seen = [everything(server, kept) for server in servers]
    assert seen[0] == seen[1] == seen[2]
    listed = [int(version["version"]) for version in seen[0]["versions"]["model_versions"]]
    assert set(numbers) <= set(listed)
    assert sorted(listed) == list(range(1, len(listed) + 1))
    in_production = [one for one in seen[0]["versions"]["model_versions"] if one["current_stage"] == "Production"]
    assert len(in_production) == 1
    (alias,) = seen[0]["model"]["registered_model"]["aliases"]
    assert int(alias["version"]) in numbers


def history(server: OneServer, run: str) -> Counter[tuple[int, float]]:
    found = Caller([server]).get(f"/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=loss")["metrics"]
    return Counter((point["step"], point["value"]) for point in found)


def everything(server: OneServer, runs: dict[str, Any]) -> dict[str, Any]:
    caller = Caller([server])
    return {
        "runs": caller.mlflow("runs/search", experiment_ids=["0"], order_by=["metrics.loss DESC"]),
        "histories": {run: history(server, run) for run in runs},
        "versions": caller.get("/api/2.0/mlflow/model-versions/search?filter=name%3D'delay'"),
        "model": caller.get("/api/2.0/mlflow/registered-models/get?name=delay"),
        "history": caller.get("/v1/models/delay/aliases?alias=newest"),
    }


def test_what_one_server_changes_the_others_know_at_once(servers):
    first, second, third = (Caller([server]) for server in servers)
    made = first.mlflow("experiments/create", name="shared")["experiment_id"]
    with pytest.raises(Refused, match="RESOURCE_ALREADY_EXISTS"):
        second.mlflow("experiments/create", name="shared")
    second.mlflow("experiments/delete", experiment_id=made)
    with pytest.raises(Refused, match="deleted"):
        third.mlflow("runs/create", experiment_id=made, start_time=1)

    key = first.post("/v1/keys", name="guest", scope="read")
    assert status(servers[1], key["secret"]) == 200
    third.post(f"/v1/keys/{key['key']['id']}/revoke")
    assert [status(server, key["secret"]) for server in servers] == [401, 401, 401]

    # A version is sealed with the key that all of them have.
    first.post("/v1/models", spec={"name": "sealed"})
    for number, caller in enumerate((first, second, third), start=1):
        caller.mlflow("model-versions/create", name="sealed", source="s3://models/1")
        for reader in (first, second, third):
            found = reader.get(f"/api/2.0/mlflow/model-versions/get?name=sealed&version={number}")
            assert found["model_version"]["version"] == str(number)


def status(server: OneServer, secret: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/v1/runs", headers={"Authorization": f"Bearer {secret}"})
    found = connection.getresponse().status
    connection.close()
    return found


def test_schedules_are_called_and_events_are_told_once(servers):
    callers = [Caller([server]) for server in servers]
    with receiving() as receiver:
        callers[0].post("/v1/webhooks", name="ci", url=receiver.url, events=["model_version.created"])
        callers[0].post("/v1/models", spec={"name": "told"})
        declared = callers[0].post(
            "/v1/schedules", name="tick", operation="runs.create", every="1s", request={"experiment": "ticks"}
        )
        versions = 8
        for number in range(versions):
            callers[number % SERVERS].mlflow("model-versions/create", name="told", source="s3://models/1")
        until = time.monotonic() + 30
        while (len(told(receiver)) < versions or ticks(callers[0]) < 3) and time.monotonic() < until:
            time.sleep(0.1)
    first = moment(declared["next_at"])
    called = [int((moment(run["started_at"]) - first).total_seconds()) for run in listed(callers[2])]
    assert len(called) >= 3
    assert len(called) == len(set(called)), "two servers called one schedule at one moment"
    assert sorted(told(receiver)) == [str(number + 1) for number in range(versions)]


def told(receiver: Receiver) -> list[str]:
    """Versions; what other tests stated before may be told late."""
    return [payload["version"] for _, payload in list(receiver.told) if payload["name"] == "told"]


def ticks(caller: Caller) -> int:
    return len(listed(caller))


def listed(caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.get("/v1/runs?experiment=ticks&limit=1000")["items"]
    return found


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
