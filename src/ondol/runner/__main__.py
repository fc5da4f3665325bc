"""`python -m ondol.runner JOB --home HOME`, started by the house's executor."""

from __future__ import annotations

import argparse
import sys

from ondol.adapters.process import die_with_parent
from ondol.home import open_house
from ondol.kernel.config import load_config
from ondol.runner.run import run_job


def main(arguments: list[str] | None = None) -> int:
    """0: the job has been dealt with, also when a person's code failed; anything else: a crash, to be tried again."""
    parser = argparse.ArgumentParser(prog="python -m ondol.runner", description="Run one job of a house.")
    parser.add_argument("job")
    parser.add_argument("--home")
    given = parser.parse_args(arguments)
    die_with_parent()
    house = open_house(load_config(home=given.home))
    try:
        run_job(house, given.job)
    finally:
        house.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
