"""Features by the letter of their definition: every question looks at every row."""

from __future__ import annotations

import math
import statistics
from datetime import datetime

from msgspec.structs import replace

from ondol.features.types import Feature, ViewSpec
from ondol.kernel.spans import parse_duration
from ondol.lake.types import DatasetSpec

READINGS = DatasetSpec(
    name="readings",
    columns={
        "id": "integer", "place": "string", "sensor": "string", "time": "timestamp", "known": "timestamp",
        "value": "double",
    },
    key=["id"],
    time="time",
    known_at="known",
)  # fmt: skip


CORRECTED = replace(READINGS, name="corrected", mode="upsert")
"""As readings; but a row of the same id corrects the ones known before it."""


def view(*features: Feature, name: str = "probe", **fields) -> ViewSpec:
    fields = {"entity": ["place"], "dataset": "readings"} | fields
    return ViewSpec(name=name, features=list(features), **fields)


def last(name: str, expression: str = "value") -> Feature:
    return Feature(name=name, expression=expression)


def over(aggregate: str, window: str = "3h", tile: str = "1h", expression: str = "value") -> Feature:
    return Feature(name=aggregate, expression=expression, aggregate=aggregate, window=window, tile=tile)


def answer(view: ViewSpec, rows: list[dict], entity: dict, at: datetime, *, corrected=False) -> list[float | None]:
    """What each feature of the view is at `at`, for expressions that are the column `value`, or `sensor` to count."""
    rows = [row for row in rows if row["known"] is not None]

    def mine(counting):
        return [
            row for row in counting if all(row[name] is not None and row[name] == entity[name] for name in view.entity)
        ]

    found = []
    for feature in view.features:
        if feature.windowed:
            tile = parse_duration(feature.tile)
            zero = datetime(1970, 1, 1, tzinfo=at.tzinfo)
            end = zero + (at - zero) // tile * tile
            known = [row for row in rows if row["known"] < end]
            counting = mine(newest_of_facts(known) if corrected else known)
            begin = end - parse_duration(feature.window)
            found.append(_window([row for row in counting if row["known"] >= begin], feature))
        else:
            known = [row for row in rows if row["known"] <= at]
            counting = newest_of_facts(known) if corrected else known
            found.append(_last([row for row in mine(counting) if row["time"] <= at], at, view.ttl))
    return found


def newest_of_facts(rows: list[dict]) -> list[dict]:
    """Of the rows with one id the one known last."""
    found: dict = {}
    for row in sorted(rows, key=lambda row: row["known"]):
        found[row["id"]] = row
    return list(found.values())


def _order(row: dict) -> tuple:
    return (row["time"], row["known"], row["id"])


def _last(seen: list[dict], at: datetime, ttl: str) -> float | None:
    if not seen:
        return None
    # Of several rows of one time the one that became known last, then the one with the highest key.
    chosen = max(seen, key=_order)
    age = at - max(chosen["time"], chosen["known"])
    return None if ttl and age > parse_duration(ttl) else chosen["value"]


def _window(counting: list[dict], feature: Feature) -> float | None:
    rows = [row for row in counting if row[feature.expression] is not None]
    values = [row[feature.expression] for row in rows]
    if not values:
        return None
    if feature.aggregate == "stddev":
        return statistics.stdev(values) if len(values) > 1 else None
    if feature.aggregate == "last":
        return max(rows, key=_order)["value"]
    compute = {
        "mean": statistics.fmean, "sum": math.fsum, "count": len, "min": min, "max": max,
        "distinct": lambda found: len(set(found)),
    }  # fmt: skip
    return float(compute[feature.aggregate](values))
