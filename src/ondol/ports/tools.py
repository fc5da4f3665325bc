"""Tools: what every operation and every reaction is handed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ondol.kernel.clock import Clock
from ondol.kernel.config import Config
from ondol.kernel.event import Event
from ondol.kernel.ids import new_id
from ondol.ports.blobs import Blobs
from ondol.ports.courier import Courier
from ondol.ports.db import Db
from ondol.ports.executor import Executor
from ondol.ports.lineage_sink import LineageSink
from ondol.ports.notify import Notify
from ondol.ports.online import Online
from ondol.ports.runtime import Runtime
from ondol.ports.sources import Sources
from ondol.ports.sql_engine import SqlEngine
from ondol.ports.tables import Tables
from ondol.ports.training_engine import TrainingEngine

if TYPE_CHECKING:
    import sqlalchemy as sa

Outbox = Callable[["sa.Connection", "Event", datetime], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The tools of one call. Inside a transaction `connection` is set and `emit` works;
    long operations and reactions open short transactions with `transaction()`."""

    config: Config
    clock: Clock
    db: Db
    blobs: Blobs
    tables: Tables
    online: Online
    executor: Executor
    notify: Notify
    runtimes: tuple[Runtime, ...]
    outbox: Outbox
    sources: Sources
    lineage_sink: LineageSink | None = None
    courier: Courier | None = None
    sql: SqlEngine | None = None
    training_engine: TrainingEngine | None = None
    actor: str = "house"
    open_connection: sa.Connection | None = field(default=None, repr=False)

    @property
    def connection(self) -> sa.Connection:
        if self.open_connection is None:
            raise RuntimeError("no transaction is open: use `with tools.transaction(write=...)`")
        return self.open_connection

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[Tools]:
        """The same tools inside a transaction of their own; inside an open one, that one."""
        if self.open_connection is not None:
            yield self
            return
        with self.db.transaction(write=write) as connection:
            # Written out: `replace` takes four times as long, and this is the inner loop of logging.
            yield Tools(
                config=self.config,
                clock=self.clock,
                db=self.db,
                blobs=self.blobs,
                tables=self.tables,
                online=self.online,
                executor=self.executor,
                notify=self.notify,
                runtimes=self.runtimes,
                outbox=self.outbox,
                sources=self.sources,
                lineage_sink=self.lineage_sink,
                courier=self.courier,
                sql=self.sql,
                training_engine=self.training_engine,
                actor=self.actor,
                open_connection=connection,
            )

    def emit(self, event: Event) -> None:
        """Store an event in the open transaction; it is delivered after the commit."""
        self.outbox(self.connection, event, self.now())

    def now(self) -> datetime:
        return self.clock.now()

    def wall(self) -> datetime:
        """What leases and retries go by, also while history is replayed."""
        return datetime.now(UTC)

    def new_id(self, prefix: str) -> str:
        return new_id(prefix)
