"""What a version can be judged by and built again from."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

Role = Literal["train", "validation", "test"]


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """The rows `since <= time < until` of a training set, and what they were used for. `rule`: how they were chosen."""

    role: Role
    training_set: str
    table: str
    table_version: int
    rows: int
    since: datetime | None = None
    until: datetime | None = None
    rule: str = ""


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """An installed package. `content`: SHA-256 over the hashes of its installed files, from its RECORD; the same
    wheel gives the same one on every machine. Empty for packages installed from a working copy."""

    version: str
    content: str = ""


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    python: str = ""
    platform: str = ""
    packages: dict[str, Pin] = {}
    """Everything that the training process had loaded, and what that needs."""


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """How the parameters were found: `runs` trainings by `method`, over `ranges`; `chosen` are the values taken."""

    framework: str = ""
    method: str = ""
    runs: int = 0
    ranges: dict[str, Any] = {}
    chosen: dict[str, Any] = {}
    pipeline: str = ""
    parameters: dict[str, Any] = {}
    """Of the pipeline, as it was started."""
    entry: str = ""
    sources: list[str] = []
    """The files of the project; their text lies in the package."""


class PickleConsent(msgspec.Struct, frozen=True, kw_only=True):
    """Who said, and why, that a model may be read although reading it runs what is in it. `code` is `KEY:HMAC`."""

    by: str
    at: datetime
    reason: str
    code: str = ""


class VersionEvidence(msgspec.Struct, frozen=True, kw_only=True):
    splits: list[Split] = []
    environment: Environment = Environment()
    generation: Generation = Generation()
    featurise: list[str] = []
    """One line for each definition that makes the features; the definitions themselves lie in the package."""
    predict: str = ""
    """Which function turns features into a score."""
    plots: list[str] = []
    """Files of the package."""


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One of the eight kinds of artefact that a version should hold."""

    name: str
    present: bool
    summary: str
    """What is there, or why it is missing."""
    add: str = ""
    """What to type to add it."""


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    model: str
    number: int
    complete: bool
    kinds: list[Kind]


class GetPackageFile(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    path: str


class GetEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Of the version with this number or alias; of the newest one when none is given."""

    model: str
    reference: str = ""
