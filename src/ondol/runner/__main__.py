"""`python -m ondol.runner --home HOME JOB`, started by the house's executor.

With `--wait SECONDS MODULE ...` instead of a job it loads these modules and waits for one.
"""

from __future__ import annotations

import argparse
import sys

from ondol.adapters.process import die_with_parent
from ondol.adapters.spare import wait_for_task
from ondol.home import open_house
from ondol.kernel.config import load_config
from ondol.runner.code import load_ahead
from ondol.runner.run import run_job


def main(arguments: list[str] | None = None) -> int:
    """0: the job has been dealt with, also when a person's code failed; anything else: a crash, to be tried again."""
    parser = argparse.ArgumentParser(prog="python -m ondol.runner", description="Run one job of a house.")
    parser.add_argument("--home")
    parser.add_argument("--wait", type=float, help="seconds to wait for a job on standard input")
    parser.add_argument("words", nargs="*", help="the job, or the modules to load ahead")
    given = parser.parse_args(arguments)
    die_with_parent()
    house = open_house(load_config(home=given.home))
    try:
        words = given.words
        if given.wait:
            load_ahead(words)
            words = wait_for_task(given.wait)
            if words is None:
                return 0
        run_job(house, *words)
    finally:
        house.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
