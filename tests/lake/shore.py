"""A lake of its own for a test: SQLite, Delta and files in a temporary folder, time that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ondol.evals.repo
import ondol.features.repo
import ondol.lake.repo
import ondol.lineage.repo
import ondol.registry.repo  # noqa: F401
from ondol.adapters.blobs import ObjectBlobs
from ondol.adapters.delta import DeltaTables
from ondol.adapters.sources import OutsideSources
from ondol.adapters.sqlite import SqliteDb
from ondol.kernel.clock import ReplayClock
from ondol.kernel.config import Config
from ondol.lake import service
from ondol.lake.types import AppendBatch, DatasetSpec, DeclareDataset, Rule
from ondol.ports.db import Db
from ondol.ports.tools import Tools

START = datetime(2013, 1, 3, tzinfo=UTC)

FLIGHTS = DatasetSpec(
    name="flights",
    columns={
        "flight_id": "string",
        "departs_at": "timestamp",
        "carrier": "string",
        "distance": "integer",
        "arrival_delay": "double",
    },
    key=["flight_id"],
    time="departs_at",
    partition="day",
    where="arrival_delay is not null",
    contract=[Rule(kind="between", column="distance", low=1, high=6000), Rule(kind="fresh", within="2d")],
)


class Lake:
    """Tools over the real adapters, and the events they stored."""

    def __init__(self, home: Path, db: Db | None = None) -> None:
        home.mkdir(exist_ok=True)
        self.events: list[Any] = []
        self.clock = ReplayClock(home / "clock", START)
        db = db or SqliteDb(home / "ondol.db")
        db.prepare()
        self.tools = Tools(
            config=Config(home=str(home)),
            clock=self.clock,
            db=db,
            blobs=ObjectBlobs(str(home / "artifacts")),
            tables=DeltaTables(str(home / "lake")),
            online=None,  # type: ignore[arg-type]
            executor=None,  # type: ignore[arg-type]
            notify=None,  # type: ignore[arg-type]
            runtimes=(),
            outbox=lambda connection, event, at: self.events.append(event),
            sources=OutsideSources(),
        )

    def call(self, function: Any, request: Any) -> Any:
        how = function.__ondol_operation__
        if how["long"]:
            return function(self.tools, request)
        with self.tools.transaction(write=how["method"] != "GET") as inner:
            return function(inner, request)

    def declare(self, spec: DatasetSpec = FLIGHTS, root: str = "") -> None:
        self.call(service.declare_dataset, DeclareDataset(spec=spec, root=root))

    def append(self, key: str, rows: list[dict[str, Any]], dataset: str = "flights") -> Any:
        return self.call(service.append_batch, AppendBatch(dataset=dataset, key=key, rows=rows))

    def silver(self, dataset: str = "flights") -> list[dict[str, Any]]:
        return service.scan(self.tools, dataset).collect().to_dicts()

    def close(self) -> None:
        self.tools.db.close()


def flight(number: int, **changes: Any) -> dict[str, Any]:
    moment = datetime(2013, 1, 2, 5, tzinfo=UTC) + timedelta(minutes=number)
    row = {
        "flight_id": f"f{number}",
        "departs_at": moment.isoformat().replace("+00:00", "Z"),
        "carrier": "UA",
        "distance": 100 + number % 5000,
        "arrival_delay": float(number % 30),
    }
    return row | changes


def flights(start: int, stop: int) -> list[dict[str, Any]]:
    return [flight(number) for number in range(start, stop)]
