"""Start the processes of queued jobs, and look after those that run."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from ondol.jobs import rules, service
from ondol.jobs.types import GetJob, Job, JobEnded, JobQueued
from ondol.kernel.errors import OndolError
from ondol.kernel.event import reaction
from ondol.kernel.lazy import lazy
from ondol.ports.executor import Task
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    from ondol.jobs import repo
else:
    repo = lazy("ondol.jobs.repo")


_BIRTH = secrets.token_hex(4)


def this_house() -> str:
    """A name for this process that no other has, not even one that gets the same pid later."""
    return f"{socket.gethostname()}:{os.getpid()}:{_BIRTH}"


@reaction(JobQueued)
def start_queued(tools: Tools, event: JobQueued) -> None:
    """Start jobs while there is room; those that wait are started when one ends."""
    fill_room(tools)


@reaction(JobEnded)
def stop_cancelled(tools: Tools, event: JobEnded) -> None:
    """The process of a cancelled job is stopped."""
    if event.status != "cancelled":
        return
    with tools.transaction(write=False) as inner:
        job = service.get_job(inner, GetJob(job=event.subject))
    if job.handle:
        tools.executor.stop(job.handle)


def fill_room(tools: Tools) -> None:
    with tools.transaction(write=True) as inner:
        running = [job for job in repo.select_running(inner.connection) if job.house == this_house()]
        room = tools.config.workers - len(running)
        chosen = repo.select_queued(inner.connection, room) if room > 0 else []
        # Claimed before the process starts: two houses never start the same attempt.
        claimed = [rules.started(job, this_house(), "", inner.now(), inner.wall()) for job in chosen]
        for job in claimed:
            repo.update_job(inner.connection, job)
    for job in claimed:
        _start(tools, job)


def _start(tools: Tools, job: Job) -> None:
    task = Task(
        job_id=job.id,
        arguments=[*service.program(tools), job.id],
        log_path=str(tools.config.home_path / job.log),
    )
    try:
        handle = tools.executor.start(task)
    except OndolError as error:
        with tools.transaction(write=True) as inner:
            service.end_job(inner, rules.after_crash(job, error.message, inner.now()))
        return
    with tools.transaction(write=True) as inner:
        current = service.get_job(inner, GetJob(job=job.id))
        repo.update_job(inner.connection, msgspec.structs.replace(current, handle=handle))
    if current.status == "cancelled":
        tools.executor.stop(handle)


def tend(tools: Tools) -> bool:
    """One heartbeat: renew the leases of our jobs, take over those of dead houses, end those whose process ended.

    Returns whether there are jobs to look after.
    """
    house = this_house()
    with tools.transaction(write=False) as inner:
        running = repo.select_running(inner.connection)
        waiting = bool(repo.select_queued(inner.connection, 1))
    if not running and not waiting:
        return False
    codes = {job.id: tools.executor.exit_code(job.handle) for job in running if job.house == house and job.handle}
    if any(code is not None for code in codes.values()) or _is_due(tools, running):
        _settle(tools, codes)
    elif waiting and len(codes) < tools.config.workers:
        fill_room(tools)
    return True


def _is_due(tools: Tools, running: Sequence[Job]) -> bool:
    """Whether a lease of ours wants to be renewed, or one of another house has ended."""
    house, wall = this_house(), tools.wall()
    return any(
        rules.needs_renewal(job, wall) if job.house == house else rules.is_abandoned(job, house, wall)
        for job in running
    )


def _settle(tools: Tools, codes: Mapping[str, int | None]) -> None:
    house = this_house()
    with tools.transaction(write=True) as inner:
        repo.extend_leases(inner.connection, house, inner.wall() + rules.LEASE)
        for job in repo.select_running(inner.connection):
            code = codes.get(job.id)
            if code is not None:
                service.end_job(inner, rules.after_exit(job, code, inner.now()))
            elif rules.is_abandoned(job, house, inner.wall()):
                service.end_job(inner, rules.after_crash(job, f"house {job.house} died", inner.now()))
    fill_room(tools)
