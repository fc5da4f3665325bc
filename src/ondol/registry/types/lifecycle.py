"""What happens to versions after they were registered: traffic, reviews, notes, removal."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ondol.kernel.event import Event
from ondol.registry.types.evidence import Split

Stage = Literal["None", "Staging", "Production", "Archived"]
Verdict = Literal["approved", "changes_requested", "rejected"]
ReviewStatus = Literal["open", "approved", "changes_requested", "rejected"]


class TrafficShare(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    number: int
    share: float
    role: str


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """A version that answers a share of an endpoint's traffic, from when to when, and who put it there, why."""

    endpoint: str
    version: str
    number: int
    share: float
    role: str
    since: datetime
    until: datetime | None
    by: str
    reason: str
    evidence: str = ""
    """The id of a comparison or canary."""


class Production(msgspec.Struct, frozen=True, kw_only=True):
    """`answering`: who answered at `at`. `spans`: all spans, the newest first."""

    model: str
    at: datetime
    now: datetime
    answering: list[Answered]
    spans: list[Answered]
    champion: str = ""
    """The version that the alias `champion` pointed at then."""


class GetProduction(msgspec.Struct, frozen=True, kw_only=True):
    """`at`: a moment, now by default. Without an endpoint: all endpoints of the model."""

    model: str
    at: datetime | None = None
    endpoint: str = ""


class Review(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    model: str
    version: str
    number: int
    status: ReviewStatus
    asked_by: str
    asked_at: datetime
    note: str = ""
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""


class AskReview(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    note: str = ""


class DecideReview(msgspec.Struct, frozen=True, kw_only=True):
    """Changes and rejections need a reason."""

    review: str
    verdict: Verdict
    reason: str = ""


class ListReviews(msgspec.Struct, frozen=True, kw_only=True):
    model: str = ""
    status: str = ""
    limit: int = 100


class AnnotateModel(msgspec.Struct, frozen=True, kw_only=True):
    """What is not given stays as it is."""

    model: str
    description: str | None = None
    tags: dict[str, str] = {}
    untag: list[str] = []


class AnnotateVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What is not given stays as it is."""

    version: str
    description: str | None = None
    tags: dict[str, str] = {}
    untag: list[str] = []


class RenameModel(msgspec.Struct, frozen=True, kw_only=True):
    model: str
    to: str


class RemoveModel(msgspec.Struct, frozen=True, kw_only=True):
    model: str


class RemoveVersion(msgspec.Struct, frozen=True, kw_only=True):
    version: str


class RemoveAlias(msgspec.Struct, frozen=True, kw_only=True):
    model: str
    alias: str


class StageVersion(msgspec.Struct, frozen=True, kw_only=True):
    """`archive_existing`: other versions in this stage go to `Archived`."""

    version: str
    stage: Stage
    archive_existing: bool = False


class LinkVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A model whose files lie elsewhere, at the address `source`; a client of another registry keeps it there.

    `number` is for a version that is taken over: the one it had, which must be greater than all of the model's.
    """

    model: str
    source: str
    location: str = ""
    folder: str = ""
    """Where the files lie among the blobs of this house, if they do."""
    run: str = ""
    run_link: str = ""
    description: str = ""
    number: int = 0
    tags: dict[str, str] = {}


class AdoptVersion(msgspec.Struct, frozen=True, kw_only=True):
    """`label`: what the model was trained to predict. `service`: the feature service whose features it reads.

    `trust_pickle`: a model that is a pickle is taken too, although reading it runs what is in it; `reason` says why,
    and both are written down with who said so. `features`: what it reads, where its `MLmodel` does not say.
    """

    version: str
    label: str = ""
    service: str = ""
    trust_pickle: bool = False
    reason: str = ""
    features: list[str] = []


class SearchModels(msgspec.Struct, frozen=True, kw_only=True):
    """`filter`: `name LIKE 'flight%' AND tags.team = 'ops'`. `order_by`: `name ASC`, `last_updated_timestamp DESC`."""

    filter: str = ""
    order_by: list[str] = []
    limit: int = 100
    token: str = ""


class SearchVersions(msgspec.Struct, frozen=True, kw_only=True):
    """`filter`: `name = 'flight-delay' AND run_id IN ('run_1', 'run_2')`; also `source_path`, `version_number`,
    `tags.KEY`. `order_by`: `name`, `version_number`, `creation_timestamp`, `last_updated_timestamp`."""

    filter: str = ""
    order_by: list[str] = []
    limit: int = 100
    token: str = ""


class PruneModels(msgspec.Struct, frozen=True, kw_only=True):
    """Keep the newest `keep` packages of each model, and all that aliases, endpoints and open reviews need."""

    keep: int
    model: str = ""
    dry_run: bool = False


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    model: str
    number: int
    bytes: int
    kept_because: str = ""
    """Empty: its files go (or, in a dry run, would go)."""


class PruneReport(msgspec.Struct, frozen=True, kw_only=True):
    dry_run: bool
    freed_bytes: int
    gone: list[Pruned]
    kept: list[Pruned]
    orphans: list[str]
    """Folders of packages that no version has registered for a day."""


class Deviation(msgspec.Struct, frozen=True, kw_only=True):
    what: str
    recorded: str
    found: str


class Reproduction(msgspec.Struct, frozen=True, kw_only=True):
    """A version built anew from what the registry holds, beside the one that was registered."""

    version: str
    model: str
    number: int
    equal: bool
    """All metrics are equal."""
    identical: bool
    """The files of the model are the same, byte for byte."""
    metrics: dict[str, float]
    again: dict[str, float]
    data: list[str]
    """What was found out about the data."""
    splits: list[Split]
    differences: list[Deviation]
    environment: list[Deviation]
    seconds: float


class ReviewAsked(Event, frozen=True, kw_only=True):
    """The subject is the model."""

    review: str
    version: str
    number: int
    by: str


class ReviewDecided(Event, frozen=True, kw_only=True):
    """The subject is the model."""

    review: str
    version: str
    number: int
    verdict: str
    by: str
    reason: str
