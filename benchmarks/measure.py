"""Two ways to do the same, measured in turns, so that a slow moment of the machine meets both."""

from __future__ import annotations

import gc
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
from msgspec.structs import replace


class Skipped(Exception):
    """Raised while a benchmark opens: why it cannot run here."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Where a benchmark may write, and how large it shall be (1 is full size)."""

    folder: Path
    scale: float

    def count(self, full: int, least: int = 1) -> int:
        return max(least, round(full * self.scale))


def nothing(number: int) -> None:
    """The preparation of a benchmark that needs none."""


class Took(msgspec.Struct, frozen=True):
    """What a side returns that is measured elsewhere, in a process of a peer: seconds of one call."""

    wall: float
    cpu: float


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured. Each side is handed the number of the round, from 0 (not counted) on.

    A round of a side does its work `calls` times; times are shown per call. `prepare`
    makes what a round needs and is not measured.
    """

    ours: Callable[[int], object]
    against: Callable[[int], object]
    prepare: Callable[[int], object] = nothing
    calls: int = 1


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    """`against` is a limit (the least that could do it) or a peer. `at_most`: the ratio that we want, if any.

    `limit` is the most that our side may be by itself, in `unit`; what is not measured in seconds is the same by both
    clocks. What is `long` takes many minutes and runs only when it is named.
    """

    name: str
    what: str
    against: str
    open: Callable[[Setting], AbstractContextManager[Pair]]
    at_most: float | None = None
    limit: float | None = None
    unit: str = "s"
    long: bool = False


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """The median of the ratios of the pairs, and the least and the largest of them."""

    median: float
    low: float
    high: float


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Seconds are medians per call: `wall` by the clock on the wall, `cpu` of this process and the ones it awaited.

    Without `ratio`, `skipped` says why there is none.
    """

    name: str
    what: str
    against: str
    at_most: float | None = None
    limit: float | None = None
    unit: str = "s"
    ours_wall: float = 0.0
    ours_cpu: float = 0.0
    against_wall: float = 0.0
    against_cpu: float = 0.0
    ratio: Spread | None = None
    cpu_ratio: Spread | None = None
    skipped: str = ""


def run(benchmark: Benchmark, scale: float, repeat: int) -> Result:
    """Open the benchmark in a folder of its own and measure `repeat` pairs after one that is not counted."""
    about = Result(
        name=benchmark.name,
        what=benchmark.what,
        against=benchmark.against,
        at_most=benchmark.at_most,
        limit=benchmark.limit,
        unit=benchmark.unit,
    )
    with tempfile.TemporaryDirectory(prefix="ondol-bench-", ignore_cleanup_errors=True) as folder:
        try:
            with benchmark.open(Setting(folder=Path(folder), scale=scale)) as pair:
                times = [_measure(pair, number) for number in range(repeat + 1)][1:]
        except Skipped as reason:
            return replace(about, skipped=str(reason))
    ours, against = [pair[0] for pair in times], [pair[1] for pair in times]
    return replace(
        about,
        ours_wall=statistics.median(time.wall for time in ours),
        ours_cpu=statistics.median(time.cpu for time in ours),
        against_wall=statistics.median(time.wall for time in against),
        against_cpu=statistics.median(time.cpu for time in against),
        ratio=_spread([a.wall / b.wall for a, b in times]),
        cpu_ratio=_spread([a.cpu / b.cpu for a, b in times]),
    )


def _measure(pair: Pair, number: int) -> tuple[Took, Took]:
    pair.prepare(number)
    return _time(pair.ours, number, pair.calls), _time(pair.against, number, pair.calls)


def _time(work: Callable[[int], object], number: int, calls: int) -> Took:
    gc.collect()
    wall, cpu = time.perf_counter(), _cpu_seconds()
    measured = work(number)
    if isinstance(measured, Took):
        return measured
    cpu, wall = _cpu_seconds() - cpu, time.perf_counter() - wall
    # The clock of a process may stand still for a microsecond.
    return Took(wall / calls, max(cpu, 1e-6) / calls)


def _cpu_seconds() -> float:
    awaited = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + awaited.ru_utime + awaited.ru_stime


def _spread(ratios: list[float]) -> Spread:
    return Spread(median=statistics.median(ratios), low=min(ratios), high=max(ratios))
