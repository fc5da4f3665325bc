"""The tables `projects` and `project_things`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa

from ondol.ports.schema import Json, Moment, metadata
from ondol.project.types import Declarations, Project

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("root", sa.Text, nullable=False),
    sa.Column("code", sa.String(64), nullable=False),
    sa.Column("entry", sa.String(512), nullable=False),
    sa.Column("commit", sa.String(64), nullable=False),
    sa.Column("declarations", Json, nullable=False),
    sa.Column("applied_at", Moment, nullable=False),
    sa.Column("applied_by", sa.String(255), nullable=False),
)

# Which project declares a thing: names are common to the house, and each has one owner.
things = sa.Table(
    "project_things",
    metadata,
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("project", sa.String(255), nullable=False, index=True),
    sa.Column("since", Moment, nullable=False),
)


def put_project(connection: sa.Connection, project: Project) -> None:
    connection.execute(projects.delete().where(projects.c.name == project.name))
    connection.execute(projects.insert().values(**msgspec.structs.asdict(project)))


def find_project(connection: sa.Connection, name: str = "") -> Project | None:
    """By its name; without one the project that was applied last."""
    query = sa.select(projects).order_by(projects.c.applied_at.desc()).limit(1)
    row = connection.execute(query.where(projects.c.name == name) if name else query).mappings().first()
    return _project(row) if row else None


def select_projects(connection: sa.Connection) -> list[Project]:
    rows = connection.execute(sa.select(projects).order_by(projects.c.name)).mappings()
    return [_project(row) for row in rows]


def owners(connection: sa.Connection) -> dict[tuple[str, str], str]:
    """Kind and name of each thing that a project declares, and that project."""
    return {(row.kind, row.name): row.project for row in connection.execute(sa.select(things))}


def take(connection: sa.Connection, project: str, taken: Sequence[tuple[str, str]], now: datetime) -> None:
    """Make things this project's own."""
    for kind, name in taken:
        mine = (things.c.kind == kind) & (things.c.name == name)
        if not connection.execute(things.update().where(mine).values(project=project, since=now)).rowcount:
            connection.execute(things.insert().values(kind=kind, name=name, project=project, since=now))


def _project(row: sa.RowMapping) -> Project:
    fields = {name: value for name, value in row.items() if name != "declarations"}
    return Project(**fields, declarations=msgspec.convert(row["declarations"], Declarations))
