"""A small house with something in every room: the project of `ondol new`, trained, served and asked."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from ondol.demo.server import DemoServer, fresh_home
from ondol.doors.client import Client
from ondol.kernel.errors import Refused
from ondol.pipelines.types import PipelineRun
from ondol.sdk.project_file import read_project
from ondol.sdk.template import new_project

CARELESS = """

@od.pipeline
def careless():
    rows = od.training_set(inputs)
    model = train(rows.with_columns(pl.col("label").shuffle(seed=1)))
    od.deploy(od.candidate("returns", model), to="returns", past_the_gate=True)
"""
LIMIT_SECONDS = 60


class Shop:
    """`url` is where it is served; `things` are the ids of what has a page of its own, by kind."""

    def __init__(self, folder: Path) -> None:
        self._project = folder / "shop"
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._server = DemoServer(fresh_home(folder / "home"), 0, self._now.isoformat())
        self.url = self._server.url
        self.client = Client(self.url, timeout=LIMIT_SECONDS)
        self.things: dict[str, str] = {}
        self.run = self.refused = ""

    def open(self) -> None:
        self._server.start()
        self._apply()
        first = self.train("training")
        self.run = first.id
        self.train("careless")
        orders = self._orders(60)
        for start in range(0, len(orders), 5):
            self._ask(orders[start : start + 5])
        self._wait_for(lambda: self.client.call("requests.list", endpoint="returns"))
        self._deliver(orders)
        self.client.call("clock.set", now=self._now + timedelta(days=2))
        self._wait_for(lambda: self.client.call("clock.get").quiet)
        self.things = {
            "run": self.run,
            "refused": self.refused,
            "canary": self.client.call("canary.list")[0].id,
            "request": self.client.call("requests.list", endpoint="returns")[0].id,
            "check": self.client.call("drift.check", endpoint="returns").id,
            "table": quote("table:silver/orders@0", safe=""),
            **{kind: str(first.results[kind]) for kind in ("version", "training_set", "comparison")},
        }

    def close(self) -> None:
        self.client.__exit__(None, None, None)
        self._server.stop()

    def train(self, pipeline: str) -> PipelineRun:
        """Run a pipeline to its end, and all that follows from it."""
        run = self.client.call("pipelines.run", pipeline=pipeline, reason="a test of the pages").id
        self._wait_for(lambda: self.client.call("pipeline_runs.get", run=run).ended_at)
        self._wait_for(lambda: self.client.call("clock.get").quiet)
        ended: PipelineRun = self.client.call("pipeline_runs.get", run=run)
        assert ended.status == "finished", ended.error
        return ended

    def refuse(self, key: str) -> str:
        """Deliver a batch that breaks the contract; its id."""
        bad = [order | {"price": -5.0, "known_at": order["placed_at"]} for order in self._orders(3)]
        try:
            self.client.call("datasets.append", dataset="orders", key=key, rows=bad)
        except Refused:
            return str(self.client.call("batches.list", dataset="orders", status="quarantined")[0].id)
        raise AssertionError("the bad batch was taken")

    def _apply(self) -> None:
        new_project(self._project)
        with (self._project / "project.py").open("a") as file:
            file.write(CARELESS)
        found = read_project(self._project)
        self.client.call("project.apply", **{name: getattr(found, name) for name in found.__struct_fields__})

    def _orders(self, count: int) -> list[dict[str, Any]]:
        dice = random.Random(count)
        return [
            {
                "order_id": f"n{number:04}",
                "customer": f"c{dice.randrange(200):03}",
                "category": dice.choice(["books", "shoes"]),
                "price": round(dice.uniform(5, 90), 2),
                "placed_at": f"{self._now:%Y-%m-%dT%H:%M:%SZ}",
                "returned": number % 3 == 0,
            }
            for number in range(count)
        ]

    def _ask(self, orders: list[dict[str, Any]]) -> None:
        kinds = {"order_id": "BYTES", "customer": "BYTES", "category": "BYTES", "price": "FP64", "placed_at": "BYTES"}
        inputs = [
            {"name": name, "shape": [len(orders)], "datatype": kind, "data": [order[name] for order in orders]}
            for name, kind in kinds.items()
        ]
        self.client.request("POST", "/v2/models/returns/infer", content=msgspec.json.encode({"inputs": inputs}))

    def _deliver(self, orders: list[dict[str, Any]]) -> None:
        known = f"{self._now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
        rows = [order | {"returned": int(order["returned"]), "known_at": known} for order in orders]
        self.client.call("datasets.append", dataset="orders", key="the orders asked about", rows=rows)
        self.refused = self.refuse("a bad batch")

    @staticmethod
    def _wait_for(found: Any) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while not found():
            assert time.monotonic() < deadline, "the house took too long"
            time.sleep(0.05)
