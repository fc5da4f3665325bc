"""What the log and the labels say of both versions. Slow work: needs no transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from ondol.evals import service as evals
from ondol.features import service as features
from ondol.features.types import ServiceSpec
from ondol.kernel.lazy import lazy
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.rollout.rules import days
from ondol.rollout.rules.decision import LEAST_LABELLED
from ondol.rollout.types import Canary, Evidence
from ondol.serving import service as serving
from ondol.serving.types import Request

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

LEEWAY: Final = timedelta(days=2)
"""A request without a moment of its own is logged with that of its answer, not that of the dataset's row."""
LEAST_OF_A_CLASS: Final = 20
"""Below this many labels of either kind nothing is said about quality."""


def gather(tools: Tools, canary: Canary, spec: ServiceSpec, until: datetime) -> tuple[Evidence, int]:
    """The evidence since the canary began, verdict and reason still open, and how many
    requests the candidate has answered in the present stage."""
    requests = serving.requests_since(tools, canary.endpoint, canary.started_at, until)
    ours = [request for request in requests if request.version == canary.candidate]
    theirs = [request for request in requests if request.version == canary.champion]
    rows = labelled_rows(tools, canary, spec, until)
    lead, better, worse, by_days = _paired(tools, canary, rows)
    seen = Evidence(
        at=until,
        requests=len(requests),
        candidate_requests=len(ours),
        candidate_share=_share_of_rows(ours, requests),
        labelled_rows=rows.height,
        candidate_labelled_rows=rows.filter(pl.col("version") == canary.candidate).height if rows.height else 0,
        auc_candidate=_served_auc(rows, canary.candidate),
        auc_champion=_served_auc(rows, canary.champion),
        paired_lead=lead,
        p_better=better,
        p_worse=worse,
        p_better_by_days=by_days,
        errors_candidate=_error_rate(ours),
        errors_champion=_error_rate(theirs),
        latency_p95_candidate_ms=_p95(ours),
        latency_p95_champion_ms=_p95(theirs),
        verdict="wait",
        reason="",
    )
    return seen, sum(request.at >= canary.stage_since for request in ours)


def labelled_rows(tools: Tools, canary: Canary, spec: ServiceSpec, until: datetime) -> pl.DataFrame:
    """All logged rows since the canary began whose label is known by now, with it as the column `label`."""
    log = serving.read_log(tools, canary.endpoint, canary.started_at, until)
    if not log.height:
        return log
    rows = log.filter(pl.col("score").is_not_null())
    first, last = rows[spec.time].min(), rows[spec.time].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return rows.clear()
    labels = features.label_frame(tools, spec.name, first - LEEWAY, last + LEEWAY)
    labels = labels.select("key", "label").unique("key", keep="last")
    keyed = rows.with_columns(pl.col(spec.key).cast(pl.String))
    return keyed.join(labels, left_on=spec.key, right_on="key", how="inner", maintain_order="left")


def served_share(tools: Tools, canary: Canary, until: datetime) -> float:
    """The share of the rows answered since the canary began that the candidate answered."""
    requests = serving.requests_since(tools, canary.endpoint, canary.started_at, until)
    return _share_of_rows([request for request in requests if request.version == canary.candidate], requests)


def _paired(
    tools: Tools, canary: Canary, rows: pl.DataFrame
) -> tuple[float | None, float | None, float | None, float | None]:
    """Lead, `p_better`, `p_worse` and `p_better_by_days` of both models on every labelled row.

    Each row was answered by one of them, but its features are in the log, so both can be
    asked: ten times the rows that a tenth of the traffic brings, and the same rows for both.
    """
    positives = int(rows["label"].sum()) if rows.height else 0
    if rows.height < LEAST_LABELLED or min(positives, rows.height - positives) < LEAST_OF_A_CLASS:
        return None, None, None, None
    both = rows.select(
        "label",
        pl.col("at").dt.date().alias("day"),
        _scores(tools, rows, canary.candidate).alias("candidate"),
        _scores(tools, rows, canary.champion).alias("champion"),
    )
    lead, better, worse = evals.delong(both["label"], both["candidate"], both["champion"])
    return lead, better, worse, days.p_better_by_days(_daily_leads(both))


def _scores(tools: Tools, rows: pl.DataFrame, version: str) -> pl.Series:
    """What a version says of each row: what it answered stands in the log, only for the others is it asked."""
    placed = rows.with_row_index("place")
    answered = placed.filter(pl.col("version") == version).select("place", "score")
    others = placed.filter(pl.col("version") != version)
    asked = others.select("place", pl.Series("score", registry.load(tools, version).predict(others), pl.Float64))
    return pl.concat([answered, asked]).sort("place")["score"]


def _daily_leads(both: pl.DataFrame) -> list[float]:
    leads = []
    for day in both.partition_by("day", maintain_order=True):
        ours = evals.auc_or_none(day["label"], day["candidate"])
        theirs = evals.auc_or_none(day["label"], day["champion"])
        if ours is not None and theirs is not None:
            leads.append(ours - theirs)
    return leads


def _served_auc(rows: pl.DataFrame, version: str) -> float | None:
    if not rows.height:
        return None
    served = rows.filter(pl.col("version") == version)
    return evals.auc_or_none(served["label"], served["score"])


def _share_of_rows(ours: Sequence[Request], requests: Sequence[Request]) -> float:
    answered = sum(request.rows for request in requests)
    return sum(request.rows for request in ours) / answered if answered else 0.0


def _error_rate(requests: Sequence[Request]) -> float:
    return sum(request.status >= 500 for request in requests) / len(requests) if requests else 0.0


def _p95(requests: Sequence[Request]) -> float:
    latencies = sorted(request.latency_ms for request in requests)
    return latencies[min(len(latencies) - 1, int(0.95 * len(latencies)))] if latencies else 0.0
