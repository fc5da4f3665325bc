"""Print how much longer than its limit, or than a peer, our house takes: `make bench ARGS="--only lake"`."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.measure import Benchmark, Result, Spread

ROOMS = (
    "start",
    "kernel",
    "events",
    "lineage",
    "lake",
    "contracts",
    "features",
    "online",
    "history",
    "serving",
    "evals",
    "sdk",
    "tracking",
    "tracking_server",
    "scale",
)


def main() -> int:
    arguments = _arguments()
    chosen = _chosen(arguments.only)
    if arguments.list:
        for benchmark in chosen:
            print(f"{benchmark.name:24} {benchmark.what}, against {benchmark.against}")
        return 0
    load = _load()
    results, failed = _run_all(chosen, arguments.scale, arguments.repeat)
    about = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_before": load,
        "load_after": _load(),
        "scale": arguments.scale,
        "repeat": arguments.repeat,
    }
    if arguments.json:
        _print_json(about, results)
    else:
        _print_table(about, results)
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="those whose name starts so")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is full size, 0.1 a tenth of it")
    parser.add_argument("--repeat", type=int, default=5, help="pairs to measure, after one that is not counted")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--list", action="store_true", help="name them, and run none")
    arguments = parser.parse_args()
    if arguments.scale <= 0 or arguments.repeat < 1:
        parser.error("--scale must be above 0, and --repeat at least 1")
    return arguments


def _chosen(only: list[str]) -> list[Benchmark]:
    rooms = [importlib.import_module(f"benchmarks.{room}") for room in ROOMS]
    known: list[Benchmark] = [benchmark for room in rooms for benchmark in room.BENCHMARKS]
    chosen = [one for one in known if (any(one.name.startswith(name) for name in only) if only else not one.long)]
    if not chosen:
        sys.exit(f"No benchmark starts with {' or '.join(only)}. There are {', '.join(one.name for one in known)}.")
    return chosen


def _run_all(chosen: list[Benchmark], scale: float, repeat: int) -> tuple[list[Result], bool]:
    from benchmarks import measure

    results, failed = [], False
    for number, benchmark in enumerate(chosen, 1):
        print(f"[{number}/{len(chosen)}] {benchmark.name}", file=sys.stderr, flush=True)
        try:
            results.append(measure.run(benchmark, scale, repeat))
        except Exception:
            # One that is broken must not cost the numbers of the others.
            failed = True
            traceback.print_exc()
    return results, failed


def _load() -> float:
    """How many processes wanted a core in the last minute."""
    return round(os.getloadavg()[0], 1)


def _print_json(about: dict[str, object], results: list[Result]) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode({**about, "results": results})).decode())


def _print_table(about: dict[str, object], results: list[Result]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=_title(about), title_justify="left", caption=_CAPTION, caption_justify="left")
    for name in ("what", "ours", "against", "", "ratio", "CPU ratio", "target"):
        table.add_column(name, justify="left" if name in ("what", "against") else "right")
    for result in results:
        table.add_row(*_cells(result))
    # A table for a file or a log must not be cut at 80 columns.
    Console(width=None if sys.stdout.isatty() else 190).print(table)


def _title(about: dict[str, object]) -> str:
    words = "Python {python}, {cores} cores, load {load_before} -> {load_after}, scale {scale}, {repeat} pairs"
    return words.format_map(about)


_CAPTION = (
    "Median of the ratios of pairs that were measured in turns (least .. largest); times are medians of a call. "
    "Where other work shares the cores, trust the CPU ratio."
)


def _cells(result: Result) -> tuple[str, ...]:
    about = f"{result.what}\n[dim]{result.name}[/dim]"
    if result.ratio is None or result.cpu_ratio is None:
        return about, "", result.against, "", "skipped", "", f"[yellow]{result.skipped}[/yellow]"
    return (
        about,
        _amount(result.ours_wall, result.unit),
        result.against,
        _amount(result.against_wall, result.unit),
        _ratio(result.ratio),
        _ratio(result.cpu_ratio),
        _limit(result) or _target(result.at_most, result.ratio.median, result.cpu_ratio.median),
    )


def _limit(result: Result) -> str:
    if result.limit is None:
        return ""
    colour = "green" if result.ours_wall <= result.limit else "red"
    return f"[{colour}]<= {_amount(result.limit, result.unit)}[/{colour}]"


def _amount(value: float, unit: str) -> str:
    return _duration(value) if unit == "s" else f"{value:.4g} {unit}".rstrip()


def _target(at_most: float | None, ratio: float, cpu_ratio: float) -> str:
    """Green when it is met, yellow when only the CPU ratio meets it: then somebody else used the cores."""
    if at_most is None:
        return ""
    colour = "green" if ratio <= at_most else "yellow" if cpu_ratio <= at_most else "red"
    return f"[{colour}]<= {at_most:g}[/{colour}]"


def _duration(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _ratio(spread: Spread) -> str:
    return f"{_short(spread.median)} ({_short(spread.low)} .. {_short(spread.high)})"


def _short(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.2g}" if ratio < 10 else f"{ratio:.1f}"


if __name__ == "__main__":
    # `events` and `kernel` of this folder are no modules of their own.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    sys.exit(main())
