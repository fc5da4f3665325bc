"""The table `dataset_versions`: what made each version that rows were read at."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
import sqlalchemy as sa

from ondol.lake.types.versions import DatasetVersion
from ondol.ports.schema import Moment, metadata

dataset_versions = sa.Table(
    "dataset_versions",
    metadata,
    sa.Column("dataset", sa.String(64), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("operation", sa.String(16), nullable=False),
    sa.Column("batch", sa.String(40), nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("target", sa.Integer, nullable=False),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("gone", sa.Boolean, nullable=False),
    sa.Index(None, "dataset", "at"),
)


def insert_version(connection: sa.Connection, version: DatasetVersion) -> None:
    """Nothing happens when it is there already: a landing that was taken over ends once."""
    here = (dataset_versions.c.dataset == version.dataset) & (dataset_versions.c.version == version.version)
    if connection.execute(sa.select(dataset_versions.c.version).where(here)).first() is None:
        connection.execute(dataset_versions.insert().values(**msgspec.structs.asdict(version)))


def find_version(connection: sa.Connection, dataset: str, version: int) -> DatasetVersion | None:
    here = (dataset_versions.c.dataset == dataset) & (dataset_versions.c.version == version)
    row = connection.execute(sa.select(dataset_versions).where(here)).mappings().first()
    return DatasetVersion(**row) if row else None


def find_version_at(connection: sa.Connection, dataset: str, moment: datetime) -> DatasetVersion | None:
    """The one that was the newest at a moment."""
    query = sa.select(dataset_versions).where(dataset_versions.c.dataset == dataset, dataset_versions.c.at <= moment)
    newest = query.order_by(dataset_versions.c.at.desc(), dataset_versions.c.version.desc()).limit(1)
    row = connection.execute(newest).mappings().first()
    return DatasetVersion(**row) if row else None


def select_versions(connection: sa.Connection, dataset: str, limit: int = 1 << 31) -> list[DatasetVersion]:
    """The newest first."""
    query = sa.select(dataset_versions).where(dataset_versions.c.dataset == dataset)
    rows = connection.execute(query.order_by(dataset_versions.c.version.desc()).limit(limit)).mappings()
    return [DatasetVersion(**row) for row in rows]


def mark_gone(connection: sa.Connection, dataset: str, versions: Collection[int]) -> None:
    for version in versions:
        here = (dataset_versions.c.dataset == dataset) & (dataset_versions.c.version == version)
        connection.execute(dataset_versions.update().where(here).values(gone=True))
