"""The world outside: it moves the clock, delivers data, asks for predictions, and once makes a mistake."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

import msgspec

from ondol.demo.feed import Feed, bad_batch
from ondol.doors.client import Client
from ondol.kernel.errors import Conflict, Refused

ENDPOINT = "flight-delay"
ROWS_A_REQUEST = 100
BAD_BATCH_DAY = date(2013, 4, 9)
CARELESS_FROM = date(2013, 8, 8)

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Hour:
    """What arrives in an hour: `requests` are bodies of inference requests for `rows` flights."""

    moment: datetime
    weather: list[dict[str, Any]]
    requests: list[bytes]
    rows: int


@dataclass(frozen=True, kw_only=True)
class Day:
    """`landed` and `measured` became known before it, `hours` are its own."""

    date: date
    landed: list[dict[str, Any]]
    measured: list[dict[str, Any]]
    hours: list[Hour]


def _prepare(feed: Feed, day: date) -> Day:
    return Day(
        date=day,
        landed=feed.landed(day),
        measured=feed.measured(day - timedelta(days=7), day) if day.weekday() == 0 else [],
        hours=[
            Hour(moment=moment, weather=weather, requests=_bodies(flights), rows=len(flights["flight_id"]))
            for moment, weather, flights in feed.hours(day)
        ],
    )


def _bodies(flights: dict[str, list[Any]]) -> list[bytes]:
    found = []
    for start in range(0, len(flights["flight_id"]), ROWS_A_REQUEST):
        part = {name: values[start : start + ROWS_A_REQUEST] for name, values in flights.items()}
        found.append(msgspec.json.encode({"inputs": [to_tensor(name, values) for name, values in part.items()]}))
    return found


class Replay:
    """Plays the days of the feed against a house, in the order in which things became known."""

    def __init__(self, client: Client, feed: Feed, say: Say) -> None:
        self._client = client
        self._feed = feed
        self._say = say
        self._seen_events = 0
        self.requests = 0
        self.rows = 0
        self.predict_seconds = 0.0
        self._careless_run = ""

    def play(self, until: date, progress: Callable[[date], None]) -> None:
        days = list(self._feed.days(until))
        # The world does not wait for the house: the next day gets ready while this one is answered.
        with ThreadPoolExecutor(1) as ahead:
            waiting = [ahead.submit(_prepare, self._feed, day) for day in days[:1]]
            for day, following in zip(days, [*days[1:], None], strict=True):
                today = waiting.pop().result()
                if following:
                    waiting.append(ahead.submit(_prepare, self._feed, following))
                self._begin_day(today)
                for hour in today.hours:
                    self._play_hour(hour)
                progress(day)
        self._client.at(_midnight(until))
        self._rest()

    def _begin_day(self, today: Day) -> None:
        """Around midnight: what was learned lands, then the day begins, and time stands still until all is done.

        Flights are told every day, the weather's archive comes every Monday; its newest values are pushed hourly.
        """
        day = today.date
        self._client.at(max(_midnight(day) - timedelta(seconds=1), _midnight(self._feed.start)))
        if day == BAD_BATCH_DAY:
            self._deliver_badly(day, today.landed)
        if today.landed:
            self._client.call("datasets.append", dataset="flights", key=f"flights {day}", rows=today.landed)
        if today.measured:
            self._client.call("datasets.append", dataset="weather", key=f"weather {day}", rows=today.measured)
        self._wait()
        self._client.at(_midnight(day))
        self._rest()
        if day >= CARELESS_FROM and not self._careless_run:
            self._be_careless(day)

    def _play_hour(self, hour: Hour) -> None:
        self._client.at(hour.moment)
        if hour.weather:
            self._client.call("views.push", view="weather_now", rows=hour.weather)
        begun = time.perf_counter()
        for body in hour.requests:
            self._client.request("POST", f"/v2/models/{ENDPOINT}/infer", content=body)
            self.requests += 1
        self.rows += hour.rows
        self.predict_seconds += time.perf_counter() - begun

    def _deliver_badly(self, day: date, flights: list[dict[str, Any]]) -> None:
        try:
            self._client.call("datasets.append", dataset="flights", key=f"bad {day}", rows=bad_batch(flights))
        except Refused as refused:
            self._say(f"{day}  a bad batch was refused: {refused.message}")
        else:
            raise AssertionError("the bad batch was taken")

    def _be_careless(self, day: date) -> None:
        """A model trained on mixed-up labels, past the gate, once no other canary is open."""
        if self._client.call("endpoints.get", endpoint=ENDPOINT).traffic[1:]:
            return
        try:
            run = self._client.call("pipelines.run", pipeline="careless", reason="by hand", key="careless")
        except Conflict:
            return
        self._careless_run = run.id
        self._say(f"{day}  somebody trains on mixed-up labels and pushes the model past the gate")
        self._rest()

    def _rest(self) -> None:
        """Wait until the house has done all that this moment brought; tell what happened."""
        self._wait()
        self._tell()

    def _wait(self) -> None:
        while not self._client.call("clock.get", wait_seconds=10).quiet:
            continue

    def _tell(self) -> None:
        for event in self._client.call("events.list", after=self._seen_events, name=",".join(TOLD)):
            self._seen_events = event.id
            self._say(f"{event.at:%Y-%m-%d}  {TOLD[event.name].format(**event.payload)}")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time_of_day(), tzinfo=UTC)


TOLD = {
    "DriftAlarm": "drift alarm: {reasons[0]}; drifting: {features}",
    "GateDecided": "gate: {reason}",
    "CanaryStarted": "canary: version {number} gets {share:.0%} of the traffic",
    "CanaryWon": "version {number} is the new champion: {reason}",
    "CanaryRolledBack": "version {number} is rolled back: {reason} (it had answered {share_served:.1%})",
    "LoopClosed": "the loop is closed: {status}",
}
"""What is told as it happens: event name -> words."""


def to_tensor(name: str, values: list[Any]) -> dict[str, Any]:
    """One column as an Open Inference tensor."""
    first = next((value for value in values if value is not None), "")
    kind = {str: "BYTES", bool: "BOOL", int: "INT64", float: "FP64"}[type(first)]
    return {"name": name, "shape": [len(values)], "datatype": kind, "data": values}
