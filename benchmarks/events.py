"""The outbox: events stored with their cause and delivered to one reaction each, against rows stored one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.homes import opened, raw_sqlite
from benchmarks.measure import Benchmark, Pair, Setting
from ondol import catalog
from ondol.heartbeat import deliver_all
from ondol.kernel.event import Event, Reaction
from ondol.ports.tools import Tools

_INSERT = "INSERT INTO events (name, subject, at, payload) VALUES (?, ?, ?, ?)"


class Knocked(Event, frozen=True, kw_only=True):
    """The subject is a door."""


def _listen(_tools: Tools, _event: Knocked) -> None:
    """What a reaction does is not measured here."""


@contextmanager
def _answered() -> Iterator[None]:
    """One reaction to `Knocked` stands in the catalog."""
    answer = Reaction(name="benchmarks.listen", event=Knocked, function=_listen)
    catalog.REACTIONS[answer.name], catalog.EVENTS[Knocked.__name__] = answer, Knocked
    try:
        yield
    finally:
        del catalog.REACTIONS[answer.name], catalog.EVENTS[Knocked.__name__]


@contextmanager
def _deliver(setting: Setting) -> Iterator[Pair]:
    calls = setting.count(200)
    with _answered(), opened(setting.folder) as house, raw_sqlite(setting.folder / "raw.db") as raw:
        raw.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, name TEXT, subject TEXT, at TEXT, payload TEXT)")
        tools = house.tools()

        def ours(_: int) -> None:
            for _ in range(calls):
                with tools.transaction(write=True) as inner:
                    inner.emit(Knocked(subject="front"))
            if deliver_all(house) != calls:
                raise RuntimeError("an event was not delivered")

        def against(_: int) -> None:
            for _ in range(calls):
                raw.execute("BEGIN IMMEDIATE")
                raw.execute(_INSERT, ("Knocked", "front", "2013-04-01T00:00:00+00:00", '{"subject":"front"}'))
                raw.execute("COMMIT")

        yield Pair(ours=ours, against=against, calls=calls)


BENCHMARKS = [
    Benchmark(
        name="events/deliver",
        what="emit an event and deliver it to a reaction (three commits)",
        against="raw sqlite3 INSERT and COMMIT",
        open=_deliver,
    )
]
