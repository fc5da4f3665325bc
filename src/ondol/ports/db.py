"""Db: the metadata of the house, in one relational database."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import sqlalchemy as sa


class Db(Protocol):
    """Opened by several processes at once; every method may be called from any thread.

    The published suite is `ondol.testing.db`.
    """

    dialect: str
    """`sqlite` or `postgresql`."""

    def transaction(self, *, write: bool) -> AbstractContextManager[sa.Connection]:
        """One transaction: commits when the block ends, rolls back when it raises.

        A writing transaction waits for other writers from its start, so that it
        never fails in its middle because of them (`Unavailable` after 30 s). A
        reading one sees one snapshot and blocks nobody.
        """

    def revision(self) -> int | None:
        """A number that another one follows with every commit, read in microseconds; None where there is no such thing.

        Whoever keeps what he has read asks for it first, and reads again when it has changed.
        """

    def prepare(self) -> None:
        """Bring the schema to this release: create it, or migrate it. Safe to call from several processes.

        Raises `Conflict` when the schema is from a later release.
        """

    def close(self) -> None: ...
