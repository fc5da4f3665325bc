"""What a version learned, and what it sees now. Slow work: needs no transaction."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from ondol.evals import service as evals
from ondol.evals.types import Comparison, ListComparisons
from ondol.features import service as features
from ondol.features.types import ServiceSpec
from ondol.kernel.errors import Invalid, NotFound
from ondol.kernel.lazy import lazy
from ondol.monitoring.types import Baseline, FeatureBaseline, FeatureDrift, Quality
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.registry.types import Version
from ondol.serving import service as serving

if TYPE_CHECKING:
    import polars as pl

    from ondol.monitoring.rules import histograms
else:
    pl = lazy("polars")
    histograms = lazy("ondol.monitoring.rules.histograms")

FORMAT: Final = 1
KEPT: Final = 16
SCORED_ROWS: Final = 20_000
"""A histogram of scores needs no more rows than these, spread over the whole training set."""
LEEWAY: Final = timedelta(days=2)
"""A request without a moment of its own is logged with that of its answer, not that of the dataset's row."""

_known: OrderedDict[tuple[str, str], Baseline] = OrderedDict()
_known_lock = threading.Lock()


def baseline_of(tools: Tools, version: Version) -> Baseline:
    """The baseline of a version: made at its first check, then kept among the blobs."""
    key = (tools.blobs.url, version.id)
    with _known_lock:
        if found := _known.get(key):
            return found
    path = f"baselines/{version.id}.json"
    try:
        baseline = read_baseline(tools.blobs.get(path))
    except NotFound:
        baseline = _make_baseline(tools, version)
        tools.blobs.put_new(path, msgspec.json.encode(baseline))
    with _known_lock:
        _known[key] = baseline
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return baseline


def read_baseline(content: bytes) -> Baseline:
    """`Invalid` for a baseline of a later release."""
    found = msgspec.json.decode(content)
    if found["format"] > FORMAT:
        raise Invalid(
            f"The baseline of {found['version']} has format {found['format']}; this release reads {FORMAT}.",
            hint="Use the release that wrote it, or a later one.",
        )
    return msgspec.convert(found, Baseline)


def _make_baseline(tools: Tools, version: Version) -> Baseline:
    rows = features.training_frame(tools, version.training_set) if version.training_set else pl.DataFrame()
    with tools.transaction(write=False) as inner:
        expected, error = _expected_auc(inner, version)
    gains = {name: float(gain) for name, gain in version.signature.get("importance", {}).items()}
    total = sum(gains.values()) or 1.0
    sample = rows.gather_every(max(1, rows.height // SCORED_ROWS))
    scores = registry.load(tools, version.id).predict(sample) if sample.height else []
    return Baseline(
        format=FORMAT,
        version=version.id,
        training_set=version.training_set,
        rows=rows.height,
        features={
            name: _learned(rows[name], gains.get(name, 0.0) / total)
            for name in version.features
            if name in rows.columns
        },
        score=_learned(pl.Series("score", scores, dtype=pl.Float64), 0.0) if scores else None,
        expected_auc=expected,
        expected_auc_error=error,
    )


def _learned(values: pl.Series, importance: float) -> FeatureBaseline:
    edges = histograms.edges_of(histograms.finite(values))
    histogram, mean = histograms.histograms_of(values.to_frame(), {values.name: edges})[values.name]
    return FeatureBaseline(histogram=histogram, mean=mean, importance=importance)


def _expected_auc(tools: Tools, version: Version) -> tuple[float | None, float]:
    """The AUC that the newest comparison measured, with its standard error; otherwise what the run said."""
    found = [one for one in _comparisons(tools, version.model) if one.candidate == version.id]
    if not found:
        return version.metrics.get("auc"), 0.0
    scores = found[0].candidate_scores
    positives = round(scores.rows * scores.positive_share)
    return scores.auc, evals.auc_error(scores.auc, positives, scores.rows - positives)


def _comparisons(tools: Tools, model: str) -> list[Comparison]:
    return evals.list_comparisons(tools, ListComparisons(model=model))


def read_window(
    tools: Tools, endpoint: str, spec: ServiceSpec, version: str, since: datetime, until: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that a version answered at `since <= at < until`, and those of them that have a `label` by now."""
    log = serving.read_log(tools, endpoint, since, until)
    if not log.height:
        return log, log
    rows = log.filter(pl.col("version") == version, pl.col("score").is_not_null())
    if not rows.height:
        return rows, rows
    return rows, join_labels(tools, spec, rows)


def join_labels(tools: Tools, spec: ServiceSpec, rows: pl.DataFrame) -> pl.DataFrame:
    """The logged rows whose label is known by now, with it as the column `label`.

    They meet by the service's key; a row that was asked for twice counts twice.
    """
    first, last = rows[spec.time].min(), rows[spec.time].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return rows.clear()
    labels = features.label_frame(tools, spec.name, first - LEEWAY, last + LEEWAY)
    labels = labels.select("key", "label").unique("key", keep="last")
    keyed = rows.with_columns(pl.col(spec.key).cast(pl.String))
    return keyed.join(labels, left_on=spec.key, right_on="key", how="inner", maintain_order="left")


def quality_of(rows: pl.DataFrame, labelled: pl.DataFrame, baseline: Baseline) -> Quality:
    if not labelled.height:
        return Quality(
            rows=rows.height,
            labelled_rows=0,
            auc=None,
            expected_auc=baseline.expected_auc,
            auc_error=None,
            log_loss=None,
            positive_share=None,
            mean_score=None,
        )
    label, score = labelled["label"], labelled["score"]
    auc = evals.auc_or_none(label, score)
    positives = int(label.sum())
    return Quality(
        rows=rows.height,
        labelled_rows=labelled.height,
        auc=auc,
        expected_auc=baseline.expected_auc,
        auc_error=None if auc is None else evals.auc_error(auc, positives, labelled.height - positives),
        log_loss=evals.log_loss(label, score),
        positive_share=positives / labelled.height,
        mean_score=labelled.select(pl.col("score").mean()).item(),
    )


def drift_of(
    rows: pl.DataFrame, baseline: Baseline, psi_limit: float
) -> tuple[list[FeatureDrift], FeatureDrift | None]:
    """Each feature's drift, the largest first, and that of the score. Nothing without rows."""
    if not rows.height:
        return [], None
    learned = {name: one for name, one in baseline.features.items() if name in rows.columns}
    found = _compare(rows, learned, psi_limit)
    score = _compare(rows, {"score": baseline.score}, psi_limit) if baseline.score else [None]
    return sorted(found, key=lambda drift: -drift.psi), score[0]


def _compare(rows: pl.DataFrame, learned: dict[str, FeatureBaseline], psi_limit: float) -> list[FeatureDrift]:
    live = histograms.histograms_of(rows, {name: one.histogram.edges for name, one in learned.items()})
    drifts = []
    for name, before in learned.items():
        now, mean = live[name]
        psi = histograms.psi(before.histogram, now)
        drifts.append(
            FeatureDrift(
                feature=name,
                psi=psi,
                drifted=psi > psi_limit,
                baseline=before.histogram,
                live=now,
                baseline_mean=before.mean,
                live_mean=mean,
                importance=before.importance,
            )
        )
    return drifts
