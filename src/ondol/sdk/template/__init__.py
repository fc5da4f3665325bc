"""`ondol new NAME`: a small project that runs, with made-up orders to learn from."""

from __future__ import annotations

import csv
import math
import random
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from ondol.kernel.errors import Conflict

ROWS = 4000
DAYS = 60
_CATEGORIES = ("books", "clothes", "electronics", "garden", "shoes")


def new_project(folder: Path) -> list[Path]:
    """Write a project into a folder that is new or empty; the files written."""
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty.", hint="Give a new name.")
    (folder / "data").mkdir(parents=True, exist_ok=True)
    texts = resources.files(__package__)
    written = []
    for source, name in (("project.txt", "project.py"), ("readme.txt", "README.md")):
        file = folder / name
        file.write_text(texts.joinpath(source).read_text())
        written.append(file)
    written.append(_write_orders(folder / "data" / "orders.csv", datetime.now(UTC)))
    return written


def _write_orders(file: Path, now: datetime) -> Path:
    """Orders of the last days, a fifth of which come back: dear ones, clothes, and those of hesitant customers."""
    dice = random.Random(20)
    customers = {f"c{number:03}": dice.gauss(0, 1) for number in range(200)}
    start = (now - timedelta(days=DAYS)).replace(microsecond=0)
    with file.open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["order_id", "customer", "category", "price", "placed_at", "known_at", "returned"])
        for number in range(ROWS):
            placed = start + timedelta(seconds=number * (DAYS - 3) * 86_400 // ROWS)
            customer, category = dice.choice(list(customers)), dice.choice(_CATEGORIES)
            price = round(math.exp(dice.gauss(3.5, 0.8)), 2)
            logit = -2.4 + 1.2 * customers[customer] + 0.9 * (category in ("clothes", "shoes")) + 0.008 * price
            returned = dice.random() < 1 / (1 + math.exp(-logit))
            known = placed + timedelta(days=2)
            moments = [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (placed, known)]
            out.writerow([f"o{number:05}", customer, category, price, *moments, int(returned)])
    return file
