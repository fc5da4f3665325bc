"""A world of made-up lines, routes and units: three datasets, five views, of any size, from a fixed seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from ondol.features.types import (
    DeclareService,
    DeclareView,
    Feature,
    MaterializeView,
    RowFeatures,
    ServiceSpec,
    ViewSpec,
)
from ondol.home import House
from ondol.lake.types import ColumnType, DatasetSpec, DeclareDataset, FileSource, RefreshDataset, Rule

LINES, ROUTES, PLACES = 16, 200, 3
SKY = ["temp", "dew", "humidity", "wind", "gust", "rain", "pressure", "sight"]
_INSTANT = pl.Datetime("us", "UTC")

_TRIP_COLUMNS: dict[str, ColumnType] = {
    "trip": "string", "begun_at": "timestamp", "known_at": "timestamp", "line": "string", "route": "string",
    "place": "string", "unit": "string", "distance": "double", "delay": "double",
}  # fmt: skip
TRIPS = DatasetSpec(
    name="trips",
    columns=_TRIP_COLUMNS,
    key=["trip"],
    time="begun_at",
    known_at="known_at",
    partition="month",
    source=FileSource(format="parquet", path="trips.parquet"),
    contract=[Rule(kind="not_null", column="line"), Rule(kind="between", column="distance", low=1, high=6000)],
)
UNITS = DatasetSpec(
    name="units",
    columns={"unit": "string", "since": "timestamp", "age": "double", "seats": "double", "weight": "double"},
    key=["unit"],
    time="since",
    source=FileSource(format="parquet", path="units.parquet"),
)
WEATHER = DatasetSpec(
    name="weather",
    columns={"place": "string", "hour": "timestamp", **dict.fromkeys(SKY, "double")},
    key=["place", "hour"],
    time="hour",
    source=FileSource(format="parquet", path="weather.parquet"),
)


def last_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def trips(rows: int, days: int, units: int, until: datetime, first: int = 0) -> pl.DataFrame:
    """Trips of the `days` before `until`, in no order; one is known one to six hours after it began."""
    chance = random.Random(first + 1)
    span = days * 86_400 - 6 * 3600
    begun = [until - timedelta(days=days, seconds=-chance.randrange(span)) for _ in range(rows)]
    columns: dict[str, Any] = {
        "trip": [f"t{number}" for number in range(first, first + rows)],
        "begun_at": begun,
        "known_at": [at + timedelta(seconds=chance.randrange(3600, 6 * 3600)) for at in begun],
        "line": [f"l{chance.randrange(LINES)}" for _ in range(rows)],
        "route": [f"r{chance.randrange(ROUTES)}" for _ in range(rows)],
        "place": [f"p{chance.randrange(PLACES)}" for _ in range(rows)],
        "unit": [f"u{chance.randrange(units)}" for _ in range(rows)],
        "distance": [float(chance.randrange(50, 5000)) for _ in range(rows)],
        "delay": [float(round(chance.gauss(5, 15))) for _ in range(rows)],
    }
    return pl.DataFrame(columns, schema_overrides={"begun_at": _INSTANT, "known_at": _INSTANT})


def units(rows: int, since: datetime) -> pl.DataFrame:
    chance = random.Random(2)
    columns: dict[str, Any] = {"unit": [f"u{number}" for number in range(rows)], "since": [since] * rows}
    columns |= {name: [float(chance.randrange(1, 300)) for _ in range(rows)] for name in ("age", "seats", "weight")}
    return pl.DataFrame(columns, schema_overrides={"since": _INSTANT})


def weather(hours: int, until: datetime) -> pl.DataFrame:
    chance = random.Random(3)
    found = [(f"p{place}", until - timedelta(hours=hour)) for hour in range(hours) for place in range(PLACES)]
    columns: dict[str, Any] = {"place": [place for place, _ in found], "hour": [hour for _, hour in found]}
    columns |= {name: [round(chance.gauss(20, 5), 1) for _ in found] for name in SKY}
    return pl.DataFrame(columns, schema_overrides={"hour": _INSTANT})


def land(house: House, folder: Path, spec: DatasetSpec, rows: pl.DataFrame) -> None:
    """Declare the dataset and bring the rows into the lake from a file."""
    rows.write_parquet(folder / f"{spec.name}.parquet")
    house.call("datasets.declare", DeclareDataset(spec=spec, root=str(folder)))
    house.call("datasets.refresh", RefreshDataset(dataset=spec.name))


def _late(entity: str) -> ViewSpec:
    """The share of late trips and their mean delay over seven days."""
    features = [
        Feature(name=f"{entity}_late", expression="delay > 15", aggregate="mean", window="7d"),
        Feature(name=f"{entity}_delay", expression="delay", aggregate="mean", window="7d"),
    ]
    return ViewSpec(name=f"{entity}_late", entity=[entity], dataset="trips", features=features)


def _share(entity: str) -> ViewSpec:
    late = Feature(name=f"{entity}_late", expression="delay > 15", aggregate="mean", window="7d")
    return ViewSpec(name=f"{entity}_late", entity=[entity], dataset="trips", features=[late])


_UNIT = ViewSpec(
    name="unit",
    entity=["unit"],
    dataset="units",
    features=[Feature(name=name, expression=name) for name in ("age", "seats", "weight")],
)
_SKY = ViewSpec(
    name="sky",
    entity=["place"],
    dataset="weather",
    features=[Feature(name=name, expression=name) for name in SKY],
    ttl="3h",
)
_OF_ROW = RowFeatures(
    name="given", columns={"distance": "double"}, features=[Feature(name="far", expression="distance")]
)
_LABEL = "delay > 15"


def three_views(house: House, folder: Path, trip_rows: pl.DataFrame, unit_rows: pl.DataFrame) -> str:
    """Two 7-day means, by 16 and 200 keys, and a view of the newest row of each unit. The service's name."""
    land(house, folder, TRIPS, trip_rows)
    land(house, folder, UNITS, unit_rows)
    views = [_share("line"), _share("route"), _UNIT]
    return _service(house, views, [_OF_ROW])


def four_views(house: House, folder: Path, trip_rows: int, unit_rows: int) -> str:
    """15 features of four views, online now. The service's name."""
    now = last_hour()
    land(house, folder, TRIPS, trips(trip_rows, 9, unit_rows, now))
    land(house, folder, UNITS, units(unit_rows, now - timedelta(days=30)))
    land(house, folder, WEATHER, weather(48, now))
    views = [_SKY, _late("line"), _late("route"), _UNIT]
    name = _service(house, views, [])
    for view in views:
        house.call("views.materialize", MaterializeView(view=view.name))
    return name


def _service(house: House, views: list[ViewSpec], given: list[RowFeatures]) -> str:
    for view in views:
        house.call("views.declare", DeclareView(spec=view))
    spec = ServiceSpec(
        name="inputs",
        dataset="trips",
        key="trip",
        time="begun_at",
        label=_LABEL,
        views=[view.name for view in views],
        row_features=given,
    )
    house.call("services.declare", DeclareService(spec=spec))
    return spec.name


def questions(rows: int, unit_rows: int) -> dict[str, list[Any]]:
    """The entity keys of a request, as columns."""
    chance = random.Random(4)
    return {
        "place": [f"p{chance.randrange(PLACES)}" for _ in range(rows)],
        "line": [f"l{chance.randrange(LINES)}" for _ in range(rows)],
        "route": [f"r{chance.randrange(ROUTES)}" for _ in range(rows)],
        "unit": [f"u{chance.randrange(unit_rows)}" for _ in range(rows)],
    }
