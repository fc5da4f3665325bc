"""Monitors: is the world still the one the model learned?"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from ondol.kernel.event import Event

CheckVerdict = Literal["fine", "drift", "too_few_rows"]
"""`drift` is a strike."""


class MonitorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Watches one endpoint, and has its name. `window` ends at the check.

    A strike is a check whose live AUC is below the expected one by more than
    `quality_margin` and beyond chance, or that finds `drift_features` features above
    `psi_limit`. `strikes` of them in a row raise an alarm. The cooldown starts when
    the loop that the last alarm started has ended.
    """

    endpoint: str
    labels: str
    """The dataset whose rows bring the labels, joined by the service's key."""
    every: str = "1d"
    window: str = "14d"
    on_drift: str = ""
    """The pipeline that an alarm starts."""
    cooldown: str = "7d"
    psi_limit: float = 0.25
    drift_features: int = 0
    """0: drifting features explain an alarm, but raise none."""
    quality_margin: float = 0.02
    strikes: int = 1
    minimum_rows: int = 500
    skew_limit: float = 0.0
    """Above this share of differing values people are told of skew; 0: served and offline values are not compared."""


class Monitor(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    spec: MonitorSpec
    last_check: datetime | None
    open_alarm: str
    updated_at: datetime


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """`shares[i]` of the rows lie in `[edges[i], edges[i+1])`; `missing` is the share of nulls.

    The first and the last bin also hold what lies outside of all edges.
    """

    edges: list[float]
    shares: list[float]
    missing: float


class FeatureDrift(msgspec.Struct, frozen=True, kw_only=True):
    """`psi`: population stability index, sum((live - base) * ln(live / base)) over the bins (and nulls)."""

    feature: str
    psi: float
    drifted: bool
    baseline: Histogram
    live: Histogram
    baseline_mean: float | None
    live_mean: float | None
    importance: float


class FeatureBaseline(msgspec.Struct, frozen=True, kw_only=True):
    histogram: Histogram
    mean: float | None
    importance: float = 0.0


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """The world that a version learned, kept as `baselines/<version>.json` among the blobs.

    `importance` sums to 1 over the features. `expected_auc` is what the gate measured
    on rows that the version had not learned; its standard error is 0 when unknown.
    """

    format: int
    version: str
    training_set: str
    rows: int
    features: dict[str, FeatureBaseline]
    score: FeatureBaseline | None = None
    expected_auc: float | None = None
    expected_auc_error: float = 0.0


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """Live quality of the answers given in a window; None where labels are missing."""

    rows: int
    labelled_rows: int
    auc: float | None
    expected_auc: float | None
    auc_error: float | None
    """Standard error of `auc` (Hanley and McNeil 1982)."""
    log_loss: float | None
    positive_share: float | None
    mean_score: float | None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """`features` are sorted by psi, largest first; a list of checks has only the drifted ones, and no histograms.

    `strikes`: how many checks of this version in a row, this one included, said `drift`.
    `score`: the drift of the answers themselves.
    """

    id: str
    endpoint: str
    version: str
    number: int
    at: datetime
    since: datetime
    until: datetime
    verdict: CheckVerdict
    reasons: list[str]
    quality: Quality
    features: list[FeatureDrift]
    score: FeatureDrift | None = None
    strikes: int = 0
    alarm: str = ""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    endpoint: str
    check: str
    version: str
    at: datetime
    features: list[str]
    """The drifting features, the most telling first (psi times importance)."""
    reasons: list[str]
    status: Literal["open", "closed"]
    closed_at: datetime | None = None
    outcome: str = ""


class FeatureSkew(msgspec.Struct, frozen=True, kw_only=True):
    """How far what was served of a feature is from what offline says for the same rows and moments.

    `differing` of `rows` values differ by more than a millionth of their size, or one side
    is null; `mean_difference` and `largest` are absolute, over the rows where both have a
    value. `*_missing`: null on one side alone.
    """

    feature: str
    rows: int
    differing: int
    share: float
    mean_difference: float
    largest: float
    served_missing: int
    offline_missing: int


class SkewCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A look at the rows that an endpoint answered at `since <= at < until`.

    `rows` of the logged ones were compared; for `waiting` others the dataset has no row yet.
    `share`: of the compared values, those that differ. `exceeded`: some feature's share is
    above `limit`. `features` are sorted by share, largest first.
    """

    id: str
    endpoint: str
    service: str
    at: datetime
    since: datetime
    until: datetime
    rows: int
    waiting: int
    share: float
    limit: float
    exceeded: bool
    features: list[FeatureSkew]


class QualityPoint(msgspec.Struct, frozen=True, kw_only=True):
    at: datetime
    number: int
    quality: Quality
    drifted: int
    alarm: str


class DeclareMonitor(msgspec.Struct, frozen=True, kw_only=True):
    spec: MonitorSpec


class ListMonitors(msgspec.Struct, frozen=True, kw_only=True):
    pass


class GetMonitor(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str


class GetBaseline(msgspec.Struct, frozen=True, kw_only=True):
    version: str


class CheckDrift(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str


class CheckSkew(msgspec.Struct, frozen=True, kw_only=True):
    """`window` ends now; at most `rows` of its rows are compared, chosen evenly."""

    endpoint: str
    window: str = "7d"
    rows: int = 5000
    limit: float = 0.01


class ListSkewChecks(msgspec.Struct, frozen=True, kw_only=True):
    """Of an endpoint, of all endpoints of a feature service, or all."""

    endpoint: str = ""
    service: str = ""
    limit: int = 50


class GetSkewCheck(msgspec.Struct, frozen=True, kw_only=True):
    check: str


class GetCheck(msgspec.Struct, frozen=True, kw_only=True):
    check: str


class ListChecks(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str
    limit: int = 100


class GetAlarm(msgspec.Struct, frozen=True, kw_only=True):
    alarm: str


class ListAlarms(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str = ""
    limit: int = 50


class CloseAlarm(msgspec.Struct, frozen=True, kw_only=True):
    alarm: str
    outcome: str = "by hand"


class ListQuality(msgspec.Struct, frozen=True, kw_only=True):
    endpoint: str


class DriftChecked(Event, frozen=True, kw_only=True):
    """The subject is the endpoint."""

    check: str
    verdict: str
    auc: float | None
    drifted: int


class DriftAlarm(Event, frozen=True, kw_only=True):
    """The subject is the endpoint."""

    alarm: str
    check: str
    features: list[str]
    reasons: list[str]
    pipeline: str


class AlarmClosed(Event, frozen=True, kw_only=True):
    """The subject is the endpoint."""

    alarm: str
    outcome: str


class SkewAlarm(Event, frozen=True, kw_only=True):
    """The subject is the endpoint, whose last check was within the limit. `features` differ too often, worst first."""

    check: str
    service: str
    features: list[str]
    share: float
    limit: float
