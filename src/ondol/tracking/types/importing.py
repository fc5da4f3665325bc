"""What another tracker has kept, as it is taken over."""

from __future__ import annotations

from typing import Literal

import msgspec

from ondol.tracking.types import DatasetInput, Point, RunStatus


class ImportRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as another tracker kept it: with its own id, moments in milliseconds, parameters as texts.

    Sent again it changes nothing; a long history comes in several calls.
    """

    run: str
    experiment: str
    """The name of the experiment, which is made when there is none."""
    started_ms: int
    name: str = ""
    status: RunStatus = "finished"
    person: str = ""
    ended_ms: int | None = None
    deleted_ms: int | None = None
    tags: dict[str, str] = {}
    params: dict[str, str] = {}
    points: list[Point] = []
    datasets: list[DatasetInput] = []


class ImportedRun(msgspec.Struct, frozen=True, kw_only=True):
    """What the house holds of the run now, to compare with what the other tracker has."""

    run: str
    experiment_id: str
    params: int
    tags: int
    metrics: int
    points: int


class ImportLoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A logged model as another tracker kept it, with its own id. Sent again it changes nothing."""

    model: str
    experiment: str
    """The name of the experiment, which is made when there is none."""
    name: str
    created_ms: int
    kind: str = ""
    status: Literal["PENDING", "READY", "FAILED"] = "READY"
    source_run: str = ""
    deleted_ms: int | None = None
    params: dict[str, str] = {}
    tags: dict[str, str] = {}


class ImportedLoggedModel(msgspec.Struct, frozen=True, kw_only=True):
    model: str
    experiment_id: str


class ImportTrace(msgspec.Struct, frozen=True, kw_only=True):
    """The spans of a trace that is here already: the text of a `traces.json`, as MLflow's clients file them."""

    trace: str
    spans: str


class ImportedTrace(msgspec.Struct, frozen=True, kw_only=True):
    trace: str
    spans: int
