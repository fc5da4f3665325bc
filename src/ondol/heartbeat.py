"""What a serving house does by itself: deliver events, call due schedules, look after jobs."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from ondol import catalog
from ondol.events import repo as outbox
from ondol.events import rules as delivery_rules
from ondol.events.types import Delivery
from ondol.home import House
from ondol.jobs import reactions as job_reactions
from ondol.jobs import service as jobs
from ondol.jobs.types import Schedule
from ondol.kernel.errors import OndolError
from ondol.kernel.event import Event, StoredEvent
from ondol.kernel.operation import Operation
from ondol.lookout import LOOK_SECONDS, Lookout
from ondol.ports.tools import Tools

log = logging.getLogger("ondol")

POLL_SECONDS = 0.2
"""How long events of other processes (the steps of a run) may wait; our own are delivered at once."""
TEND_SECONDS = 0.15
BUSY_SECONDS = 0.02
"""How often we look while a job is open: what its process commits, and its end, are waited for."""
RENEW_SECONDS = 15
"""How often the claim on what takes long is renewed, so that no other house of this database does it as well."""
COURIERS = 4
"""So many reactions that wait for others outside run at once."""


class Claims:
    """What this house is doing now that another one must not begin: deliveries and calls of schedules."""

    def __init__(self) -> None:
        self._held: dict[object, list[Any]] = {}

    @contextmanager
    def held(self, renew: Callable[[Tools], None]) -> Iterator[None]:
        """Within the block `renew` is called now and then, in a writing transaction."""
        key = object()
        self._held[key] = [time.monotonic(), renew]
        try:
            yield
        finally:
            del self._held[key]

    def renew(self, house: House) -> None:
        for claim in list(self._held.values()):
            since, renew = claim
            if time.monotonic() - since > RENEW_SECONDS:
                with house.tools().transaction(write=True) as inner:
                    renew(inner)
                claim[0] = time.monotonic()


_claims: WeakKeyDictionary[House, Claims] = WeakKeyDictionary()


def claims_of(house: House) -> Claims:
    return _claims.setdefault(house, Claims())


class Couriers:
    """Runs reactions that wait for others outside, a few at once, so that nothing in the house waits with them."""

    def __init__(self, done: Callable[[], None]) -> None:
        self._pool = ThreadPoolExecutor(COURIERS, thread_name_prefix="courier")
        self._free = threading.Semaphore(COURIERS)
        self._done = done
        self.names = frozenset(name for name, found in catalog.REACTIONS.items() if found.outside)

    def busy(self) -> bool:
        if self._free.acquire(blocking=False):
            self._free.release()
            return False
        return True

    def hand(self, house: House, stored: StoredEvent, delivery: Delivery) -> None:
        self._free.acquire()
        self._pool.submit(self._deliver, house, stored, delivery)

    def _deliver(self, house: House, stored: StoredEvent, delivery: Delivery) -> None:
        try:
            _deliver(house, stored, delivery)
        except Exception:
            log.exception("a courier stumbled; its claim runs out, and somebody delivers again")
        finally:
            self._free.release()
            self._done()

    def stop(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class Heartbeat:
    """Four threads: one delivers events in order, one tends jobs, one calls schedules, one looks out for what is new
    at the sources; and couriers.

    Jobs are tended while a schedule is called, because whoever does not renew his leases is taken for dead.
    All they know is in the database, so a house that is killed goes on where it was.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._stopping = threading.Event()
        self._committed = threading.Event()
        self._beat = threading.Event()
        self._due = threading.Event()
        self._next_due: datetime | None = None
        self._open_jobs = False
        self._delivered_at: int | None = None
        """The revision of the database when we last began to deliver."""
        self._idle_at: int | None = None
        """The revision of the database at which no job was open."""
        house.listeners.append(self._hear)
        self._couriers = Couriers(self._committed.set)
        self._lookout = Lookout(house)
        self._threads = [
            threading.Thread(target=self._repeat, args=(self._deliver, self._wait_for_events), name="deliveries"),
            threading.Thread(target=self._repeat, args=(self._tend, self._wait_a_beat), name="heartbeat"),
            threading.Thread(target=self._repeat, args=(self._call, self._wait_until_due), name="schedules"),
            threading.Thread(target=self._repeat, args=(self._look, self._wait_a_look), name="lookout"),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    def _hear(self, found: Operation, stated_events: bool) -> None:
        """What we did ourselves is delivered at once, and a moved clock calls what has become due."""
        if stated_events:
            self._committed.set()
        if found.name == "clock.set" and self._next_due and self._house.tools().now() >= self._next_due:
            self._due.set()

    def _tend(self, house: House) -> None:
        tools = house.tools()
        claims_of(house).renew(house)
        if self._next_due is not None and tools.now() >= self._next_due:
            self._due.set()
        revision = tools.db.revision()
        if revision is not None and revision == self._idle_at:
            return
        self._open_jobs = job_reactions.tend(tools)
        with tools.transaction(write=False) as inner:
            self._next_due = jobs.next_due(inner)
        self._idle_at = None if self._open_jobs else revision

    def _call(self, house: House) -> None:
        call_due(house)
        self._beat.set()

    def _deliver(self, house: House) -> None:
        self._delivered_at = house.tools().db.revision()
        deliver_all(house, self._couriers)

    def _look(self, _house: House) -> None:
        self._lookout.look()

    def _wait_a_look(self) -> None:
        self._stopping.wait(LOOK_SECONDS)

    def stop(self) -> None:
        self._stopping.set()
        self._committed.set()
        self._beat.set()
        self._due.set()
        for thread in self._threads:
            thread.join(timeout=10)
        self._lookout.stop()
        self._couriers.stop()

    def _repeat(self, work: object, wait: object) -> None:
        assert callable(work)
        assert callable(wait)
        while not self._stopping.is_set():
            try:
                work(self._house)
            except Exception:
                log.exception("the heartbeat stumbled and goes on")
                time.sleep(1)
            wait()

    def _wait_for_events(self) -> None:
        deadline = time.monotonic() + POLL_SECONDS
        while not self._committed.wait(BUSY_SECONDS if self._open_jobs else POLL_SECONDS):
            if time.monotonic() >= deadline or self._house.tools().db.revision() not in (None, self._delivered_at):
                break
        self._committed.clear()

    def _wait_a_beat(self) -> None:
        self._beat.wait(BUSY_SECONDS if self._open_jobs else TEND_SECONDS)
        self._beat.clear()

    def _wait_until_due(self) -> None:
        self._due.wait()
        self._due.clear()


def deliver_all(house: House, couriers: Couriers | None = None) -> int:
    """Deliver every event that waits; returns how many deliveries were made, or handed to the couriers."""
    tools = house.tools()
    count = 0
    while True:
        with tools.transaction(write=False) as inner:
            if not outbox.has_waiting(inner.connection):
                return count
        with tools.transaction(write=True) as inner:
            wall = inner.wall()
            leave = couriers.names if couriers and couriers.busy() else ()
            claimed = outbox.claim_next(inner.connection, wall, wall + delivery_rules.CLAIM, leave)
        if claimed is None:
            return count
        if couriers and claimed[1].reaction in couriers.names:
            couriers.hand(house, *claimed)
        else:
            _deliver(house, *claimed)
        count += 1


def _deliver(house: House, stored: StoredEvent, delivery: Delivery) -> None:
    def renew(tools: Tools) -> None:
        outbox.extend_claim(tools.connection, delivery, tools.wall() + delivery_rules.CLAIM)

    try:
        answer = catalog.REACTIONS[delivery.reaction]
        with claims_of(house).held(renew):
            answer.function(house.tools(), to_event(stored))
        settled = delivery_rules.after_success(delivery)
    except Exception:
        trace = traceback.format_exc()
        log.warning("%s failed on event %d, attempt %d\n%s", delivery.reaction, stored.id, delivery.attempts, trace)
        settled = delivery_rules.after_failure(delivery, trace, house.tools().wall())
    with house.tools().transaction(write=True) as inner:
        outbox.update_delivery(inner.connection, settled)


def to_event(stored: StoredEvent) -> Event:
    return msgspec.convert(stored.payload, catalog.EVENTS[stored.name])


def call_due(house: House) -> None:
    """Call the schedules that are due by the clock of the house and that no other house calls."""
    tools = house.tools()
    with tools.transaction(write=False) as inner:
        now = inner.now()
        due = jobs.due_schedules(inner, now)
    for schedule in due:
        with tools.transaction(write=True) as inner:
            ours = jobs.claim_schedule(inner, schedule)
        if ours:
            error = _call(house, schedule)
            with tools.transaction(write=True) as inner:
                jobs.note_call(inner, schedule, now, error)


def _call(house: House, schedule: Schedule) -> str:
    """What went wrong, or nothing."""
    try:
        with claims_of(house).held(lambda tools: jobs.extend_claim(tools, schedule)):
            house.call(schedule.operation, schedule.request, actor=f"schedule {schedule.name}")
    except OndolError as failure:
        return failure.message
    except Exception:
        log.exception("schedule %s failed", schedule.name)
        return traceback.format_exc()
    return ""


def settle(house: House, limit_seconds: float = 60) -> None:
    """Deliver, tend and deliver again until the house is quiet; for tests and one-off commands."""
    until = time.monotonic() + limit_seconds
    while time.monotonic() < until:
        job_reactions.tend(house.tools())
        call_due(house)
        deliver_all(house)
        if house.call("clock.get").quiet:
            return
        time.sleep(0.01)
    raise TimeoutError(f"the house did not come to rest in {limit_seconds} s")
