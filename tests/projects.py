"""Small projects as a person would write them, and the way from the file to a run that has ended."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec

from ondol import heartbeat
from ondol.home import House
from ondol.pipelines.types import PipelineRun
from ondol.project.types import Plan
from ondol.sdk.collector import asking
from ondol.sdk.project_file import read_project

ARITHMETIC = """\
import os
import pathlib
import signal

import polars as pl

import ondol as od
import helpers

SCALE = 2


def mark(name):
    with pathlib.Path("marks.txt").open("a") as file:
        file.write(name + "\\n")


@od.step
def make(n: int = 5) -> pl.DataFrame:
    mark("make")
    print("making", n, "rows")
    return pl.DataFrame({"x": list(range(n))})


@od.step
def total(rows: pl.DataFrame) -> dict[str, float]:
    mark("total")
    od.start_run().log({"rows_seen": rows.height})
    return {"total": helpers.shifted(float(rows["x"].sum() * SCALE))}


@od.step(retries=1)
def judge(found: dict, limit: float):
    mark("judge")
    if found["total"] > limit:
        raise ValueError(f"{found['total']} is too much")
    return "fine"


@od.step
def deadly(found: dict) -> str:
    mark("deadly")
    if not pathlib.Path("survive").exists():
        pathlib.Path("survive").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


@od.pipeline
def calculation(n: int = 5, limit: float = 1000.0):
    judge(total(make(n)), limit)


@od.pipeline
def dangerous(n: int = 3):
    deadly(total(make(n)))
"""

HELPERS = """\
SHIFT = 1


def shifted(value):
    return value + SHIFT
"""


def write_arithmetic(folder: Path) -> Path:
    """A project without data or models; each step leaves a line in `marks.txt` when it really runs."""
    folder.mkdir()
    (folder / "project.py").write_text(ARITHMETIC)
    (folder / "helpers.py").write_text(HELPERS)
    return folder


def marks(folder: Path) -> list[str]:
    file = folder / "marks.txt"
    return file.read_text().split() if file.exists() else []


def apply(house: House, folder: Path) -> Plan:
    plan: Plan = house.call("project.apply", fields(folder, house))
    return plan


def fields(folder: Path, house: House | None = None) -> dict[str, Any]:
    """What `ondol apply` sends; with a house, the file may name what other projects declare there."""
    with asking(house.call) if house else nullcontext():
        found = read_project(folder)
    return {field.name: getattr(found, field.name) for field in msgspec.structs.fields(found)}


def run(house: House, pipeline: str, **parameters: Any) -> PipelineRun:
    """Run a pipeline in its own process, to the end."""
    started = house.call("pipelines.run", {"pipeline": pipeline, "parameters": parameters})
    return settled(house, started.id)


def settled(house: House, identity: str) -> PipelineRun:
    heartbeat.settle(house, limit_seconds=100)
    ended: PipelineRun = house.call("pipeline_runs.get", {"run": identity})
    return ended
