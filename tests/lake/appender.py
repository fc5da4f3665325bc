"""Appends batches of flights until it is done or killed: `appender.py HOME FIRST LAST SHARED`.

Batch `n` is ten rows; with SHARED 1, five of them are sent by all appenders. Prints the
number of each batch once it has landed. With DIE_AFTER set to a table it kills itself
right after the first commit to it.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.lake.shore import Lake, flights


def _die_after(lake: Lake, table: str) -> None:
    append = lake.tools.tables.append

    def and_die(name: str, *args: Any, **how: Any) -> int:
        version = append(name, *args, **how)
        if name == table:
            os.kill(os.getpid(), signal.SIGKILL)
        return version

    lake.tools.tables.append = and_die  # type: ignore[method-assign]


def main() -> None:
    home, first, last, shared = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "1"
    lake = Lake(home)
    if table := os.environ.get("DIE_AFTER"):
        _die_after(lake, table)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(first, last):
        start = 10_000 + 10 * number
        other = number % 100 * 5 if shared else start + 5
        lake.append(f"batch-{number}", flights(start, start + 5) + flights(other, other + 5))
        print(number, flush=True)
    lake.close()


if __name__ == "__main__":
    main()
