"""A process that brings views online in small parts, again and again, each time in a child that may be killed.

`python -m tests.features.materialiser HOME STORE`: on each line of input it forks a child that opens the house,
says "begun", and brings the views of `parcels` online; the line is after how many milliseconds from there the
child is killed (-1: never). It answers "killed" or "done". Its imports happen once, before the first child.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

# What a child needs is loaded here; neither Polars nor SQLite has threads before it is used.
from ondol import catalog
from ondol.adapters import delta, online_lmdb, online_sqlite
from ondol.features import service as features
from ondol.features.rules import columns, expressions, present, staircase
from ondol.features.service import materialise
from ondol.home import open_house
from ondol.kernel.config import Config

LOADED = (catalog, delta, online_lmdb, online_sqlite, columns, expressions, present, staircase)
CHUNK = 40


def bring(home: str, store: str, begun: int) -> None:
    materialise.CHUNK_KEYS = CHUNK
    house = open_house(Config(home=home, online=store))
    tools = house.tools()
    views = features.views_of(tools, "parcels")
    os.write(begun, b"1")
    materialise.bring_online(tools, "parcels", views)


def attempt(home: str, store: str, milliseconds: float) -> str:
    heard, begun = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            bring(home, store, begun)
            status = 0
        finally:
            os._exit(status)
    os.close(begun)
    if not select.select([heard], [], [], 60)[0]:
        raise RuntimeError("the child did not begin")
    os.read(heard, 1)
    os.close(heard)
    if milliseconds >= 0:
        time.sleep(milliseconds / 1000)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("the child failed")
    return "killed" if os.WIFSIGNALED(status) else "done"


if __name__ == "__main__":
    for line in sys.stdin:
        print(attempt(sys.argv[1], sys.argv[2], float(line)), flush=True)
