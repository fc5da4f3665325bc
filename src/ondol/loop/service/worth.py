"""What was the loop worth: the answers given, against those of the frozen first champion."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ondol.evals import service as evals
from ondol.features import service as features
from ondol.features.types import ServiceSpec
from ondol.kernel.lazy import lazy
from ondol.loop.types import WorthMonth
from ondol.ports.tools import Tools
from ondol.registry import service as registry
from ondol.serving import service as serving

if TYPE_CHECKING:
    import polars as pl
else:
    pl = lazy("polars")

SETTLED: Final = timedelta(days=1)
"""Rows answered so long ago are all in the log: they are read and scored once."""
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Known:
    """What one process has worked out for an endpoint so far. `months` by month: rows, labelled rows, result."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    until: datetime = _BEGINNING
    rows: list[pl.DataFrame] = field(default_factory=list)
    months: dict[str, tuple[int, WorthMonth]] = field(default_factory=dict)


_known: dict[tuple[str, str, str], _Known] = {}
_known_lock = threading.Lock()


def months_of(
    tools: Tools, endpoint: str, spec: ServiceSpec, frozen: str
) -> tuple[list[WorthMonth], WorthMonth | None]:
    """Served and frozen quality by calendar month (UTC) of the service's time column, and over all of it.

    Months in which no label arrived since the last call are not worked out again, and
    no row is scored twice. Months with labels of one kind only are left out.
    """
    key = (tools.blobs.url, endpoint, frozen)
    with _known_lock:
        known = _known.setdefault(key, _Known())
    with known.lock:
        rows = _scored(tools, endpoint, spec, frozen, known)
        if rows is None:
            return [], None
        labelled = _with_labels(tools, spec, rows)
        return _by_month(labelled, known)


def _scored(tools: Tools, endpoint: str, spec: ServiceSpec, frozen: str, known: _Known) -> pl.DataFrame | None:
    """`key`, `time`, `number`, `served` and `frozen` of every logged row."""
    now = tools.now()
    settled = max(known.until, now - SETTLED)
    score = _scorer(tools, spec, frozen)
    if settled > known.until:
        if (fresh := score(serving.read_log(tools, endpoint, known.until, settled))) is not None:
            known.rows.append(fresh)
        known.until = settled
    newest = score(serving.read_log(tools, endpoint, settled, now + timedelta(microseconds=1)))
    parts = [*known.rows, *([newest] if newest is not None else [])]
    return pl.concat(parts) if parts else None


def _scorer(tools: Tools, spec: ServiceSpec, frozen: str) -> Callable[[pl.DataFrame], pl.DataFrame | None]:
    def score(log: pl.DataFrame) -> pl.DataFrame | None:
        if not log.height:
            return None
        answered = log.filter(pl.col("score").is_not_null(), pl.col(spec.key).is_not_null())
        if not answered.height:
            return None
        return answered.select(
            pl.col(spec.key).cast(pl.String).alias("key"),
            pl.col(spec.time).cast(pl.Datetime("us", "UTC")).alias("time"),
            pl.col("number").cast(pl.Int64),
            pl.col("score").cast(pl.Float64).alias("served"),
            pl.Series("frozen", registry.load(tools, frozen).predict(answered), dtype=pl.Float64),
        )

    return score


def _with_labels(tools: Tools, spec: ServiceSpec, rows: pl.DataFrame) -> pl.DataFrame:
    labels = features.label_frame(tools, spec.name, None, None)
    return rows.join(labels.select("key", "label").unique("key", keep="last"), on="key", how="inner").with_columns(
        month=pl.col("time").dt.strftime("%Y-%m")
    )


def _by_month(rows: pl.DataFrame, known: _Known) -> tuple[list[WorthMonth], WorthMonth | None]:
    fresh = False
    for (month,), part in sorted(rows.partition_by("month", as_dict=True).items()):
        name = str(month)
        if name in known.months and known.months[name][0] == part.height:
            continue
        if (found := _month(name, part)) is not None:
            known.months[name] = (part.height, found)
            fresh = True
    if fresh and (total := _month("all", rows)) is not None:
        known.months["all"] = (rows.height, total)
    months = [month for name, (_, month) in sorted(known.months.items()) if name != "all"]
    return months, known.months["all"][1] if "all" in known.months else None


def _month(name: str, rows: pl.DataFrame) -> WorthMonth | None:
    served = evals.auc_or_none(rows["label"], rows["served"])
    frozen = evals.auc_or_none(rows["label"], rows["frozen"])
    log_loss_served = evals.log_loss(rows["label"], rows["served"])
    log_loss_frozen = evals.log_loss(rows["label"], rows["frozen"])
    if served is None or frozen is None or log_loss_served is None or log_loss_frozen is None:
        return None
    return WorthMonth(
        month=name,
        rows=rows.height,
        positive_share=int(rows["label"].sum()) / rows.height,
        auc_served=served,
        auc_frozen=frozen,
        log_loss_served=log_loss_served,
        log_loss_frozen=log_loss_frozen,
        versions=sorted(rows["number"].unique().to_list()),
    )
