"""Submit jobs, declare schedules, read and move the clock of the house."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from ondol.events import service as events
from ondol.jobs import rules
from ondol.jobs.types import (
    CancelJob,
    ClockMoved,
    ClockState,
    DeclareSchedule,
    GetClock,
    GetJob,
    Job,
    JobEnded,
    JobQueued,
    ListJobs,
    ListSchedules,
    RemoveSchedule,
    Schedule,
    SetClock,
    SubmitJob,
)
from ondol.kernel.errors import Conflict, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.kernel.spans import parse_duration
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    from ondol.jobs import repo
else:
    repo = lazy("ondol.jobs.repo")


_LONGEST_WAIT = 60.0
_LOOK_SECONDS = 0.05
_PAUSE_SECONDS = 0.005


def program(tools: Tools) -> list[str]:
    """The command that runs a job of this house, without the job."""
    return [sys.executable, "-m", "ondol.runner", "--home", str(tools.config.home_path)]


def submit_job(tools: Tools, request: SubmitJob) -> Job:
    """Queue a job of a kind that the house knows how to run; the same `key` is one job."""
    if known := repo.find_job_by_key(tools.connection, request.key):
        return known
    identity = tools.new_id("job")
    job = Job(
        id=identity,
        kind=request.kind,
        payload=request.payload,
        key=request.key,
        status="queued",
        priority=request.priority,
        attempts=0,
        max_attempts=request.max_attempts,
        created_at=tools.now(),
        log=f"logs/{identity}.log",
    )
    repo.insert_job(tools.connection, job)
    tools.emit(JobQueued(subject=job.id, kind=job.kind))
    return job


@operation("jobs.list", "GET", "/v1/jobs", scope="read")
def list_jobs(tools: Tools, request: ListJobs) -> list[Job]:
    """List jobs, newest first."""
    return repo.select_jobs(tools.connection, request.status, request.limit)


@operation("jobs.get", "GET", "/v1/jobs/{job}", scope="read")
def get_job(tools: Tools, request: GetJob) -> Job:
    """Show a job."""
    if found := repo.find_job(tools.connection, request.job):
        return found
    raise NotFound(f"There is no job {request.job!r}.", hint="ondol jobs list")


@operation("jobs.cancel", "POST", "/v1/jobs/{job}/cancel", scope="write")
def cancel_job(tools: Tools, request: CancelJob) -> Job:
    """Cancel a job that has not ended; its process is stopped at the next heartbeat."""
    job = get_job(tools, GetJob(job=request.job))
    if job.status not in ("queued", "running"):
        raise Conflict(f"Job {job.id} is {job.status} already.")
    return end_job(tools, msgspec.structs.replace(job, status="cancelled", ended_at=tools.now(), lease_until=None))


def requeue_job(tools: Tools, identity: str) -> Job:
    """Run an ended job once more, with all its attempts."""
    job = get_job(tools, GetJob(job=identity))
    if job.status in ("queued", "running"):
        return job
    fresh = msgspec.structs.replace(job, status="queued", attempts=0, ended_at=None, handle="", error="")
    repo.update_job(tools.connection, fresh)
    tools.emit(JobQueued(subject=job.id, kind=job.kind))
    return fresh


def end_job(tools: Tools, job: Job) -> Job:
    """Store what became of a job, and say so: queued again, or ended."""
    repo.update_job(tools.connection, job)
    if job.status == "queued":
        tools.emit(JobQueued(subject=job.id, kind=job.kind))
    else:
        ended = JobEnded(subject=job.id, kind=job.kind, status=job.status, payload=job.payload, error=job.error)
        tools.emit(ended)
    return job


@operation("schedules.declare", "POST", "/v1/schedules", scope="write")
def declare_schedule(tools: Tools, request: DeclareSchedule) -> Schedule:
    """Call an operation again and again. An unchanged schedule keeps its next moment."""
    step = parse_duration(request.every)
    known = repo.find_schedule(tools.connection, request.name)
    unchanged = known is not None and known.every == request.every
    schedule = Schedule(
        name=request.name,
        operation=request.operation,
        request=request.request,
        every=request.every,
        next_at=known.next_at if known and unchanged else tools.now() + step,
        last_at=known.last_at if known else None,
        claimed_until=known.claimed_until if known else None,
    )
    repo.put_schedule(tools.connection, schedule)
    return schedule


@operation("schedules.remove", "DELETE", "/v1/schedules/{name}", scope="write")
def remove_schedule(tools: Tools, request: RemoveSchedule) -> RemoveSchedule:
    """Stop calling an operation."""
    if not repo.delete_schedule(tools.connection, request.name):
        raise NotFound(f"There is no schedule {request.name!r}.", hint="ondol schedules list")
    return request


@operation("schedules.list", "GET", "/v1/schedules", scope="read")
def list_schedules(tools: Tools, request: ListSchedules) -> list[Schedule]:
    """List schedules by name."""
    return repo.select_schedules(tools.connection)


def due_schedules(tools: Tools, now: datetime) -> list[Schedule]:
    """Those that are due and that no house calls now."""
    wall = tools.wall()
    return [schedule for schedule in repo.select_due(tools.connection, now) if rules.is_free(schedule, wall)]


def next_due(tools: Tools) -> datetime | None:
    """When the next schedule is due; None when there is none."""
    return repo.first_due(tools.connection)


def claim_schedule(tools: Tools, schedule: Schedule) -> bool:
    """Whether it is ours to call, which it is for one of the houses that see it due."""
    current = repo.find_schedule(tools.connection, schedule.name)
    if current is None or current.next_at != schedule.next_at or not rules.is_free(current, tools.wall()):
        return False
    repo.put_schedule(tools.connection, msgspec.structs.replace(current, claimed_until=tools.wall() + rules.CLAIM))
    return True


def extend_claim(tools: Tools, schedule: Schedule) -> None:
    """It is still being called."""
    repo.extend_claim(tools.connection, schedule, tools.wall() + rules.CLAIM)


def note_call(tools: Tools, schedule: Schedule, now: datetime, error: str) -> None:
    """A schedule was called: its next moment lies after `now`."""
    current = repo.find_schedule(tools.connection, schedule.name)
    if current is None or current.next_at != schedule.next_at:
        return
    following = rules.next_due(schedule.next_at, schedule.every, now)
    repo.put_schedule(
        tools.connection,
        msgspec.structs.replace(current, next_at=following, last_at=now, error=error[-2000:], claimed_until=None),
    )


@operation("clock.get", "GET", "/v1/clock", scope="read", long=True)
def get_clock(tools: Tools, request: GetClock) -> ClockState:
    """Show the time of the house, and whether all that this time brought is done."""
    deadline = time.monotonic() + min(request.wait_seconds, _LONGEST_WAIT)
    while True:
        seen = tools.db.revision()
        with tools.transaction(write=False) as inner:
            state = _clock_state(inner)
        if state.quiet or time.monotonic() >= deadline:
            return state
        # Only a commit can make it quiet; a database that does not count them is asked again.
        pause = time.monotonic() + _LOOK_SECONDS
        while time.monotonic() < pause and (seen is None or tools.db.revision() == seen):
            time.sleep(_PAUSE_SECONDS)


def _clock_state(tools: Tools) -> ClockState:
    now = tools.now()
    undelivered = events.count_undelivered(tools)
    open_jobs = repo.count_open(tools.connection)
    due = repo.count_due(tools.connection, now)
    return ClockState(
        now=now,
        replayed=tools.clock.replayed,
        quiet=not (undelivered or open_jobs or due),
        undelivered=undelivered,
        open_jobs=open_jobs,
        due_schedules=due,
    )


@operation("clock.set", "POST", "/v1/clock", scope="write", long=True)
def set_clock(tools: Tools, request: SetClock) -> ClockMoved:
    """Move the clock of a house that replays history; it only goes forward."""
    tools.clock.set(request.now)
    return ClockMoved(now=request.now)
