"""Candidate against champion, on the same rows, and the gate."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ondol.kernel.event import Event
from ondol.registry.types import GateRule


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Quality of a binary classifier's probabilities on labelled rows."""

    rows: int
    positive_share: float
    mean_score: float
    auc: float
    log_loss: float
    brier: float


class RuleResult(msgspec.Struct, frozen=True, kw_only=True):
    rule: GateRule
    passed: bool
    text: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """`p_value`: one-sided, paired (DeLong 1988): how likely is such a lead if the candidate is no better."""

    id: str
    model: str
    candidate: str
    champion: str
    """Empty when there was none, or none that learned the same label."""
    training_set: str
    since: datetime
    until: datetime
    candidate_scores: Scores
    champion_scores: Scores | None
    lead: float
    """AUC of the candidate minus AUC of the champion."""
    p_value: float | None
    passed: bool
    reason: str
    results: list[RuleResult]
    at: datetime
    run: str = ""


class Compare(msgspec.Struct, frozen=True, kw_only=True):
    """Compare a version with the champion on the rows of a training set with `since <= time < until`.

    The same `key` is one comparison.
    """

    candidate: str
    training_set: str
    since: datetime
    until: datetime
    key: str
    run: str = ""
    table: str = ""
    """The training set's table; `gold/training/<training_set>` when it is not given."""
    time: str = ""
    """Its column of moments; when it is not given, the only column of timestamps that is no feature."""


class GetComparison(msgspec.Struct, frozen=True, kw_only=True):
    comparison: str


class ListComparisons(msgspec.Struct, frozen=True, kw_only=True):
    model: str = ""
    limit: int = 50


class GateDecided(Event, frozen=True, kw_only=True):
    """The subject is the model."""

    comparison: str
    candidate: str
    champion: str
    passed: bool
    reason: str
    lead: float
