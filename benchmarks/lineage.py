"""Ancestors and descendants among a million edges, against one look-up by the same index for each edge found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Literal

from benchmarks.homes import opened
from benchmarks.measure import Benchmark, Pair, Setting
from ondol.home import House
from ondol.lineage import service
from ondol.lineage.types import Edge, Trace

_RUNS = 90_000
_TABLES = 8
_AT_ONCE = 50_000
_ROOTS: dict[str, Literal["ancestors", "descendants"]] = {"mv_100": "ancestors", "table:silver/3@1": "descendants"}


def _edges(runs: int) -> Iterator[Edge]:
    """Runs that share code and training sets, which share table versions; each makes a version and a comparison."""
    for run in range(runs):
        made = f"run_{run}"
        yield Edge(made=made, origin=f"code:{run // 50}", relation="ran")
        yield Edge(made=made, origin=f"ts_{run // 3}", relation="read")
        yield Edge(made=f"mv_{run}", origin=made, relation="trained_in")
        yield Edge(made=f"cmp_{run}", origin=made, relation="decided_in")
        yield Edge(made=f"cmp_{run}", origin=f"mv_{run}", relation="looked_at")
        for table in range(_TABLES):
            yield Edge(made=f"ts_{run // 3}", origin=f"table:silver/{table}@{run // 100}", relation="read")
            yield Edge(made=f"table:silver/{table}@{run // 100}", origin=f"batch:{table}/{run}", relation="landed_from")


def _fill(house: House, runs: int) -> None:
    edges = _edges(runs)
    while part := list(islice(edges, _AT_ONCE)):
        with house.tools().transaction(write=True) as tools:
            service.record(tools, edges=part)


@contextmanager
def _trace(setting: Setting, root: str) -> Iterator[Pair]:
    direction = _ROOTS[root]
    start, end = ("made", "origin") if direction == "ancestors" else ("origin", "made")
    with opened(setting.folder) as house:
        _fill(house, setting.count(_RUNS, least=300))

        def ours(_: int) -> int:
            with house.tools().transaction(write=False) as tools:
                return len(service.trace(tools, Trace(id=root, direction=direction)).nodes)

        raw = sqlite3.connect(house.config.home_path / "ondol.db")
        query = f"SELECT {end} FROM lineage_edges WHERE {start} = ?"  # noqa: S608 - our own column names

        def against(_: int) -> int:
            seen, waiting = {root}, [root]
            while waiting:
                for (other,) in raw.execute(query, (waiting.pop(),)):
                    if other not in seen:
                        seen.add(other)
                        waiting.append(other)
            return len(seen)

        if ours(0) != against(0):
            raise RuntimeError("the two sides do not find the same")
        yield Pair(ours=ours, against=against)
        raw.close()


BENCHMARKS = [
    Benchmark(
        name=f"lineage/{direction}",
        what=f"{direction} of {root} among a million edges",
        against="raw sqlite3: one indexed look-up a thing",
        open=partial(_trace, root=root),
    )
    for root, direction in _ROOTS.items()
]
