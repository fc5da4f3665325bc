"""Models and their versions: everything needed to answer for one, and to build it again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from ondol.kernel.event import Event
from ondol.registry.types.evidence import PickleConsent, VersionEvidence


class GateRule(msgspec.Struct, frozen=True, kw_only=True):
    """`at_least`: metric >= value. `no_worse`: candidate >= champion - value.
    `better`: better than the champion with a one-sided p-value below `value`."""

    kind: Literal["at_least", "no_worse", "better"]
    metric: str
    value: float


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    pipeline: str = ""
    gate: list[GateRule] = []
    description: str = ""
    owner: str = ""
    intended_use: str = ""
    limits: str = ""
    approval: bool = False
    """A version must be approved in a review before it may become champion or answer requests."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """Immutable but for its notes: `description`, `tags` and `stage`.

    `package` is the folder of its files among the blobs, `files` their SHA-256. Both are empty for a model
    whose files lie elsewhere, at `source`, and `files` alone once they have been pruned.
    """

    id: str
    model: str
    number: int
    created_at: datetime
    created_by: str
    flavor: str
    package: str
    files: dict[str, str]
    run: str = ""
    training_set: str = ""
    service: str = ""
    """The feature service it reads, and the hash of its definition."""
    service_hash: str = ""
    label: str = ""
    features: list[str] = []
    params: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    signature: dict[str, Any] = {}
    tables: dict[str, int] = {}
    """Every table version it was made from."""
    code: str = ""
    """Hash of the project's code, and the git commit where there is one."""
    commit: str = ""
    environment: dict[str, str] = {}
    """Python, the platform and the version of each package that was loaded."""
    tags: dict[str, str] = {}
    card: str = ""
    """Markdown."""
    evidence: VersionEvidence = VersionEvidence()
    seal: str = ""
    """`KEY:HMAC` over its id, number and files, made with a key of the house."""
    consent: PickleConsent | None = None
    """Only of a model that is a pickle, once somebody has answered for it."""
    source: str = ""
    location: str = ""
    """Where `source` was found to be when it was linked."""
    run_link: str = ""
    description: str = ""
    stage: str = "None"
    updated_at: datetime | None = None
    pruned_at: datetime | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    spec: ModelSpec
    aliases: dict[str, int]
    versions: int
    updated_at: datetime
    created_at: datetime
    tags: dict[str, str] = {}


class AliasSpan(msgspec.Struct, frozen=True, kw_only=True):
    """Who answered to an alias, from when to when, who put it there, on what evidence."""

    alias: str
    version: str
    number: int
    since: datetime
    until: datetime | None
    by: str
    reason: str
    evidence: str = ""
    """The id of a comparison or canary."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a package says of itself in its `ondol.json`, in the newest format."""

    format: int
    flavor: str
    features: list[str]
    label: str = ""
    service: str = ""
    service_hash: str = ""
    signature: dict[str, Any] = {}


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a model object does not know of itself when it is packed."""

    label: str = ""
    service: str = ""
    service_hash: str = ""
    run: str = ""
    environment: dict[str, str] = {}
    files: dict[str, bytes] = {}
    """More files for the package: code, definitions, plots."""


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """Files of a model among the blobs, as `RegisterVersion` wants to hear of them. `files`: name to SHA-256."""

    folder: str
    files: dict[str, str]
    manifest: Manifest


class DeclareModel(msgspec.Struct, frozen=True, kw_only=True):
    """`new`: a model that exists already is a `Conflict`."""

    spec: ModelSpec
    new: bool = False
    tags: dict[str, str] = {}


class RegisterVersion(msgspec.Struct, frozen=True, kw_only=True):
    """`files` were put among the blobs below `package` before. The same `key` registers once.

    Features, label, service and signature that are not given are those of the package.
    """

    model: str
    key: str
    flavor: str
    package: str
    files: dict[str, str]
    run: str = ""
    training_set: str = ""
    service: str = ""
    service_hash: str = ""
    label: str = ""
    features: list[str] = []
    params: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    signature: dict[str, Any] = {}
    tables: dict[str, int] = {}
    code: str = ""
    commit: str = ""
    environment: dict[str, str] = {}
    tags: dict[str, str] = {}
    description: str = ""
    evidence: VersionEvidence = VersionEvidence()


class GetModel(msgspec.Struct, frozen=True, kw_only=True):
    model: str


class ListModels(msgspec.Struct, frozen=True, kw_only=True):
    pass


class ListVersions(msgspec.Struct, frozen=True, kw_only=True):
    model: str


class GetVersion(msgspec.Struct, frozen=True, kw_only=True):
    """By id (`mv_...`)."""

    version: str


class FindVersion(msgspec.Struct, frozen=True, kw_only=True):
    """By number (`3`) or alias (`champion`)."""

    model: str
    reference: str


class PointAlias(msgspec.Struct, frozen=True, kw_only=True):
    model: str
    alias: str
    version: str
    reason: str = ""
    evidence: str = ""


class ListAliasHistory(msgspec.Struct, frozen=True, kw_only=True):
    """With `at`, only the spans in force at that moment."""

    model: str
    alias: str = ""
    at: datetime | None = None


class VersionRegistered(Event, frozen=True, kw_only=True):
    """The subject is the model."""

    version: str
    number: int
    metrics: dict[str, float]
    run: str


class AliasPointed(Event, frozen=True, kw_only=True):
    """The subject is the model."""

    alias: str
    version: str
    number: int
    reason: str
