"""Compare a candidate with the champion on the same rows, and let the gate decide.

The measures of quality are here for the rooms above as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ondol.evals.rules import gate, quality, window
from ondol.evals.types import (
    Compare,
    Comparison,
    GateDecided,
    GetComparison,
    ListComparisons,
    Scores,
)
from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.kernel.operation import operation
from ondol.lineage import service as lineage
from ondol.lineage.types import Edge, Node
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.registry.types import GetModel, GetVersion, ModelSpec, Version

if TYPE_CHECKING:
    import polars as pl

    from ondol.evals import repo
    from ondol.evals.rules.quality import Values
else:
    repo = lazy("ondol.evals.repo")

CHAMPION = "champion"
LIST_LIMIT = 1_000


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """Who is compared with whom, by whose gate."""

    candidate: Version
    champion: Version | None
    spec: ModelSpec


@operation("evals.compare", "POST", "/v1/comparisons", scope="write", long=True)
def compare(tools: Tools, request: Compare) -> Comparison:
    """Compare a version with the champion on the same labelled rows, and let the model's gate decide."""
    _check(request)
    with tools.transaction(write=False) as inner:
        if known := repo.find_by_key(inner.connection, request.key):
            return known
        case = _case(inner, request.candidate)
    evidence, champion = _weigh(tools, request, case)
    results = [gate.judge(rule, evidence) for rule in case.spec.gate]
    passed, reason = gate.decide(results, evidence)
    comparison = Comparison(
        id=tools.new_id("cmp"),
        model=case.candidate.model,
        candidate=case.candidate.id,
        champion=champion,
        training_set=request.training_set,
        since=window.utc(request.since),
        until=window.utc(request.until),
        candidate_scores=evidence.candidate,
        champion_scores=evidence.champion,
        lead=evidence.lead,
        p_value=evidence.p_value,
        passed=passed,
        reason=reason,
        results=results,
        at=tools.now(),
        run=request.run,
    )
    with tools.transaction(write=True) as inner:
        if known := repo.find_by_key(inner.connection, request.key):
            return known
        _keep(inner, comparison, request.key, case.candidate.number)
    return comparison


@operation("evals.get", "GET", "/v1/comparisons/{comparison}", scope="read")
def get_comparison(tools: Tools, request: GetComparison) -> Comparison:
    """A comparison with the scores of both sides and what each rule of the gate said."""
    if found := repo.find_by_id(tools.connection, request.comparison):
        return found
    raise NotFound(f"There is no comparison {request.comparison!r}.", hint="`ondol evals list` shows them.")


@operation("evals.list", "GET", "/v1/comparisons", scope="read")
def list_comparisons(tools: Tools, request: ListComparisons) -> list[Comparison]:
    """Comparisons of one model, or of all, the newest first."""
    if not 1 <= request.limit <= LIST_LIMIT:
        raise Invalid(f"limit is {request.limit}; it may be 1 to {LIST_LIMIT}.")
    return repo.newest(tools.connection, request.model, request.limit)


def scores(labels: Values, predictions: Values) -> Scores:
    """Quality of the probabilities `predictions` for the 0/1 `labels`; `Invalid` when a class is missing."""
    return quality.scores(labels, predictions)


def auc_or_none(labels: Values, predictions: Values) -> float | None:
    """Area under the ROC curve, ties counting half; None when a class is missing."""
    return quality.auc_or_none(labels, predictions)


def log_loss(labels: Values, predictions: Values) -> float | None:
    """Mean logarithmic loss in nats; None without rows."""
    return quality.log_loss(labels, predictions)


def delong(labels: Values, a: Values, b: Values) -> tuple[float, float, float]:
    """`(lead, p_better, p_worse)` of `a` over `b` on the same rows (DeLong 1988); `Invalid` with fewer than
    two rows of a class."""
    return quality.delong(labels, a, b)


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """Standard error of an AUC (Hanley and McNeil 1982)."""
    return quality.auc_error(auc, positives, negatives)


def _check(request: Compare) -> None:
    if not 1 <= len(request.key) <= 200:
        raise Invalid(f"`key` has {len(request.key)} characters; 1 to 200.", hint="Give the id of the run, say.")
    if window.utc(request.since) >= window.utc(request.until):
        raise Invalid(f"The window ends ({request.until}) before it begins ({request.since}).")


def _case(tools: Tools, candidate: str) -> _Case:
    version = registry.get_version(tools, GetVersion(version=candidate))
    return _Case(
        candidate=version,
        champion=registry.version_at(tools, version.model, CHAMPION),
        spec=registry.get_model(tools, GetModel(model=version.model)).spec,
    )


def _weigh(tools: Tools, request: Compare, case: _Case) -> tuple[gate.Evidence, str]:
    """The evidence, and the id of the champion it compares with (empty when it compares with none)."""
    candidate, champion = case.candidate, case.champion
    features = [*candidate.features, *(champion.features if champion else [])]
    table = request.table or f"gold/training/{request.training_set}"
    rows = window.select(
        tools.tables.scan(table),
        time=request.time,
        since=request.since,
        until=request.until,
        features=features,
        name=table,
    )
    labels = rows[window.LABEL]
    answers = _answers(tools, candidate, rows)
    ours = quality.scores(labels, answers)
    alone = gate.why_alone(candidate, champion, rows.columns)
    if champion is None or alone:
        return gate.Evidence(candidate=ours, alone=alone), ""
    their_answers = _answers(tools, champion, rows)
    lead, p_value, _ = quality.delong(labels, answers, their_answers)
    evidence = gate.Evidence(
        candidate=ours,
        champion=quality.scores(labels, their_answers),
        champion_number=champion.number,
        lead=lead,
        p_value=p_value,
    )
    return evidence, champion.id


def _answers(tools: Tools, version: Version, rows: pl.DataFrame) -> list[float]:
    return registry.load(tools, version.id).predict(rows)


def _keep(tools: Tools, comparison: Comparison, key: str, number: int) -> None:
    repo.insert(tools.connection, comparison, key)
    title = f"{comparison.model} {number}: {'passed' if comparison.passed else 'refused'}"
    facts = {"reason": comparison.reason, "lead": comparison.lead, "p_value": comparison.p_value}
    origins = [
        (comparison.candidate, "judged"),
        (comparison.champion, "compared_with"),
        (comparison.training_set, "measured_on"),
        (comparison.run, "decided_in"),
    ]
    lineage.record(
        tools,
        nodes=[Node(id=comparison.id, kind="comparison", title=title, facts=facts, at=comparison.at)],
        edges=[Edge(made=comparison.id, origin=origin, relation=relation) for origin, relation in origins if origin],
    )
    tools.emit(
        GateDecided(
            subject=comparison.model,
            comparison=comparison.id,
            candidate=comparison.candidate,
            champion=comparison.champion,
            passed=comparison.passed,
            reason=comparison.reason,
            lead=comparison.lead,
        )
    )
