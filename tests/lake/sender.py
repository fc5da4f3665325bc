"""Sends batch after batch until it is killed; each is written down once it has been answered."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from tests.lake.shore import FLIGHTS, Lake, flight, flights

SPEC = msgspec.structs.replace(FLIGHTS, where="", contract=[], partition="month", mode="upsert")
ROWS = 5


def rows_of(number: int) -> list[dict[str, Any]]:
    """Five new rows; every third batch also corrects two of the batch before."""
    first = ROWS * number
    corrected = [flight(first - one, arrival_delay=1000.0 + number) for one in (1, 2)] if number % 3 == 2 else []
    return corrected + flights(first, first + ROWS)


def send(home: Path, answered: Path) -> None:
    lake = Lake(home)
    done = answered.read_text().count("\n")
    with answered.open("a") as ledger:
        while True:
            lake.append(f"batch-{done}", rows_of(done))
            os.write(ledger.fileno(), b".\n")
            done += 1
