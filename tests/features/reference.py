"""Features by the letter of their definition: every question looks at every row."""

from __future__ import annotations

from datetime import datetime

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


def view(*features: Feature, name: str = "probe", **fields) -> ViewSpec:
    fields = {"entity": ["place"], "dataset": "readings"} | fields
    return ViewSpec(name=name, features=list(features), **fields)


def last(name: str, expression: str = "value") -> Feature:
    return Feature(name=name, expression=expression)


def over(aggregate: str, window: str = "3h", tile: str = "1h", expression: str = "value") -> Feature:
    return Feature(name=aggregate, expression=expression, aggregate=aggregate, window=window, tile=tile)


def answer(view: ViewSpec, rows: list[dict], entity: dict, at: datetime) -> list[float | None]:
    """What each feature of the view is at `at`, for expressions that are the column `value`."""
    mine = [
        row
        for row in rows
        if row["known"] is not None and all(row[name] is not None and row[name] == entity[name] for name in view.entity)
    ]
    return [
        _last(mine, at, view.ttl) if feature.aggregate == "last" else _window(mine, at, feature)
        for feature in view.features
    ]


def _last(rows: list[dict], at: datetime, ttl: str) -> float | None:
    seen = [row for row in rows if max(row["time"], row["known"]) <= at]
    if not seen:
        return None
    newest_time = max(row["time"] for row in seen)
    newest = [row for row in seen if row["time"] == newest_time]
    # Of several rows of one time the one that became known last, then the one with the highest key.
    chosen = max(newest, key=lambda row: (max(row["time"], row["known"]), row["id"]))
    age = at - max(chosen["time"], chosen["known"])
    return None if ttl and age > parse_duration(ttl) else chosen["value"]


def _window(rows: list[dict], at: datetime, feature: Feature) -> float | None:
    tile, window = parse_duration(feature.tile), parse_duration(feature.window)
    zero = datetime(1970, 1, 1, tzinfo=at.tzinfo)
    end = zero + (at - zero) // tile * tile
    values = [row["value"] for row in rows if end - window <= row["known"] < end and row["value"] is not None]
    if not values:
        return None
    if feature.aggregate == "mean":
        return sum(values) / len(values)
    return float({"sum": sum, "count": len, "min": min, "max": max}[feature.aggregate](values))
