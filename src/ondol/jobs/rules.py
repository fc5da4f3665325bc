"""The life of a job, and when a schedule is due next."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ondol.jobs.types import Job, Schedule
from ondol.kernel.spans import parse_duration

LEASE = timedelta(seconds=8)
"""A house that has not renewed its leases for so long is taken for dead."""

CLAIM = timedelta(seconds=60)
"""A schedule that was being called when its house died is called again after so long."""


def is_free(schedule: Schedule, wall: datetime) -> bool:
    """Whether no house calls it now."""
    return schedule.claimed_until is None or schedule.claimed_until < wall


def started(job: Job, house: str, handle: str, now: datetime, wall: datetime) -> Job:
    return msgspec.structs.replace(
        job,
        status="running",
        attempts=job.attempts + 1,
        started_at=job.started_at or now,
        house=house,
        handle=handle,
        lease_until=wall + LEASE,
        error="",
    )


def after_exit(job: Job, exit_code: int, now: datetime) -> Job:
    """Finished on 0; otherwise queued again, until its attempts are used up."""
    if exit_code == 0:
        return msgspec.structs.replace(job, status="finished", ended_at=now, lease_until=None)
    return after_crash(job, f"its process ended with exit code {exit_code}", now)


def after_crash(job: Job, why: str, now: datetime) -> Job:
    again = job.attempts < job.max_attempts
    return msgspec.structs.replace(
        job,
        status="queued" if again else "failed",
        ended_at=None if again else now,
        lease_until=None,
        handle="",
        error=f"attempt {job.attempts}: {why}",
    )


def needs_renewal(job: Job, wall: datetime) -> bool:
    """Whether a quarter of its lease is over."""
    return job.lease_until is None or job.lease_until - wall < LEASE * 3 / 4


def is_abandoned(job: Job, house: str, wall: datetime) -> bool:
    """Whether the house that runs it has died."""
    return job.status == "running" and job.house != house and (job.lease_until is None or job.lease_until < wall)


def next_due(previous: datetime, every: str, now: datetime) -> datetime:
    """The first moment after `now` on the grid that `previous` lies on: missed ones are made up for once."""
    step = parse_duration(every)
    missed = max(0, (now - previous) // step)
    return previous + (missed + 1) * step
