"""A kind of model that needs no library: a logistic regression as a JSON file of weights."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

from ondol.registry import service
from ondol.registry.types import About, DeclareModel, ModelSpec, RegisterVersion


@dataclass(frozen=True)
class Weights:
    weights: dict[str, float]
    bias: float = 0.0

    @property
    def features(self):
        return list(self.weights)

    def predict(self, rows):
        sums = [self.bias] * rows.height
        for name, weight in self.weights.items():
            sums = [total + weight * value for total, value in zip(sums, rows[name], strict=True)]
        return [1 / (1 + math.exp(-total)) for total in sums]


class WeightsRuntime:
    flavor = "weights"

    def recognises(self, model: Any) -> bool:
        return isinstance(model, Weights)

    def dump(self, model):
        return {"weights.json": json.dumps({"weights": model.weights, "bias": model.bias}).encode()}

    def signature(self, model):
        importance = {name: abs(weight) for name, weight in model.weights.items()}
        return {"features": model.features, "parameters": {}, "importance": importance}

    def load(self, files):
        return Weights(**json.loads(files["weights.json"]))


def with_weights(tools):
    return replace(tools, runtimes=(*tools.runtimes, WeightsRuntime()))


def declare(house, name="flight-delay", **fields):
    return house.call(service.declare_model, DeclareModel(spec=ModelSpec(name=name, **fields)))


def pack(house, model, label="arrival_delay > 15", name="", files=None):
    tools = with_weights(house.tools())
    about = About(label=label, service="flight_inputs", service_hash="0123456789abcdef", files=files or {})
    return service.write_package(tools, f"models/{name or tools.new_id('pk')}", model, about)


def registration(package, key, model="flight-delay", **fields):
    return RegisterVersion(
        model=model,
        key=key,
        flavor=package.manifest.flavor,
        package=package.folder,
        files=package.files,
        features=package.manifest.features,
        signature=package.manifest.signature,
        service=package.manifest.service,
        service_hash=package.manifest.service_hash,
        label=package.manifest.label,
        **fields,
    )


def register(house, weights, key, *, label="arrival_delay > 15", files=None, **fields):
    """A registered version of `flight-delay` with these weights."""
    package = pack(house, Weights(weights), label, files=files)
    return house.call(service.register_version, registration(package, key, **fields))
