"""The MLflow protocol: our server against MLflow's own on SQLite, raw REST over connections that stay open.

CPU is that of the server's processes.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from benchmarks.measure import Benchmark, Pair, Setting, Took
from benchmarks.servers import Client, Server, Work, both, pages

_RUNS, _POINTS = 20_000, 200_000
_numbers = itertools.count()


@contextmanager
def _asked(setting: Setting, work: Work, calls: int) -> Iterator[Pair]:
    ours, theirs = both(setting.count(_RUNS, least=200), setting.count(_POINTS, least=2_000))
    wanted = setting.count(calls)
    clients = ours.client(), theirs.client()

    def took(server: Server, client: Client) -> Took:
        wall, cpu = time.perf_counter(), server.cpu_seconds()
        work(server, client, wanted)
        cpu, wall = server.cpu_seconds() - cpu, time.perf_counter() - wall
        # The clock of processes ticks a hundred times a second.
        return Took(wall / wanted, max(cpu, 0.01) / wanted)

    yield Pair(ours=lambda _: took(ours, clients[0]), against=lambda _: took(theirs, clients[1]))


def create(server: Server, client: Client, calls: int) -> None:
    for _ in range(calls):
        _new_run(server, client)


def _new_run(server: Server, client: Client) -> str:
    tags = [{"key": "mlflow.user", "value": "me"}, {"key": "mlflow.source.name", "value": "train.py"}]
    # Searches must not find these, so that they look through as many runs each time.
    fields = {"experiment_id": "0", "start_time": 1_700_000_000_000, "run_name": "bench", "tags": tags}
    made: str = client.post("runs/create", **fields)["run"]["info"]["run_id"]
    return made


def log(server: Server, client: Client, calls: int, clients: int = 1) -> None:
    def one(client: Client) -> None:
        run = _new_run(server, client)
        for _ in range(calls // clients):
            number = next(_numbers)
            client.post("runs/log-metric", run_id=run, key="loss", value=0.5, timestamp=number, step=number)

    threads = [threading.Thread(target=one, args=(server.client(),)) for _ in range(clients - 1)]
    for thread in threads:
        thread.start()
    one(client)
    for thread in threads:
        thread.join()


def batch(server: Server, client: Client, calls: int) -> None:
    run = _new_run(server, client)
    for _ in range(calls):
        first = next(_numbers) * 1_000
        points = [{"key": "loss", "value": i / 7, "timestamp": first + i, "step": first + i} for i in range(1_000)]
        client.post("runs/log-batch", run_id=run, metrics=points)


def _search(server: Server, client: Client, calls: int, **asked: Any) -> None:
    for _ in range(calls):
        found = client.post("runs/search", experiment_ids=[server.experiment], **asked)["runs"]
        if not found:
            raise RuntimeError("the search found nothing")


def _history(server: Server, client: Client, calls: int) -> None:
    path = f"/api/2.0/mlflow/metrics/get-history?run_id={server.run}&metric_key=h&max_results=25000"
    for _ in range(calls):
        sum(len(page["metrics"]) for page in pages(client, path))


def _artifact(server: Server, client: Client, calls: int) -> None:
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/{server.run}/artifacts/small.txt"
    client.put(path, b"hello" * 200)
    for _ in range(calls):
        client.get(path)


SEARCHES: dict[str, tuple[str, dict[str, Any], float]] = {
    "recent": ("the newest 100", {"max_results": 100}, 4),
    "filter": ("a metric filter and order", {"filter": "metrics.m0 > 0.5", "order_by": ["metrics.m0 DESC"]}, 50),
    "three": (
        "three filters and order",
        {"filter": "metrics.m0 > 0.5 AND params.p1 = '3' AND tags.t0 = '2'", "order_by": ["metrics.m1 DESC"]},
        50,
    ),
    "order": ("order only, 1,000 a page", {"order_by": ["metrics.m0 DESC"], "max_results": 1_000}, 150),
}
_PEER = "MLflow 3.17 on SQLite"


def _benchmark(name: str, what: str, work: Work, calls: int, times: float) -> Benchmark:
    opened = partial(_asked, work=work, calls=calls)
    return Benchmark(name=f"tracking/{name}", what=what, against=_PEER, open=opened, at_most=1 / times)


BENCHMARKS = [
    _benchmark("create", "create-run with two tags", create, 100, 20),
    _benchmark("log/1", "log-metric, one client", log, 100, 40),
    _benchmark("log/8", "log-metric, eight clients", partial(log, clients=8), 240, 40),
    _benchmark("batch", "log-batch of 1,000 points", batch, 10, 20),
    *(
        _benchmark(
            f"search/{name}",
            f"runs/search over 20,000 runs: {what}",
            partial(_search, **({"max_results": 100} | asked)),
            1,
            times,
        )
        for name, (what, asked, times) in SEARCHES.items()
    ),
    _benchmark("history", "the history of 200,000 points, in pages", _history, 1, 20),
    _benchmark("artifact", "reading a file of 1 kB", _artifact, 100, 20),
]
