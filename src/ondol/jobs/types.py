"""Jobs: work handed to an executor, and schedules: operations that are called again and again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ondol.kernel.event import Event

JobStatus = Literal["queued", "running", "finished", "failed", "cancelled"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`lease_until`: a running job whose lease ended belongs to a house that died; it is queued again."""

    id: str
    kind: str
    payload: dict[str, Any]
    key: str
    status: JobStatus
    priority: int
    attempts: int
    max_attempts: int
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    handle: str = ""
    house: str = ""
    lease_until: datetime | None = None
    error: str = ""
    log: str = ""


class SubmitJob(msgspec.Struct, frozen=True, kw_only=True):
    """The same `key` is one job."""

    kind: str
    key: str
    payload: dict[str, Any] = {}
    priority: int = 0
    max_attempts: int = 3


class GetJob(msgspec.Struct, frozen=True, kw_only=True):
    job: str


class ListJobs(msgspec.Struct, frozen=True, kw_only=True):
    status: str = ""
    limit: int = 100


class CancelJob(msgspec.Struct, frozen=True, kw_only=True):
    job: str


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """Call `operation` with `request` every `every`, by the clock of the house.

    Until `claimed_until` (by the wall clock) the server that calls it now is left alone.
    """

    name: str
    operation: str
    request: dict[str, Any]
    every: str
    next_at: datetime
    last_at: datetime | None = None
    error: str = ""
    claimed_until: datetime | None = None


class DeclareSchedule(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    operation: str
    every: str
    request: dict[str, Any] = {}


class RemoveSchedule(msgspec.Struct, frozen=True, kw_only=True):
    name: str


class ListSchedules(msgspec.Struct, frozen=True, kw_only=True):
    pass


class GetClock(msgspec.Struct, frozen=True, kw_only=True):
    """`wait_seconds`: answer as soon as the house is quiet, after so many seconds in any case (60 at most)."""

    wait_seconds: float = 0.0


class SetClock(msgspec.Struct, frozen=True, kw_only=True):
    now: datetime


class ClockState(msgspec.Struct, frozen=True, kw_only=True):
    """`quiet`: no event is undelivered, no job open, no schedule due. Replays wait for it."""

    now: datetime
    replayed: bool
    quiet: bool
    undelivered: int
    open_jobs: int
    due_schedules: int


class ClockMoved(msgspec.Struct, frozen=True, kw_only=True):
    now: datetime


class JobQueued(Event, frozen=True, kw_only=True):
    kind: str


class JobEnded(Event, frozen=True, kw_only=True):
    """The subject is the job."""

    kind: str
    status: str
    payload: dict[str, Any]
    error: str = ""
