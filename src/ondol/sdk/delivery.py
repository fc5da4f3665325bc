"""Models with their gates, endpoints with their rollout, monitors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from ondol.monitoring.types import MonitorSpec
from ondol.registry.types import GateRule, ModelSpec
from ondol.sdk.collector import build, declare
from ondol.sdk.data import Dataset
from ondol.sdk.features import Service
from ondol.sdk.steps import Pipeline
from ondol.serving.types import EndpointSpec


@dataclass(frozen=True, slots=True)
class Model:
    spec: ModelSpec

    @property
    def name(self) -> str:
        return self.spec.name


@dataclass(frozen=True, slots=True)
class Endpoint:
    spec: EndpointSpec

    @property
    def name(self) -> str:
        return self.spec.name


class ModelOptions(TypedDict, total=False):
    gate: list[GateRule]
    description: str
    owner: str
    intended_use: str
    limits: str
    approval: bool


class EndpointOptions(TypedDict, total=False):
    capture: float
    rollout: list[str]
    rollback_if: list[str]
    description: str
    owner: str


class MonitorOptions(TypedDict, total=False):
    every: str
    window: str
    cooldown: str
    psi_limit: float
    drift_features: int
    quality_margin: float
    minimum_rows: int
    strikes: int
    skew_limit: float


def model(name: str, *, trained_by: Pipeline | None = None, **options: Unpack[ModelOptions]) -> Model:
    """A model: the pipeline that trains it, the gate its candidates must pass, and the words for its card."""
    fields: dict[str, Any] = {"name": name, "pipeline": trained_by.name if trained_by else "", **options}
    spec = build(ModelSpec, f"model {name!r}", fields)
    declare("models", name, spec)
    return Model(spec)


def at_least(metric: str, value: float) -> GateRule:
    """The candidate's metric is `value` or more."""
    return GateRule(kind="at_least", metric=metric, value=value)


def no_worse(metric: str, *, margin: float = 0.0) -> GateRule:
    """The candidate's metric is the champion's minus `margin`, or more."""
    return GateRule(kind="no_worse", metric=metric, value=margin)


def better(metric: str, *, p: float = 0.05) -> GateRule:
    """The candidate is better than the champion, and chance explains that with a probability below `p`."""
    return GateRule(kind="better", metric=metric, value=p)


def endpoint(name: str, *, model: Model, features: Service, **options: Unpack[EndpointOptions]) -> Endpoint:
    """An address that answers with a model, and the stages by which a new version gets the traffic."""
    fields: dict[str, Any] = {"name": name, "model": model.name, "service": features.name, **options}
    spec = build(EndpointSpec, f"endpoint {name!r}", fields)
    declare("endpoints", name, spec)
    return Endpoint(spec)


def monitor(
    live: Endpoint, *, labels: Dataset, on_drift: Pipeline | None = None, **options: Unpack[MonitorOptions]
) -> None:
    """Watch an endpoint; an alarm starts the pipeline `on_drift`, at most once in `cooldown`."""
    fields: dict[str, Any] = {
        "endpoint": live.name,
        "labels": labels.name,
        "on_drift": on_drift.name if on_drift else "",
        **options,
    }
    declare("monitors", live.name, build(MonitorSpec, f"the monitor of {live.name!r}", fields))
