"""The project file as data: what it declares, what applying it would change."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ondol.features.types import ServiceSpec, ViewSpec
from ondol.kernel.event import Event
from ondol.lake.types import DatasetSpec
from ondol.monitoring.types import MonitorSpec
from ondol.pipelines.types import PipelineSpec
from ondol.registry.types import ModelSpec
from ondol.serving.types import EndpointSpec


class Declarations(msgspec.Struct, frozen=True, kw_only=True):
    """All that a project file declares, in the order in which it must be applied."""

    datasets: list[DatasetSpec] = []
    views: list[ViewSpec] = []
    services: list[ServiceSpec] = []
    pipelines: list[PipelineSpec] = []
    models: list[ModelSpec] = []
    endpoints: list[EndpointSpec] = []
    monitors: list[MonitorSpec] = []


class PlanProject(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    root: str
    """The project's folder: sources are relative to it."""
    files: dict[str, str]
    """The project's code: relative path -> text. Steps run this copy, not what lies on the disk later."""
    entry: str
    """Which of the files is the project file."""
    declarations: Declarations
    commit: str = ""
    take_over: bool = False
    """Also change what another project declares, and own it from then on."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A project's code as it lies among the blobs, below its hash."""

    version: int = 1
    name: str
    entry: str
    files: dict[str, str]


class ApplyProject(PlanProject, frozen=True, kw_only=True):
    pass


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    field: str
    before: Any
    after: Any


class Change(msgspec.Struct, frozen=True, kw_only=True):
    action: Literal["create", "change", "keep"]
    kind: str
    """dataset, feature view, feature service, pipeline, model, endpoint, monitor, code"""
    name: str
    differences: list[Difference] = []


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    project: str
    code: str
    changes: list[Change]
    undeclared: list[str] = []
    """Things of this project (or of none) that run but are in its file no more; applying leaves them alone."""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    root: str
    code: str
    entry: str
    commit: str
    declarations: Declarations
    applied_at: datetime
    applied_by: str


class GetProject(msgspec.Struct, frozen=True, kw_only=True):
    """`name`: the one that was applied last when it is empty."""

    name: str = ""


class ListProjects(msgspec.Struct, frozen=True, kw_only=True):
    pass


class ListOwners(msgspec.Struct, frozen=True, kw_only=True):
    pass


class OwnedThing(msgspec.Struct, frozen=True, kw_only=True):
    """A thing (`dataset`, `feature view`, `feature service`, `pipeline`, `model`, `endpoint`, `monitor`) and the
    project that declares it."""

    kind: str
    name: str
    project: str


class ProjectApplied(Event, frozen=True, kw_only=True):
    """The subject is the project."""

    code: str
    changes: int
