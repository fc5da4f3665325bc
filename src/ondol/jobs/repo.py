"""The tables `jobs` and `schedules`."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa

from ondol.jobs.types import Job, Schedule
from ondol.ports.schema import Json, Moment, metadata

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(40), primary_key=True),
    sa.Column("kind", sa.String(64), nullable=False),
    sa.Column("payload", Json, nullable=False),
    sa.Column("key", sa.String(255), nullable=False, unique=True),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("max_attempts", sa.Integer, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("ended_at", Moment),
    sa.Column("handle", sa.String(255), nullable=False),
    sa.Column("house", sa.String(255), nullable=False),
    sa.Column("lease_until", Moment),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("log", sa.String(512), nullable=False),
)

schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("operation", sa.String(64), nullable=False),
    sa.Column("request", Json, nullable=False),
    sa.Column("every", sa.String(32), nullable=False),
    sa.Column("next_at", Moment, nullable=False, index=True),
    sa.Column("last_at", Moment),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("claimed_until", Moment),
)

OPEN = ("queued", "running")


def insert_job(connection: sa.Connection, job: Job) -> None:
    connection.execute(jobs.insert().values(**msgspec.structs.asdict(job)))


def update_job(connection: sa.Connection, job: Job) -> None:
    connection.execute(jobs.update().where(jobs.c.id == job.id).values(**msgspec.structs.asdict(job)))


def find_job(connection: sa.Connection, identity: str) -> Job | None:
    row = connection.execute(sa.select(jobs).where(jobs.c.id == identity)).mappings().first()
    return Job(**row) if row else None


def find_job_by_key(connection: sa.Connection, key: str) -> Job | None:
    row = connection.execute(sa.select(jobs).where(jobs.c.key == key)).mappings().first()
    return Job(**row) if row else None


def select_jobs(connection: sa.Connection, status: str, limit: int) -> list[Job]:
    query = sa.select(jobs).order_by(jobs.c.id.desc()).limit(limit)
    if status:
        query = query.where(jobs.c.status == status)
    return [Job(**row) for row in connection.execute(query).mappings()]


def select_queued(connection: sa.Connection, limit: int) -> list[Job]:
    query = sa.select(jobs).where(jobs.c.status == "queued").order_by(jobs.c.priority.desc(), jobs.c.id).limit(limit)
    return [Job(**row) for row in connection.execute(query).mappings()]


def select_running(connection: sa.Connection) -> list[Job]:
    query = sa.select(jobs).where(jobs.c.status == "running").order_by(jobs.c.id)
    return [Job(**row) for row in connection.execute(query).mappings()]


def extend_leases(connection: sa.Connection, house: str, until: datetime) -> None:
    mine = (jobs.c.status == "running") & (jobs.c.house == house)
    connection.execute(jobs.update().where(mine).values(lease_until=until))


def count_open(connection: sa.Connection) -> int:
    query = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.status.in_(OPEN))
    return int(connection.execute(query).scalar_one())


def put_schedule(connection: sa.Connection, schedule: Schedule) -> None:
    connection.execute(schedules.delete().where(schedules.c.name == schedule.name))
    connection.execute(schedules.insert().values(**msgspec.structs.asdict(schedule)))


def find_schedule(connection: sa.Connection, name: str) -> Schedule | None:
    row = connection.execute(sa.select(schedules).where(schedules.c.name == name)).mappings().first()
    return Schedule(**row) if row else None


def delete_schedule(connection: sa.Connection, name: str) -> int:
    return connection.execute(schedules.delete().where(schedules.c.name == name)).rowcount


def extend_claim(connection: sa.Connection, schedule: Schedule, until: datetime) -> None:
    """Nothing when it was called meanwhile."""
    ours = (schedules.c.name == schedule.name) & (schedules.c.next_at == schedule.next_at)
    still = ours & schedules.c.claimed_until.is_not(None)
    connection.execute(schedules.update().where(still).values(claimed_until=until))


def select_schedules(connection: sa.Connection) -> list[Schedule]:
    return [Schedule(**row) for row in connection.execute(sa.select(schedules).order_by(schedules.c.name)).mappings()]


def select_due(connection: sa.Connection, now: datetime) -> list[Schedule]:
    query = sa.select(schedules).where(schedules.c.next_at <= now).order_by(schedules.c.next_at, schedules.c.name)
    return [Schedule(**row) for row in connection.execute(query).mappings()]


def first_due(connection: sa.Connection) -> datetime | None:
    return connection.execute(sa.select(schedules.c.next_at).order_by(schedules.c.next_at).limit(1)).scalar()


def count_due(connection: sa.Connection, now: datetime) -> int:
    query = sa.select(sa.func.count()).select_from(schedules).where(schedules.c.next_at <= now)
    return int(connection.execute(query).scalar_one())
