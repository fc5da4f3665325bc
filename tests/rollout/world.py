"""A small world whose truth is known: rows whose label depends on `x` and `y`, models that know it or do not."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from typing import Any

import lightgbm
import msgspec
import numpy as np

from ondol import heartbeat
from ondol.evals import service as evals
from ondol.features import service as features
from ondol.features.types import Feature, RowFeatures, ServiceSpec
from ondol.home import House
from ondol.lake.types import DatasetSpec
from ondol.registry import service as registry
from ondol.registry.types import About, GateRule, ModelSpec, Version
from ondol.serving.plane.plane import Plane
from ondol.serving.types import EndpointSpec

ENDPOINT = "hits"
LABEL_DELAY = timedelta(hours=2)
_PARAMS = dict(objective="binary", num_leaves=7, min_data_in_leaf=20, verbosity=-1, num_threads=1, deterministic=True)


def truth(x: float, y: float, turned: bool = False) -> float:
    """The probability of a hit; `turned`: the world in which `y` means the opposite."""
    return 1 / (1 + math.exp(1.0 - 1.5 * x - (-1.5 if turned else 1.5) * y))


def _as_json(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return msgspec.to_builtins(rows)


class World:
    """An endpoint `hits` with its dataset, service and model in an open house, driven day by day."""

    def __init__(self, house: House, seed: int = 1) -> None:
        self.house = house
        self.random = random.Random(seed)
        self.plane = Plane(house.tools())
        self.day = 0

    def build(self, rollout: list[str] | None = None, rollback_if: list[str] | None = None) -> World:
        columns = {"id": "string", "seen_at": "timestamp", "known_at": "timestamp", "x": "double", "y": "double"}
        dataset = DatasetSpec(
            name="hits", columns={**columns, "hit": "integer"}, key=["id"], time="seen_at", known_at="known_at"
        )
        given = RowFeatures(
            name="given",
            columns={"x": "double", "y": "double"},
            features=[Feature(name="fx", expression="x"), Feature(name="fy", expression="y")],
        )
        self.service = ServiceSpec(
            name="hit_inputs", dataset="hits", key="id", time="seen_at", label="hit > 0", views=[], row_features=[given]
        )
        model = ModelSpec(name="hits", gate=[GateRule(kind="better", metric="auc", value=0.05)])
        endpoint = EndpointSpec(
            name=ENDPOINT,
            model="hits",
            service="hit_inputs",
            rollout=rollout or ["10% for 6d", "100%"],
            rollback_if=["error_rate > 1%", "auc worse than champion"] if rollback_if is None else rollback_if,
        )
        self.house.call("datasets.declare", {"spec": dataset})
        self.house.call("services.declare", {"spec": self.service})
        self.house.call("models.declare", {"spec": model})
        self.house.call("endpoints.declare", {"spec": endpoint})
        return self

    def rows(self, count: int, turned: bool = False, shift: float = 0.0) -> list[dict[str, Any]]:
        """Rows of this day, with the label that they will turn out to have."""
        found, now = [], self.now()
        for _ in range(count):
            x, y = self.random.gauss(shift, 1), self.random.gauss(0, 1)
            hit = int(self.random.random() < truth(x, y, turned))
            name = f"row{self.random.getrandbits(60):x}"
            at = now - timedelta(seconds=self.random.randint(60, 3600))
            found.append({"id": name, "seen_at": at, "known_at": at + LABEL_DELAY, "x": x, "y": y, "hit": hit})
        return found

    def now(self) -> datetime:
        return self.house.tools().now()

    def land(self, rows: list[dict[str, Any]]) -> None:
        texts = [
            {name: str(value) if isinstance(value, datetime) else value for name, value in row.items()} for row in rows
        ]
        batch = self.house.call("datasets.append", {"dataset": "hits", "key": rows[0]["id"], "rows": texts})
        assert batch.status == "landed", batch.violations

    def train(self, knows: str = "all", rows: int = 3000, turned: bool = False, seed: int = 0) -> Version:
        """A registered version: it `knows` `all`, `x` alone, `nothing` (shuffled labels) or `the opposite`."""
        learned = self.rows(rows, turned)
        matrix = np.array([[row["x"], row["y"] if knows != "x" else 0.0] for row in learned])
        labels = np.array([float(row["hit"]) for row in learned])
        if knows == "nothing":
            np.random.default_rng(0).shuffle(labels)
        if knows == "the opposite":
            labels = 1 - labels
        data = lightgbm.Dataset(matrix, labels, feature_name=["fx", "fy"])
        booster = lightgbm.train({**_PARAMS, "seed": seed}, data, 40)
        return self.register(booster, auc=0.8)

    def learn(self, rows: int = 3000, turned: bool = False) -> Version:
        """A version trained on a training set of the house, and measured on its newest third."""
        history = self.rows(rows, turned)
        self.land(history)
        self.pass_time(2 * LABEL_DELAY)
        made = self.house.call("training_sets.build", {"service": "hit_inputs"})
        frame = features.training_frame(self.house.tools(), made)
        old, new = frame.head(frame.height * 2 // 3), frame.tail(frame.height // 3)
        data = lightgbm.Dataset(old.select("fx", "fy").to_numpy(), old["label"].to_numpy(), feature_name=["fx", "fy"])
        booster = lightgbm.train(_PARAMS, data, 40)
        auc = evals.auc_or_none(new["label"], booster.predict(new.select("fx", "fy").to_numpy()).tolist())
        return self.register(booster, auc=auc, training_set=made.id)

    def register(self, booster: lightgbm.Booster, label: str = "hit > 0", **facts: Any) -> Version:
        tools = self.house.tools()
        key = tools.new_id("key")
        about = About(label=label, service="hit_inputs")
        package = registry.write_package(tools, f"models/hits/{key}", booster, about)
        request = {
            "model": "hits",
            "key": key,
            "flavor": "lightgbm",
            "package": package.folder,
            "files": package.files,
            "label": label,
            "service": "hit_inputs",
            "features": package.manifest.features,
            "signature": package.manifest.signature,
            "metrics": {"auc": facts.get("auc", 0.8)},
            "training_set": facts.get("training_set", ""),
        }
        return self.house.call("versions.register", request)

    def start(self, version: Version, key: str = "") -> Any:
        canary = self.house.call("canary.start", {"endpoint": ENDPOINT, "version": version.id, "key": key})
        heartbeat.settle(self.house)
        return canary

    def ask(self, rows: list[dict[str, Any]], size: int = 30) -> None:
        """Send rows through the data plane, `size` a request, and log them."""
        self.plane.refresh()
        for start in range(0, len(rows), size):
            part = _as_json(rows[start : start + size])
            self.plane.infer(ENDPOINT, {name: [row[name] for row in part] for name in ("id", "seen_at", "x", "y")})
        self.plane.flush()

    def live_a_day(self, count: int = 600, turned: bool = False, shift: float = 0.0) -> None:
        """Rows are asked about, their labels land, a day passes, and the house does what is due."""
        rows = self.rows(count, turned, shift)
        self.ask(rows)
        self.land(rows)
        self.pass_time(timedelta(days=1))

    def relabel(self, label: str) -> None:
        self.house.call("services.declare", {"spec": msgspec.structs.replace(self.service, label=label)})

    def pass_time(self, time: timedelta) -> None:
        self.house.call("clock.set", {"now": self.now() + time})
        heartbeat.settle(self.house)

    def endpoint(self) -> Any:
        return self.house.call("endpoints.get", {"endpoint": ENDPOINT})

    def shares(self) -> dict[int, float]:
        return {route.number: route.share for route in self.endpoint().traffic}

    def champion(self) -> int:
        """Whom the registry calls champion."""
        return self.house.call("models.get", {"model": "hits"}).aliases.get("champion", 0)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [event.payload for event in self.house.call("events.list", {"name": name, "limit": 1000})]

    def dead(self) -> list[Any]:
        return self.house.call("events.dead")
