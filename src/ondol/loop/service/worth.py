"""What was the loop worth: the answers given, against those of the frozen first champion."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
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
    """What this process has worked out for an endpoint: rows answered before `until` with their
    labels by month, rows that still wait for one, and the result of each month by its number of rows."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    until: datetime = _BEGINNING
    labelled: dict[date, pl.DataFrame] = field(default_factory=dict)
    waiting: pl.DataFrame | None = None
    results: dict[str, WorthMonth] = field(default_factory=dict)


_known: dict[tuple[str, str, str, str], _Known] = {}
_known_lock = threading.Lock()


def months_of(
    tools: Tools, endpoint: str, spec: ServiceSpec, frozen: str
) -> tuple[list[WorthMonth], WorthMonth | None]:
    """Served and frozen quality by calendar month (UTC) of the service's time column, and over all of it.

    No row is scored twice, and a label is taken as it is first known. Months with
    labels of one kind only are left out.
    """
    with _known_lock:
        known = _known.setdefault((tools.blobs.url, endpoint, frozen, spec.label), _Known())
    with known.lock:
        labels = features.label_frame(tools, spec.name, None, None).select("key", "label")
        now = tools.now()
        if now - SETTLED > known.until:
            _settle(known, _scored(tools, endpoint, spec, frozen, (known.until, now - SETTLED)))
            known.until = now - SETTLED
        if known.waiting is not None:
            fresh, known.waiting = _meet(known.waiting, labels)
            for month, rows in _by_month(fresh).items():
                known.labelled[month] = pl.concat([known.labelled[month], rows]) if month in known.labelled else rows
        newest = _scored(tools, endpoint, spec, frozen, (known.until, now + timedelta(microseconds=1)))
        return _results(known, {} if newest is None else _by_month(_meet(newest, labels)[0]))


def _scored(
    tools: Tools, endpoint: str, spec: ServiceSpec, frozen: str, span: tuple[datetime, datetime]
) -> pl.DataFrame | None:
    """`key`, `month`, `number`, `served` and `frozen` of the rows answered in a span; None without any."""
    log = serving.read_log(tools, endpoint, *span)
    answered = log.filter(pl.col("score").is_not_null(), pl.col(spec.key).is_not_null()) if log.height else log
    if not answered.height:
        return None
    return answered.select(
        pl.col(spec.key).cast(pl.String).alias("key"),
        pl.col(spec.time).cast(pl.Date).dt.truncate("1mo").alias("month"),
        pl.col("number").cast(pl.Int64),
        pl.col("score").cast(pl.Float64).alias("served"),
        pl.Series("frozen", registry.load(tools, frozen).predict(answered), dtype=pl.Float64),
    )


def _settle(known: _Known, rows: pl.DataFrame | None) -> None:
    if rows is not None:
        known.waiting = rows if known.waiting is None else pl.concat([known.waiting, rows])


def _meet(rows: pl.DataFrame, labels: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows whose label is known, with it, and the others."""
    wanted = labels.join(rows.select("key"), on="key", how="semi").unique("key", keep="last")
    found = rows.join(wanted, on="key", how="inner", maintain_order="left")
    return found, rows.join(wanted, on="key", how="anti", maintain_order="left")


def _by_month(rows: pl.DataFrame) -> dict[date, pl.DataFrame]:
    return {key[0]: part for key, part in rows.partition_by("month", as_dict=True, maintain_order=True).items()}


def _results(known: _Known, newest: dict[date, pl.DataFrame]) -> tuple[list[WorthMonth], WorthMonth | None]:
    parts: dict[date, list[pl.DataFrame]] = {}
    for source in (known.labelled, newest):
        for month, rows in source.items():
            parts.setdefault(month, []).append(rows)
    months = [_result(known, f"{month:%Y-%m}", parts[month]) for month in sorted(parts)]
    total = _result(known, "all", [part for month in parts.values() for part in month]) if parts else None
    return [month for month in months if month is not None], total


def _result(known: _Known, name: str, parts: list[pl.DataFrame]) -> WorthMonth | None:
    """The quality on these rows, worked out anew when there are more of them than last time."""
    before = known.results.get(name)
    if before is not None and before.rows == sum(part.height for part in parts):
        return before
    found = _quality(name, pl.concat(parts))
    if found is not None:
        known.results[name] = found
    return found


def _quality(name: str, rows: pl.DataFrame) -> WorthMonth | None:
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
