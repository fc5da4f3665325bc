"""The composition root: settings become adapters, adapters become tools, tools run operations.

The only file that knows both ports and adapters.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ondol import catalog
from ondol.access import service as access
from ondol.kernel import structs
from ondol.kernel.clock import Clock, ReplayClock, SystemClock, parse_moment
from ondol.kernel.config import Config
from ondol.kernel.errors import Invalid, NotFound, Unavailable
from ondol.kernel.event import Event
from ondol.kernel.lazy import late
from ondol.kernel.operation import Operation
from ondol.ports.tools import Tools

if TYPE_CHECKING:
    import sqlalchemy as sa

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


Call = tuple[Operation, msgspec.Struct, str]
"""An operation that writes and takes no time of its own, its request, and who asks."""


ACTORS_KEPT = 200
"""Making tools for an actor costs a little; keeping them for everybody that ever called costs memory for ever."""


class House:
    """Everything of one home, wired together. Thread-safe."""

    def __init__(self, config: Config, tools: Tools) -> None:
        self.config = config
        self.listeners: list[Callable[[Operation, bool], None]] = []
        """Called after each writing operation of this process, with whether it stated events that somebody
        answers, so that nobody need poll for what we do ourselves."""
        self._tools = tools
        self._tools_of: dict[str, Tools] = {}

    def tools(self, actor: str = "house") -> Tools:
        """Tools without a transaction."""
        known = self._tools_of.get(actor)
        if known is None:
            if len(self._tools_of) >= ACTORS_KEPT:
                self._tools_of.clear()
            known = self._tools_of[actor] = replace(self._tools, actor=actor)
        return known

    def call(self, which: str | Callable[..., Any] | Operation, request: Any = None, *, actor: str = "house") -> Any:
        """Run an operation in a transaction of its own and give its record.

        `which` is an operation, its name, or its function; `request` its struct or a
        dict of the fields. `Invalid` names what is wrong with the fields.
        """
        found = operation_of(which)
        stated = _stated.count
        if not isinstance(request, found.request):
            request = to_request(found, request or {})
        if found.long:
            result = found.function(self.tools(actor), request)
            if found.audited:
                with self.tools(actor).transaction(write=True) as inner:
                    _audit(inner, found, request)
        else:
            with self.tools(actor).transaction(write=found.writes) as inner:
                result = found.function(inner, request)
                if found.audited:
                    _audit(inner, found, request)
        if found.writes:
            for listen in self.listeners:
                listen(found, _stated.count != stated)
        return result

    def call_together(self, calls: Sequence[Call]) -> list[Any]:
        """Run writing operations of several callers in one transaction: a commit costs more than most of them do.

        The answer to each is its record, or the exception that it raised. When one raises, nothing of the common
        transaction stays, and each is run again by itself.
        """
        stated = _stated.count
        try:
            with self.tools(calls[0][2]).transaction(write=True) as inner:
                results = []
                for found, request, actor in calls:
                    tools = inner if actor == inner.actor else replace(inner, actor=actor)
                    results.append(found.function(tools, request))
        except Exception as error:
            return [error] if len(calls) == 1 else [self._answer(*one) for one in calls]
        for found in {found.name: found for found, _, _ in calls}.values():
            for listen in self.listeners:
                listen(found, _stated.count != stated)
        return results

    def _answer(self, found: Operation, request: msgspec.Struct, actor: str) -> Any:
        try:
            return self.call(found, request, actor=actor)
        except Exception as error:
            return error

    def close(self) -> None:
        tools = self._tools
        tools.executor.close()
        tools.online.close()
        tools.db.close()


def _audit(tools: Tools, found: Operation, request: msgspec.Struct) -> None:
    subject = next(iter(found.path_fields), None) or request.__struct_fields__[0]
    value = getattr(request, subject)
    access.record_audit(tools, tools.actor, found.name, str(getattr(value, "name", value)))


def operation_of(which: str | Callable[..., Any] | Operation) -> Operation:
    if isinstance(which, Operation):
        return which
    name = which if isinstance(which, str) else which.__ondol_operation__["name"]  # type: ignore[attr-defined]
    if found := catalog.OPERATIONS.get(name):
        return found
    raise NotFound(f"There is no operation {name!r}.", hint="ondol --help lists them.")


def to_request(found: Operation, fields: dict[str, Any]) -> msgspec.Struct:
    try:
        return msgspec.convert(fields, found.request, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"{found.name}: {error}") from error


def open_house(config: Config) -> House:
    """Open (and if need be create) the home that `config` describes.

    Any number of processes may have one home open; only those that serve deliver events.
    """
    structs.prepare()
    home = config.home_path
    home.mkdir(parents=True, exist_ok=True)
    (home / "logs").mkdir(exist_ok=True)
    tools = Tools(
        config=config,
        clock=_clock(config, home),
        db=_db(config, home),
        blobs=_blobs(config, home),
        tables=_tables(config, home),
        online=_online(config, home),
        executor=_executor(config),
        notify=_notify(config),
        lineage_sink=_lineage_sink(config),
        courier=_courier(config),
        runtimes=_runtimes(),
        sql=_sql(),
        training_engine=_training_engine(config, home),
        outbox=_store_event,
        sources=_sources(),
    )
    return House(config, tools)


class _Stated(threading.local):
    """How many events that somebody answers this thread has stated."""

    count = 0


_stated = _Stated()


def _store_event(connection: sa.Connection, event: Event, at: datetime) -> None:
    from ondol.events import repo

    answers = catalog.answers_to(type(event))
    if answers:
        _stated.count += 1
    repo.insert_event(connection, event, at, answers, SystemClock().now())


def _clock(config: Config, home: Path) -> Clock:
    file = home / "clock"
    if config.clock or file.exists():
        return ReplayClock(file, parse_moment(config.clock) if config.clock else None)
    return SystemClock()


def _db(config: Config, home: Path) -> Db:
    import_schema()
    db: Db
    if config.database.startswith(("postgres://", "postgresql://", "postgresql+psycopg://")):
        from ondol.adapters.postgres import PostgresDb

        db = PostgresDb(config.database)
    elif not config.database:
        from ondol.adapters.sqlite import SqliteDb

        db = SqliteDb(home / "ondol.db")
    else:
        raise Invalid(f"database = {config.database!r} is not an address we know.", hint="postgresql://user@host/name")
    db.prepare()
    return db


def import_schema() -> None:
    """Load the repo of every room, so that `metadata` knows all tables."""
    for module, *_rest in catalog.ROOMS:
        room = module.__name__.rpartition(".")[0]
        if importlib.util.find_spec(f"{room}.repo"):
            importlib.import_module(f"{room}.repo")
    importlib.import_module("ondol.lineage.repo")


def _blobs(config: Config, home: Path) -> Blobs:
    from ondol.adapters.blobs import ObjectBlobs

    return ObjectBlobs(config.artifacts or str(home / "artifacts"))


def _tables(config: Config, home: Path) -> Tables:
    def make() -> Tables:
        from ondol.adapters.delta import DeltaTables

        base, mark, query = config.artifacts.partition("?")
        return DeltaTables(f"{base.rstrip('/')}/lake{mark}{query}" if base else str(home / "lake"))

    # Polars and delta-rs are a third of what a house loads; one that only tracks runs never asks for them.
    tables: Tables = late(make)
    return tables


def _online(config: Config, home: Path) -> Online:
    kind, _, place = config.online.partition("://")
    if kind in ("", "sqlite"):
        from ondol.adapters.online_sqlite import SqliteOnline

        return SqliteOnline(place or home / "online.db")
    if kind == "lmdb":
        from ondol.adapters.online_lmdb import LmdbOnline

        return LmdbOnline(place or home / "online.lmdb")
    if kind in ("redis", "rediss", "unix"):
        from ondol.adapters.online_redis import RedisOnline

        return RedisOnline(config.online)
    raise Invalid(
        f"online = {config.online!r} is not an address we know.",
        hint='"sqlite" (as without one), "lmdb", "redis://host:6379/0?prefix=name", or lmdb:///folder.',
    )


def _executor(config: Config) -> Executor:
    if config.executor != "process":
        raise Invalid(f"executor = {config.executor!r} is not one we know.", hint='executor = "process"')
    from ondol.adapters.process import ProcessExecutor

    return ProcessExecutor(warm_seconds=config.warm_runner_minutes * 60)


def _notify(config: Config) -> Notify:
    if config.notify_url:
        from ondol.adapters.notify_webhook import WebhookNotify

        return WebhookNotify(config.notify_url)
    from ondol.adapters.notify_log import LogNotify

    return LogNotify()


def _sources() -> Sources:
    def make() -> Sources:
        from ondol.adapters.sources import OutsideSources

        return OutsideSources()

    sources: Sources = late(make)
    return sources


def _lineage_sink(config: Config) -> LineageSink | None:
    if not config.openlineage_url:
        return None
    from ondol.adapters.openlineage_http import HttpLineageSink

    return HttpLineageSink(config.openlineage_url)


def _courier(config: Config) -> Courier:
    def make() -> Courier:
        from ondol.adapters.courier_http import HttpCourier, networks

        alone = config.host in ("127.0.0.1", "::1", "localhost")
        return HttpCourier(networks(config.webhook_networks or ("127.0.0.0/8 ::1/128" if alone else "")))

    courier: Courier = late(make)
    return courier


def _sql() -> SqlEngine | None:
    """DuckDB where the extra `sql` is installed; without it Polars answers."""
    if not importlib.util.find_spec("duckdb"):
        return None

    def make() -> SqlEngine:
        from ondol.adapters.duckdb_sql import DuckdbSql

        return DuckdbSql()

    engine: SqlEngine = late(make)
    return engine


def _training_engine(config: Config, home: Path) -> TrainingEngine | None:
    if not config.training_engine:
        return None
    if config.training_engine.partition("?")[0] == "duckdb":
        if not importlib.util.find_spec("duckdb"):
            raise Unavailable("training_engine = duckdb needs DuckDB.", hint="pip install 'ondol[sql]'")
        from ondol.adapters.duckdb_training import DuckdbEngine

        return DuckdbEngine(config.training_engine.partition("?")[2], home / "engine")
    from ondol.adapters.spark import SparkEngine

    return SparkEngine(config.training_engine, home / "engine")


def _runtimes() -> tuple[Runtime, ...]:
    from ondol.adapters.runtimes.lightgbm import LightgbmRuntime
    from ondol.adapters.runtimes.pickled import PickleRuntime
    from ondol.adapters.runtimes.sklearn import SklearnRuntime

    # LGBMClassifier is a scikit-learn model too; its native format comes first.
    return (LightgbmRuntime(), SklearnRuntime(), PickleRuntime())
