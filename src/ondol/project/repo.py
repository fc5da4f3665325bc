"""The table `projects`."""

from __future__ import annotations

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


def put_project(connection: sa.Connection, project: Project) -> None:
    connection.execute(projects.delete().where(projects.c.name == project.name))
    connection.execute(projects.insert().values(**msgspec.structs.asdict(project)))


def find_newest(connection: sa.Connection) -> Project | None:
    """The project that was applied last."""
    row = connection.execute(sa.select(projects).order_by(projects.c.applied_at.desc()).limit(1)).mappings().first()
    if row is None:
        return None
    fields = {name: value for name, value in row.items() if name != "declarations"}
    return Project(**fields, declarations=msgspec.convert(row["declarations"], Declarations))
