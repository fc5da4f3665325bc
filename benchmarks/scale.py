"""100,000 runs with 100 million metric points, on SQLite and on Postgres: searches against 100 ms, logging against the
same server over an empty store.

`--scale 1` fills two stores of 4 and 12 GB, which takes minutes; CPU is that of the server and its database.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from benchmarks import tracking
from benchmarks.measure import Benchmark, Pair, Setting, Took
from benchmarks.servers import Client, Server, Work
from benchmarks.stores import identity_of, served

_RUNS = 100_000
_LIMIT_SECONDS = 0.1
_SEARCHES_A_ROUND = 20
_numbers = iter(range(10**9))


@contextmanager
def _searched(setting: Setting, dialect: str, ask: Callable[[Server, Client], object]) -> Iterator[Pair]:
    server = served(dialect, setting.count(_RUNS, least=100))
    client = server.client()

    def slow(_: int) -> Took:
        """The slowest but one of twenty: 95 of 100 take no longer."""
        walls, cpu = [], server.cpu_seconds()
        for _ in range(_SEARCHES_A_ROUND):
            began = time.perf_counter()
            ask(server, client)
            walls.append(time.perf_counter() - began)
        return Took(sorted(walls)[-2], max(server.cpu_seconds() - cpu, 0.01) / _SEARCHES_A_ROUND)

    yield Pair(ours=slow, against=lambda _: Took(_LIMIT_SECONDS, _LIMIT_SECONDS))


def _search(server: Server, client: Client, **asked: Any) -> None:
    client.post("runs/search", experiment_ids=[server.experiment], **asked)


def _history(server: Server, client: Client) -> None:
    run = identity_of(random.randrange(1, server.runs + 1))
    client.get(f"/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=m3")


@contextmanager
def _logged(setting: Setting, dialect: str, work: Work, calls: int) -> Iterator[Pair]:
    full, empty = served(dialect, setting.count(_RUNS, least=100)), served(dialect, 0)
    clients = full.client(), empty.client()

    def took(server: Server, client: Client) -> Took:
        wall, cpu = time.perf_counter(), server.cpu_seconds()
        work(server, client, calls)
        cpu, wall = server.cpu_seconds() - cpu, time.perf_counter() - wall
        return Took(wall / calls, max(cpu, 0.01) / calls)

    yield Pair(ours=lambda _: took(full, clients[0]), against=lambda _: took(empty, clients[1]))


def _spread(server: Server, client: Client, calls: int) -> None:
    """Each point goes to another run, anywhere in the store; in the empty one, to runs of its own."""
    if not server.runs:
        tracking.log(server, client, calls)
        return
    for _ in range(calls):
        number, run = next(_numbers), identity_of(random.randrange(1, server.runs + 1))
        client.post("runs/log-metric", run_id=run, key="m0", value=0.5, timestamp=number, step=1_000 + number)


def _benchmarks(dialect: str) -> Iterator[Benchmark]:
    words = {"sqlite": "SQLite", "postgres": "Postgres"}[dialect]
    for name, (what, asked, _) in tracking.SEARCHES.items():
        if name != "order":
            yield Benchmark(
                name=f"scale/{dialect}/search/{name}",
                what=f"{words}, runs/search: {what}, 95th percentile",
                against="100 ms",
                open=partial(_searched, dialect=dialect, ask=partial(_search, **({"max_results": 100} | asked))),
                at_most=1,
                long=True,
            )
    yield Benchmark(
        name=f"scale/{dialect}/history",
        what=f"{words}, the history of a metric of any run, 95th percentile",
        against="100 ms",
        open=partial(_searched, dialect=dialect, ask=_history),
        at_most=1,
        long=True,
    )
    for name, what, work, calls in (
        ("create", "create-run with two tags", tracking.create, 100),
        ("log/1", "log-metric, one client", tracking.log, 200),
        ("log/8", "log-metric, eight clients", partial(tracking.log, clients=8), 400),
        ("log/spread", "log-metric, each to another run", _spread, 200),
        ("batch", "log-batch of 1,000 points", tracking.batch, 10),
    ):
        yield Benchmark(
            name=f"scale/{dialect}/{name}",
            what=f"{words}, full: {what}",
            against="the same, empty",
            open=partial(_logged, dialect=dialect, work=work, calls=calls),
            at_most=1.5,
            long=True,
        )


BENCHMARKS = [*_benchmarks("sqlite"), *_benchmarks("postgres")]
