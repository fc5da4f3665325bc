"""A process that looks at all sources, again and again, each time in a child that may be killed.

`python -m tests.lake.connector HOME`: on each line of input it forks a child that opens the lake, says "begun", and
looks at every source in small pieces; the line is after how many milliseconds from there the child is killed (-1:
never). It answers "killed" or "done". Its imports happen once, before the first child.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sys
import time
from pathlib import Path

# What a child needs is loaded here; neither Polars nor SQLite has threads before it is used.
from ondol.adapters.sources import http, kafka, sql
from ondol.lake import repo, service
from ondol.lake.service import arriving, files, landing, quarantine, silver
from ondol.lake.types import ListDatasets, RefreshDataset
from tests.lake.shore import Lake

LOADED = (http, repo, arriving, landing, quarantine, silver)


def look(home: str, begun: int) -> None:
    sql.ROWS_AT_ONCE = 7
    kafka.MESSAGES_AT_ONCE = 7
    files.ROWS_TOGETHER = 11
    lake = Lake(Path(home))
    names = [dataset.name for dataset in lake.call(service.list_datasets, ListDatasets())]
    random.shuffle(names)
    os.write(begun, b"1")
    for name in names:
        lake.call(service.refresh_dataset, RefreshDataset(dataset=name))


def attempt(home: str, milliseconds: float) -> str:
    heard, begun = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            look(home, begun)
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
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
        print(attempt(sys.argv[1], float(line)), flush=True)
